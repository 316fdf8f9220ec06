package journal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The effects on who owns which hash slots. What a journal says of slots is custody: only
// the owner at one epoch can hand a slot over to the next, by an entry of its own journal.

// SlotRange is the hash slots from First to Last.
type SlotRange struct{ First, Last uint16 }

// Len returns how many slots there are in the range.
func (r SlotRange) Len() int { return int(r.Last) - int(r.First) + 1 }

// OwnedRange is slots that came to their owner at one epoch.
type OwnedRange struct {
	SlotRange
	Epoch uint64
}

// SlotsFound makes the journal's shard the owner of some slots, at epoch 1, in the
// cluster of that id. A journal has it once at most.
type SlotsFound struct {
	Cluster string
	Ranges  []SlotRange
}

// Kind returns KindSlotsFound.
func (*SlotsFound) Kind() Kind { return KindSlotsFound }

func (*SlotsFound) key() (DB, string) { return 0, "" }

func (o *SlotsFound) fields(c *coder) {
	c.cluster(&o.Cluster)
	c.ranges("Ranges", &o.Ranges)
}

// ClusterJoin makes the journal's shard one of a cluster, in which it owns nothing yet.
type ClusterJoin struct{ Cluster string }

// Kind returns KindClusterJoin.
func (*ClusterJoin) Kind() Kind { return KindClusterJoin }

func (*ClusterJoin) key() (DB, string) { return 0, "" }

func (o *ClusterJoin) fields(c *coder) { c.cluster(&o.Cluster) }

// ClusterLeave ends that the journal's shard is one of a cluster. It owns nothing then.
type ClusterLeave struct{}

// Kind returns KindClusterLeave.
func (*ClusterLeave) Kind() Kind { return KindClusterLeave }

func (*ClusterLeave) key() (DB, string) { return 0, "" }

func (*ClusterLeave) fields(*coder) {}

// SeizeEpochs is by how much the epoch of slots is raised at least when they are seized. Moves
// raise it by one each, and so never by as much.
const SeizeEpochs = 1 << 32

// SlotsSeize makes the journal's shard the owner of slots of another shard that is gone for
// good, without what they held there. A person has said so.
type SlotsSeize struct {
	Ranges []SlotRange
	Epoch  uint64
	From   Lineage
}

// Kind returns KindSlotsSeize.
func (*SlotsSeize) Kind() Kind { return KindSlotsSeize }

func (*SlotsSeize) key() (DB, string) { return 0, "" }

func (o *SlotsSeize) fields(c *coder) {
	c.ranges("Ranges", &o.Ranges)
	c.uint("Epoch", &o.Epoch)
	if c.doing == reading && o.Epoch < SeizeEpochs {
		c.fail("slots that are seized at epoch %d", o.Epoch)
	}
	c.uint("From", (*uint64)(&o.From))
}

// SlotsYield ends that the journal's shard owns slots that another one has seized. What
// they hold here may be cleared.
type SlotsYield struct{ Ranges []SlotRange }

// Kind returns KindSlotsYield.
func (*SlotsYield) Kind() Kind { return KindSlotsYield }

func (*SlotsYield) key() (DB, string) { return 0, "" }

func (o *SlotsYield) fields(c *coder) { c.ranges("Ranges", &o.Ranges) }

// cluster is for a cluster's id, which is not empty.
func (c *coder) cluster(v *string) {
	c.string("Cluster", v)
	if c.doing == reading && *v == "" {
		c.fail("a cluster without an id")
	}
}

// ranges is for slots, of which there is one at least: ranges that ascend, and of which
// no two could be one.
func (c *coder) ranges(name string, v *[]SlotRange) {
	switch c.doing {
	case sizing:
		c.size += maxVarint + 2*maxVarint*len(*v)
	case writing:
		c.out = appendUint(c.out, uint64(len(*v)))
		for _, r := range *v {
			c.out = appendUint(appendUint(c.out, uint64(r.First)), uint64(r.Last))
		}
	case reading:
		n := c.readCount()
		*v = make([]SlotRange, 0, min(n, uint64(len(c.rest)), trusted))
		next := 0 // the first slot that may be
		for ; n > 0 && c.err == ""; n-- {
			first, last := c.readUint(), c.readUint()
			if last > MaxSlot || first > last || first < uint64(next) {
				c.fail("slots %d to %d where %d or more were expected", first, last, next)
				return
			}
			*v = append(*v, SlotRange{uint16(first), uint16(last)})
			next = int(last) + 2
		}
	case showing:
		c.show(name, *v)
	}
}

// InOrder puts ranges in the order of their slots, and returns them.
func InOrder(ranges []SlotRange) []SlotRange {
	slices.SortFunc(ranges, func(a, b SlotRange) int { return int(a.First) - int(b.First) })
	return ranges
}

// SlotsText writes ranges of slots as people do: 0-99,120.
func SlotsText(ranges []SlotRange) string {
	var b []byte
	for i, r := range ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last > r.First {
			b = strconv.AppendUint(append(b, '-'), uint64(r.Last), 10)
		}
	}
	return string(b)
}

// ParseSlots is the opposite of SlotsText. The ranges may stand in any order, and touch, but
// no slot may stand twice.
func ParseSlots(text string) ([]SlotRange, error) {
	var list []SlotRange
	for word := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(word, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a > b || b > MaxSlot {
			return nil, fmt.Errorf("%.40q is no range of slots: want 0-%d, or several such as 0-99,120", word, MaxSlot)
		}
		list = append(list, SlotRange{uint16(a), uint16(b)})
	}
	InOrder(list)
	joined := list[:1]
	for _, r := range list[1:] {
		switch last := &joined[len(joined)-1]; {
		case r.First <= last.Last:
			return nil, fmt.Errorf("slot %d stands twice", r.First)
		case r.First == last.Last+1:
			last.Last = r.Last
		default:
			joined = append(joined, r)
		}
	}
	return joined, nil
}
