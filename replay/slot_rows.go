package replay

import (
	"errors"
	"slices"
	"sync"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/value"
)

// What moving slots needs of a state: the rows of slots as they are at a number, effects
// that another shard's journal has had, and that nothing is written to slots any more.

// Rows calls fn with the rows of database 0 from a position on, in order, until it returns
// false: expired ones too, and those of slots that the shard does not own. What the rows
// hold may be read until release is called, also after the view has ended.
func (v *View) Rows(from uint64, fn func(pos uint64, key string, r value.Record) bool) (release func()) {
	v.s.pinned.Add(1)
	v.scanTree(0, nil, from, fn)
	return sync.OnceFunc(func() { v.s.pinned.Add(-1) })
}

// Slots returns what slots of database 0 are at the view's number. The state must be one
// of a cluster.
func (v *View) Slots(ranges []journal.SlotRange) (c cluster.Content) {
	c.At = cluster.Position{Seq: v.s.pos.Seq, Digest: v.s.pos.Digest, Epoch: v.s.epoch}
	sums := v.s.dbs[0].slots
	for _, r := range ranges {
		for slot := int(r.First); sums != nil && slot <= int(r.Last); slot++ {
			sum := sums.at(uint16(slot))
			c.Keys += int(sum.keys)
			c.Digest += sum.digest
		}
	}
	return c
}

// Import adds effects that another shard's journal has had on slots that this one does
// not own. If one of them does not apply, all are undone and it is refused.
func (d *Draft) Import(ops []journal.Op) error {
	m := d.Mark()
	for _, op := range ops {
		if err := d.importOne(op); err != nil {
			d.Undo(m)
			return err
		}
	}
	return nil
}

// Why an effect is not taken in.
var (
	errImport = fault.With(fault.Refused, errors.New("the effect is not on keys of database 0"))
	errOwned  = fault.With(fault.Refused, errors.New("the effect is on a slot that the shard owns"))
)

// importOne is emit for an effect that may not apply.
func (d *Draft) importOne(op journal.Op) error {
	n := d.sizer.Size(op)
	d.mustBeWhole()
	// Nobody's name is to go into the entry: what was one effect there has room here.
	if err := d.check(n+opHeld, n-journal.MaxWho); err != nil {
		return err
	}
	if err := d.importable(op); err != nil {
		return err
	}
	m := d.overlay.mark()
	d.torn, d.overlay.made = true, nil
	err := apply(d.overlay, op, made{})
	if err != nil {
		d.undoing = true
		d.overlay.revert(m)
		d.undoing = false
	}
	if d.torn = false; err != nil {
		return fault.With(fault.Refused, err)
	}
	d.held += n + opHeld
	d.ops, d.made = append(d.ops, op), append(d.made, made{nil, d.overlay.made})
	d.opBytes += n
	return nil
}

// importable refuses an effect on anything else than slots that the shard does not own.
func (d *Draft) importable(op journal.Op) error {
	custody := d.s.Custody()
	if r, ok := clears(op); ok {
		if _, any, _ := custody.OwnsAll([]journal.SlotRange{r}); any {
			return errOwned
		}
		return nil
	}
	if !journal.OnKeys(op) {
		return errImport
	}
	for _, p := range journal.Places(op) {
		switch {
		case p.All || p.DB != 0:
			return errImport
		case custody.Owns(value.Slot(p.Key)):
			return errOwned
		}
	}
	return nil
}

// clears returns the slots of database 0 of which an effect removes all keys, or some that
// it does not name.
func clears(op journal.Op) (r journal.SlotRange, ok bool) {
	switch o := op.(type) {
	case *journal.RangeClear:
		return journal.SlotRange{First: o.First, Last: o.Last}, o.DB == 0
	case *journal.SpanClear:
		return journal.SlotRange{First: o.First.Slot(), Last: o.Last.Slot()}, o.DB == 0
	}
	return r, false
}

// heldSlots are slots to which nothing is written: they are about to go to another shard.
// It does not change once it is made.
type heldSlots [(journal.MaxSlot + 1) / 64]uint64

func (h *heldSlots) has(slot uint16) bool { return h[slot/64]>>(slot%64)&1 != 0 }

// ErrHeld refuses what would be written to a slot that is held.
var ErrHeld = fault.With(fault.Refused, errors.New("TRYAGAIN the slot is about to move to another shard"))

// HoldSlots has nothing written to slots from here on, but what Import adds; no ranges end
// that. What was drafted before is not held up: whoever needs to know that nothing is
// written any more proposes something, and waits until it is settled.
func (s *State) HoldSlots(ranges []journal.SlotRange) {
	if len(ranges) == 0 {
		s.heldSlots.Store(nil)
		return
	}
	h := new(heldSlots)
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			h[slot/64] |= 1 << (slot % 64)
		}
	}
	s.heldSlots.Store(h)
}

// holds reports whether an effect would change keys of slots that are held.
func (h *heldSlots) holds(op journal.Op) bool {
	if r, ok := clears(op); ok {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if h.has(uint16(slot)) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(journal.Places(op), func(p journal.Place) bool { return p.All || h.has(value.Slot(p.Key)) })
}
