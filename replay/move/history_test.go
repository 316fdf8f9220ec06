package move_test

import (
	"fmt"
	"testing"

	"ledge/journal"
)

// chronicle is what the journals of some shards say of who has owned which slot at which
// epoch.
type chronicle struct {
	given map[claim]journal.Lineage // to whom
	owned map[claim]journal.Lineage
}

// claim is a slot at an epoch.
type claim struct {
	slot  uint16
	epoch uint64
}

// custody checks the journals of all shards of a world: each slot has one owner at each
// epoch, which was given it by the one before, epochs rise, and at the end each slot has
// one owner.
func custody(t *testing.T, w *world) {
	t.Helper()
	c := chronicle{given: make(map[claim]journal.Lineage), owned: make(map[claim]journal.Lineage)}
	last := make(map[uint16]journal.Lineage)
	for _, s := range w.shards {
		for slot := range c.read(t, s) {
			if other, twice := last[slot]; twice {
				t.Errorf("slot %d is owned by %s and %s", slot, other, s.lineage)
			}
			last[slot] = s.lineage
		}
	}
	if len(last) != journal.MaxSlot+1 {
		t.Errorf("%d slots have an owner; want all %d", len(last), journal.MaxSlot+1)
	}
	for of, by := range c.owned {
		if to, ok := c.given[of]; of.epoch > 1 && (!ok || to != by) {
			t.Fatalf("%s owns slot %d at epoch %d, which was given to %s (%v)", by, of.slot, of.epoch, to, ok)
		}
	}
}

// read takes in a shard's journal, and returns the slots that it owns at its end.
func (c *chronicle) read(t *testing.T, s *shard) map[uint16]uint64 {
	t.Helper()
	log, err := journal.NewLog(t.Context(), s.drv, s.lineage)
	if err != nil {
		t.Fatal(err)
	}
	moves := make(map[journal.MoveID]*journal.MoveBegin)
	owned, highest := make(map[uint16]uint64), make(map[uint16]uint64)
	own := func(slot uint16, epoch uint64) {
		of := claim{slot, epoch}
		if by, ok := c.owned[of]; ok {
			t.Fatalf("slot %d has two owners at epoch %d: %s and %s", slot, epoch, by, s.lineage)
		}
		if owned[slot] != 0 || epoch <= highest[slot] {
			t.Fatalf("%s owns slot %d at epoch %d, after epoch %d (%d)", s.lineage, slot, epoch, highest[slot], owned[slot])
		}
		c.owned[of], owned[slot], highest[slot] = s.lineage, epoch, epoch
	}
	give := func(slot uint16, epoch uint64, to journal.Lineage) {
		of := claim{slot, epoch}
		if former, ok := c.given[of]; ok || owned[slot] == 0 || epoch <= owned[slot] {
			t.Fatalf("%s gives slot %d at epoch %d; it has epoch %d, and that epoch was given to %s", s.lineage, slot, epoch, owned[slot], former)
		}
		c.given[of] = to
		delete(owned, slot)
	}
	for read, err := range log.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range read.Batch().Entries {
			for _, op := range e.Ops {
				switch o := op.(type) {
				case *journal.MoveBegin:
					moves[o.ID] = o
				case *journal.SlotsFound:
					each(o.Ranges, func(slot uint16) { own(slot, 1) })
				case *journal.SlotsGive:
					each(moves[o.ID].Ranges, func(slot uint16) { give(slot, o.Epoch, moves[o.ID].Shard) })
				case *journal.SlotsTake:
					each(moves[o.ID].Ranges, func(slot uint16) { own(slot, o.Epoch) })
				}
			}
		}
	}
	return owned
}

// each calls fn with each slot of some ranges.
func each(ranges []journal.SlotRange, fn func(slot uint16)) {
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			fn(uint16(slot))
		}
	}
}

// hasKind returns whether there are effects of a kind, and clears of slots count as one.
func hasKind(ops []journal.Op, kind string) bool {
	for _, op := range ops {
		name := fmt.Sprintf("%T", op)
		if name == "*journal."+kind || kind == "Clear" && (name == "*journal.RangeClear" || name == "*journal.SpanClear") {
			return true
		}
	}
	return false
}
