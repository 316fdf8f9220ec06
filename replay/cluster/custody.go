package cluster

import (
	"encoding/json"
	"errors"
	"slices"

	"ledge/journal"
)

// Custody is which hash slots a journal's shard owns. It does not change once it is made.
type Custody struct {
	// Cluster is the id of the cluster; "" is none, and nothing is owned then.
	Cluster string
	// Owned are ranges that ascend. No two could be one, but for their epochs.
	Owned []journal.OwnedRange
	// Topology is what a controller has said; nil is that it is up to the journal alone.
	Topology *Topology
}

// find returns the range that a slot is in, or nil.
func (c *Custody) find(slot uint16) *journal.OwnedRange {
	i, _ := slices.BinarySearchFunc(c.Owned, slot, func(o journal.OwnedRange, slot uint16) int { return int(o.Last) - int(slot) })
	if i < len(c.Owned) && c.Owned[i].First <= slot {
		return &c.Owned[i]
	}
	return nil
}

// Owns reports whether a slot is owned.
func (c *Custody) Owns(slot uint16) bool { return c.find(slot) != nil }

// OwnsAll reports whether all slots of some ranges are owned, or any of them, and the
// highest epoch of those that are.
func (c *Custody) OwnsAll(ranges []journal.SlotRange) (all, any bool, epoch uint64) {
	all = true
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			o := c.find(uint16(slot))
			if o == nil {
				all = false
				continue
			}
			any, epoch, slot = true, max(epoch, o.Epoch), min(int(o.Last), int(r.Last))
		}
	}
	return all, any, epoch
}

// sameEpoch returns the slots that two owners have at one epoch.
func sameEpoch(a, b []journal.OwnedRange) []journal.SlotRange {
	var table, other [journal.MaxSlot + 1]uint64
	fill(&table, a)
	fill(&other, b)
	for slot := range table {
		if table[slot] != other[slot] {
			table[slot] = 0
		}
	}
	return (&Shard{Slots: collect(&table)}).Ranges()
}

// Without returns what is owned but for some slots.
func Without(owned []journal.OwnedRange, ranges []journal.SlotRange) []journal.OwnedRange {
	var table [journal.MaxSlot + 1]uint64
	fill(&table, owned)
	for _, r := range ranges {
		clear(table[r.First : int(r.Last)+1])
	}
	return collect(&table)
}

// With returns what is owned with some slots more, or others' epoch.
func With(owned []journal.OwnedRange, ranges []journal.SlotRange, epoch uint64) []journal.OwnedRange {
	var table [journal.MaxSlot + 1]uint64
	fill(&table, owned)
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			table[slot] = epoch
		}
	}
	return collect(&table)
}

// Those returns which of some slots are owned, in as few ranges as they are.
func (c *Custody) Those(ranges []journal.SlotRange) []journal.SlotRange {
	var those Shard
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if o := c.find(uint16(slot)); o != nil {
				last := min(o.Last, r.Last)
				those.Slots = append(those.Slots, journal.OwnedRange{SlotRange: journal.SlotRange{First: uint16(slot), Last: last}})
				slot = int(last)
			}
		}
	}
	return those.Ranges()
}

// fill puts the epochs of ranges into a table by slot.
func fill(table *[journal.MaxSlot + 1]uint64, owned []journal.OwnedRange) {
	for _, o := range owned {
		for slot := int(o.First); slot <= int(o.Last); slot++ {
			table[slot] = o.Epoch
		}
	}
}

// collect is the opposite of fill. Epoch 0 is none.
func collect(table *[journal.MaxSlot + 1]uint64) (owned []journal.OwnedRange) {
	for slot := 0; slot <= journal.MaxSlot; {
		first := slot
		for slot <= journal.MaxSlot && table[slot] == table[first] {
			slot++
		}
		if e := table[first]; e > 0 {
			owned = append(owned, journal.OwnedRange{Epoch: e, SlotRange: journal.SlotRange{First: uint16(first), Last: uint16(slot - 1)}})
		}
	}
	return owned
}

// Phase is how far a move has come, by the journal of one of its sides.
type Phase string

