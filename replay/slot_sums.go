package replay

import (
	"iter"

	"ledge/journal"
	"ledge/replay/value"
)

// slotSum is how many keys a slot of a database has, and what their rows add to the database's
// digest.
type slotSum struct {
	keys uint32
	// timed is how many keys have a deadline, and deadlines the sum of them.
	timed     uint32
	digest    journal.Digest
	deadlines int64
}

// slotSums are those of all slots. They are kept in a cluster alone: finding a key's slot takes
// time. They come in pages, and a page in which there was never a key is not there: a check and
// a FLUSHALL begin with none, where all slots take 393 KiB.
type slotSums struct {
	pages [(journal.MaxSlot + 1) / sumsPage]*[sumsPage]slotSum

	shown  *shownSlots
	hidden hiddenSums // of the slots that are not shown
}

const sumsPage = 256

// newSums returns the sums of a database without keys.
func newSums(shown *shownSlots) *slotSums { return &slotSums{shown: shown} }

// at returns the sum of a slot.
func (t *slotSums) at(slot uint16) slotSum {
	if p := t.pages[slot/sumsPage]; p != nil {
		return p[slot%sumsPage]
	}
	return slotSum{}
}

// of returns the sum of a slot, to be changed.
func (t *slotSums) of(slot uint16) *slotSum {
	p := t.pages[slot/sumsPage]
	if p == nil {
		p = new([sumsPage]slotSum)
		t.pages[slot/sumsPage] = p
	}
	return &p[slot%sumsPage]
}

// withKeys yields the slots that have keys, in order.
func (t *slotSums) withKeys() iter.Seq2[uint16, *slotSum] {
	return func(yield func(uint16, *slotSum) bool) {
		for i, p := range t.pages {
			if p == nil {
				continue
			}
			for j := range p {
				if p[j].keys > 0 && !yield(uint16(i*sumsPage+j), &p[j]) {
					return
				}
			}
		}
	}
}

// add counts so many keys more, and a digest, in a slot.
func (t *slotSums) add(slot uint16, more int, by journal.Digest) {
	s := t.of(slot)
	s.keys += uint32(more)
	s.digest += by
	if !t.shown.has(slot) {
		t.hidden.keys += more
	}
}

// time counts a key's deadline, or with -1 that it has it no more. 0 is no deadline.
func (t *slotSums) time(key string, more int, at int64) {
	if at == 0 {
		return
	}
	slot := value.Slot(key)
	s := t.of(slot)
	s.timed += uint32(more)
	s.deadlines += int64(more) * at
	if !t.shown.has(slot) {
		t.hidden.timed += more
		t.hidden.deadlines += int64(more) * at
	}
}

// show has keys of other slots than before be hidden.
func (t *slotSums) show(shown *shownSlots) {
	t.shown, t.hidden = shown, hiddenSums{}
	if shown == nil {
		return
	}
	for slot, s := range t.withKeys() {
		if !shown.has(slot) {
			t.hidden.keys += int(s.keys)
			t.hidden.timed += int(s.timed)
			t.hidden.deadlines += s.deadlines
		}
	}
}

// same reports whether two have the same sums, and show the same slots.
func (t *slotSums) same(other *slotSums) bool {
	if t.shown != other.shown || t.hidden != other.hidden {
		return false
	}
	for slot := range uint16(journal.MaxSlot + 1) {
		if t.at(slot) != other.at(slot) {
			return false
		}
	}
	return true
}

// countAll counts the keys of a dict, none of which has been counted.
func (t *slotSums) countAll(d *dict) {
	for b := range d.all() {
		t.add(value.Slot(b.Name()), 1, value.BlockDigest(b, value.Sum(b.Name())))
		t.time(b.Name(), 1, value.RecordOf(b).At)
	}
}

// slotChange is what slotSums.add is still to be called with.
type slotChange struct {
	sums *slotSums
	slot uint16
	more int16
	by   journal.Digest
}

// sumsAtOnce is how many changes of sums of slots wait for each other. Each is at another
// place in memory, which the processor has to fetch: of many in a row it fetches several
// at a time.
const sumsAtOnce = 64

// sum counts a key more or less under a name, or none, and by how much the digest of its row grows:
// in the database, and in a cluster in the name's slot, before the batch is over.
func (t *tables) sum(db *database, key string, more int, by journal.Digest) {
	db.digest += by
	if db.slots == nil {
		return
	}
	if len(t.s.sums) == sumsAtOnce {
		t.sumSlots()
	}
	t.s.sums = append(t.s.sums, slotChange{db.slots, value.Slot(key), int16(more), by})
}

// sumSlots makes the changes that wait.
func (t *tables) sumSlots() {
	for _, c := range t.s.sums {
		c.sums.add(c.slot, int(c.more), c.by)
	}
	t.forgetSums()
}

// forgetSums drops the changes that wait.
func (t *tables) forgetSums() {
	clear(t.s.sums)
	t.s.sums = t.s.sums[:0]
}
