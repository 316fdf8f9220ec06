package cluster

import "ledge/journal"

// Hold says which commands on a slot wait, for the moment in which the slot goes from one
// shard to another. What waits goes on by the next Map.
type Hold uint8

// The holds, each of which has more commands wait than the one before.
const (
	// Free is that none wait.
	Free Hold = iota
	// HoldWrites is that commands wait that may write, those among them that may block.
	HoldWrites
	// HoldAll is that all wait, whoever has the slot: it has been given away, and it is not
	// known yet whether it has been taken.
	HoldAll
)

// What the byte of a slot is made of: a Hold in the lowest bits, and served.
const (
	holdBits uint8 = 3
	served   uint8 = 4
)

// Holding returns the map with these holds in place of those that it has. Where the
// ranges overlap, all wait. Slots that there are not are left out.
func (m *Map) Holding(writes, all []journal.SlotRange) *Map {
	h := *m
	h.held = false
	for slot := range h.slots {
		h.slots[slot] &^= holdBits
	}
	h.hold(writes, HoldWrites)
	h.hold(all, HoldAll)
	return &h
}

func (m *Map) hold(ranges []journal.SlotRange, kind Hold) {
	for _, r := range ranges {
		for slot := int(r.First); slot <= min(int(r.Last), journal.MaxSlot); slot++ {
			m.slots[slot] = m.slots[slot]&^holdBits | uint8(kind)
			m.held = true
		}
	}
}

// Held returns which commands on a slot wait.
func (m *Map) Held(slot uint16) Hold { return Hold(m.slots[slot] & holdBits) }

// HoldsAny reports whether commands wait on any slot.
func (m *Map) HoldsAny() bool { return m.held }

// Here reports whether clients that depend on a slot may stay: the node's own shard has it,
// or it is not known yet who has.
func (m *Map) Here(slot uint16) bool { return m.Own(slot) || m.Held(slot) != Free }

// Gone returns the slots of which Here was so by the map before, and is not by this one.
func (m *Map) Gone(before *Map) (list []journal.SlotRange) {
	for slot := 0; slot <= journal.MaxSlot; slot++ {
		n := uint16(slot)
		if !before.Here(n) || m.Here(n) {
			continue
		}
		if k := len(list); k > 0 && list[k-1].Last+1 == n {
			list[k-1].Last = n
		} else {
			list = append(list, journal.SlotRange{First: n, Last: n})
		}
	}
	return list
}