// The phases of a move.
const (
	Copying Phase = "copying" // at both sides
	Ready   Phase = "ready"   // the target has all up to a number
	Given   Phase = "given"   // the source owns the slots no more
	Taken   Phase = "taken"   // the target owns them; the source knows that
	Ended   Phase = "ended"
)

// Move is a move of slots as the journal of one of its sides has it.
type Move struct {
	ID     journal.MoveID      `json:"-"`
	Side   journal.Side        `json:"side"`
	Phase  Phase               `json:"phase"`
	Ranges []journal.SlotRange `json:"ranges"`
	Shard  journal.Lineage     `json:"shard"` // the other side
	// Cursor and At are how far the target has copied: what lies below the cursor is as
	// the source had it there.
	Cursor uint64   `json:"cursor,omitempty"`
	At     Position `json:"at,omitzero"`
	// Seq is the source's number after which nothing was written to the slots, and
	// Digest is of their rows: from ready and given on.
	Seq    journal.Seq    `json:"seq,omitempty"`
	Digest journal.Digest `json:"digest,omitempty"`
	Epoch  uint64         `json:"epoch,omitempty"` // of the slots, once they are given
	Cause  string         `json:"cause,omitempty"` // why it has ended without moving them
	Order  uint64         `json:"order"`           // in which moves began and ended
}

// Position is a place in a journal.
type Position struct {
	Seq    journal.Seq    `json:"seq,omitempty"`
	Digest journal.Digest `json:"digest,omitempty"`
	Epoch  uint64         `json:"epoch,omitempty"`
}

// Content is what slots hold at a place in a journal.
type Content struct {
	At     Position
	Keys   int
	Digest journal.Digest // of their rows
}

// Text returns the move as its row in the catalog has it, without its id.
func (m *Move) Text() string {
	b, err := json.Marshal(m)
	if err != nil {
		panic("cluster: " + err.Error()) // it has nothing that can't be written
	}
	return string(b)
}

var errMove = errors.New("not in its form")

// ParseMove is the opposite of Text.
func ParseMove(id journal.MoveID, text string) (Move, error) {
	m := Move{ID: id}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, err
	}
	sideless := m.Side != journal.Source && m.Side != journal.Target
	if id == 0 || m.Text() != text || sideless || len(m.Ranges) == 0 || m.Phase == "" || m.Cursor > uint64(journal.MaxPosition)+1 {
		return m, errMove
	}
	next := 0
	for _, r := range m.Ranges {
		if int(r.First) < next || r.Last < r.First || r.Last > journal.MaxSlot {
			return m, errMove
		}
		next = int(r.Last) + 1
	}
	return m, nil
}

// Over reports whether a move has ended.
func (m *Move) Over() bool { return m.Phase == Ended }

// Failed reports whether a move has ended on a side without moving its slots. A target that
// comes to know that it has them all the same begins it once more.
func (m *Move) Failed(side journal.Side) bool { return m.Side == side && m.Over() && m.Cause != "" }

// Has reports whether a slot is among those that move.
func (m *Move) Has(slot uint16) bool {
	return slices.ContainsFunc(m.Ranges, func(r journal.SlotRange) bool { return r.First <= slot && slot <= r.Last })
}

// Covered reports whether all slots that move are among some slots.
func (m *Move) Covered(ranges []journal.SlotRange) bool {
	all := Move{Ranges: ranges}
	for _, r := range m.Ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if !all.Has(uint16(slot)) {
				return false
			}
		}
	}
	return true
}

// Passed reports whether the move's slots were given to a shard of which it is not known that
// all of them have come there: the move has not ended.
func (m *Move) Passed(to journal.Lineage) bool {
	return m.Side == journal.Source && m.Shard == to && (m.Phase == Given || m.Phase == Taken)
}

// Meets reports whether any of some slots are among those that move.
func (m *Move) Meets(ranges []journal.SlotRange) bool {
	return slices.ContainsFunc(ranges, func(a journal.SlotRange) bool {
		return slices.ContainsFunc(m.Ranges, func(b journal.SlotRange) bool { return a.First <= b.Last && b.First <= a.Last })
	})
}
