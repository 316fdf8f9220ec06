package cluster

import (
	"slices"

	"ledge/journal"
)

// What shards say of slots need not agree: one may have been set back, be behind, or not know
// yet that its slots were seized. Here is where they differ.

// Seizure is slots that the node's own journal says its shard owns, and that another shard has
// at a higher epoch: they were seized, or the node's journal was set back to before they
// were given. The node serves them no more.
type Seizure struct {
	Ranges []journal.SlotRange
	By     string // the id of that shard
}

// Seized returns what other shards have seized of what the node's own journal says its shard
// owns, given the view's map. A node that follows may only be a little behind.
func (v *View) Seized(m *Map) (list []Seizure) {
	if !v.Own().Leads {
		return nil
	}
	own := Custody{Owned: v.Own().Owned}
	for i := range m.Shards[1:] {
		s := &m.Shards[i+1]
		if taken := own.Those(s.Ranges()); len(taken) > 0 {
			list = append(list, Seizure{Ranges: taken, By: s.ID})
		}
	}
	return list
}

// Contested returns slots of those of a journal that another shard says it owns at the same
// epoch, and that shard's node which says so; none if nobody does.
func (v *View) Contested(owned []journal.OwnedRange) (by Record, slots []journal.SlotRange) {
	own := v.Own().Shard
	for _, r := range v.Records() {
		if r.Shard == own || r.Left {
			continue
		}
		if slots = sameEpoch(owned, r.Owned); len(slots) > 0 {
			return r, slots
		}
	}
	return by, nil
}

// Unyielded returns the slots of a shard that another one has seized, by a map of the view, and
// that the shard's leader says its journal owns yet. It says so for a while of slots that it has
// given, too, at an epoch that is next to the other one's.
func (v *View) Unyielded(m *Map, s *Shard) []journal.SlotRange {
	l := s.Leader()
	if l == nil {
		return nil
	}
	var kept Shard
	for _, o := range v.records[l.ID].Owned {
		for slot := o.First; slot <= o.Last; slot++ {
			at := journal.SlotRange{First: slot, Last: slot}
			if owner := m.Owner(slot); owner != nil && owner != s && owner.epochAt(slot) >= o.Epoch+journal.SeizeEpochs {
				kept.Slots = append(kept.Slots, journal.OwnedRange{SlotRange: at})
			}
		}
	}
	return kept.Ranges()
}

// Claimed reports whether other shards say that they own all of some slots, each at an epoch
// or a later one.
func (v *View) Claimed(ranges []journal.SlotRange, epoch uint64) bool {
	var claims [journal.MaxSlot + 1]uint64
	own := v.Own().Shard
	for _, r := range v.records {
		for _, o := range r.Owned {
			for slot := int(o.First); r.Shard != own && slot <= int(o.Last); slot++ {
				claims[slot] = max(claims[slot], o.Epoch)
			}
		}
	}
	for _, r := range ranges {
		if slices.Min(claims[r.First:int(r.Last)+1]) < epoch {
			return false
		}
	}
	return true
}
