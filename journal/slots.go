package journal

import (
	"cmp"
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
	c.string("Cluster", &o.Cluster)
	if c.doing == reading && o.Cluster == "" {
		c.fail("a cluster without an id")
	}
	c.ranges("Ranges", &o.Ranges)
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

// ParseSlots is the opposite of SlotsText. The ranges may come in any order and touch
// each other, and are returned in order, as few as they can be.
func ParseSlots(text string) ([]SlotRange, error) {
	var list []SlotRange
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		f, err1 := strconv.ParseUint(first, 10, 16)
		l, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || l > MaxSlot || f > l {
			return nil, fmt.Errorf("%.40q is no range of slots; want some like 0-8191,9000, of 0 to %d", part, MaxSlot)
		}
		list = append(list, SlotRange{uint16(f), uint16(l)})
	}
	slices.SortFunc(list, func(a, b SlotRange) int { return cmp.Compare(a.First, b.First) })
	joined := list[:1]
	for _, r := range list[1:] {
		end := &joined[len(joined)-1]
		switch {
		case r.First <= end.Last:
			return nil, fmt.Errorf("slot %d is named twice", r.First)
		case r.First == end.Last+1:
			end.Last = r.Last
		default:
			joined = append(joined, r)
		}
	}
	return joined, nil
}
