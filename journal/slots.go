package journal

import (
	"strconv"
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
