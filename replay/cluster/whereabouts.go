package cluster

import (
	"fmt"
	"slices"

	"ledge/journal"
)

// Whereabouts finds the shards that have slots which a controller's document gives to the
// node's own shard, and which its journal does not own: they have moved since, or are moving.
//
// The journal itself says where a move has taken them, unless it was forgotten since then.
// What others say that they own need not be so by the document that holds: where a version was
// set back by force, a node that was away has not heard of it, and its epochs are higher.
type Whereabouts struct {
	shards []Shard // the node's own first, each with what it claims
	failed map[string]bool
	moves  []Move // in the order in which they began or ended
	drawn  bool
	// found is the shard that has each slot, as an index of shards; 0 is that none is known to.
	found [journal.MaxSlot + 1]int
}

// Whereabouts returns where slots are as the view and the moves of the node's journal have
// it, with those nodes failed that are among failed.
func (v *View) Whereabouts(moves []Move, failed map[string]bool) *Whereabouts {
	return &Whereabouts{shards: v.shards(), failed: failed, moves: moves}
}

// Of returns the shard that has a slot, or nil.
func (w *Whereabouts) Of(slot uint16) *Shard {
	if !w.drawn {
		w.draw()
		w.drawn = true
	}
	if i := w.found[slot]; i > 0 {
		return &w.shards[i]
	}
	return nil
}

// holding is a shard's word that it has a slot, as an index of the shards.
type holding struct {
	shard int
	live  bool // its leader was heard of
	epoch uint64
}

// draw finds the shards for all slots.
func (w *Whereabouts) draw() {
	claims := w.claims()
	for slot := range claims {
		w.found[slot] = claims[slot].shard
	}
	for i := range w.moves {
		m := &w.moves[i]
		switch other := w.shardOf(m); {
		case m.Side == journal.Target && !m.Over(): // the other side has them until they are taken
			w.put(m, func(slot uint16) int { return w.ifClaimed(other, slot) })
		case m.Side == journal.Source && (m.Phase == Given || m.Phase == Taken):
			w.put(m, func(uint16) int { return other })
		case m.Side == journal.Source && m.Over() && m.Cause == "":
			w.put(m, func(slot uint16) int {
				if at := w.ifClaimed(other, slot); at > 0 {
					return at
				}
				if c := claims[slot]; c.epoch > m.Epoch { // it has moved on from there
					return c.shard
				}
				return 0
			})
		}
	}
}

// claims returns for each slot who says that it owns it: of several, one whose leader was
// heard of, and of those the one with the highest epoch.
func (w *Whereabouts) claims() *[journal.MaxSlot + 1]holding {
	claims := new([journal.MaxSlot + 1]holding)
	for i := 1; i < len(w.shards); i++ {
		s := &w.shards[i]
		l := s.Leader()
		h := holding{shard: i, live: l != nil && !w.failed[l.ID]}
		for _, r := range s.Slots {
			h.epoch = r.Epoch
			for slot := int(r.First); slot <= min(int(r.Last), journal.MaxSlot); slot++ {
				if c := &claims[slot]; c.shard == 0 || h.live && !c.live || h.live == c.live && h.epoch > c.epoch {
					*c = h
				}
			}
		}
	}
	return claims
}

// shardOf returns the other side of a move as an index of the shards, 0 if nobody has told of it.
func (w *Whereabouts) shardOf(m *Move) int {
	id := fmt.Sprintf("%040x", uint64(m.Shard))
	return max(0, slices.IndexFunc(w.shards, func(s Shard) bool { return s.ID == id }))
}

// ifClaimed returns a shard if it says that it owns a slot, else 0.
func (w *Whereabouts) ifClaimed(shard int, slot uint16) int {
	if c := (Custody{Owned: w.shards[shard].Slots}); shard > 0 && c.Owns(slot) {
		return shard
	}
	return 0
}

// put notes what a move says of its slots.
func (w *Whereabouts) put(m *Move, at func(slot uint16) int) {
	for slot := range eachSlot(m.Ranges) {
		w.found[slot] = at(slot)
	}
}
