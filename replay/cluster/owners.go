package cluster

import (
	"slices"

	"ledge/journal"
)

// slotOwner is whose a slot is.
type slotOwner struct {
	epoch uint64
	shard int  // counted from 1
	lost  bool // whoever else has it counts more
}

// lost reports whether nothing was heard of a shard's leader, or none is known.
func (s *Shard) lost() bool { l := s.Leader(); return l == nil || l.Failed }

// claim takes in that the i-th of shards has the slot at an epoch. Where a controller's documents
// say who owns slots the claim of a shard whose leader is lost counts less than any other.
func (o *slotOwner) claim(shards []Shard, i int, epoch uint64, lost bool) {
	switch {
	case o.shard > 0 && lost && !o.lost:
	case o.shard > 0 && o.lost && !lost:
		*o = slotOwner{epoch: epoch, shard: i + 1}
	case o.shard == ownShard && epoch <= o.epoch:
	case epoch > o.epoch || epoch == o.epoch && shards[i].ID < shards[o.shard-1].ID:
		o.epoch, o.shard, o.lost = epoch, i+1, lost
	}
}

// lend takes in what the node's own shard has given to others.
func (v *View) lend(shards []Shard, owners *[journal.MaxSlot + 1]slotOwner) {
	for _, l := range v.Own().Lent {
		i := slices.IndexFunc(shards, func(s Shard) bool { return s.ID == l.To })
		for _, r := range l.Ranges {
			for slot := int(r.First); i >= 0 && slot <= int(r.Last); slot++ {
				owners[slot].claim(shards, i, l.Epoch, false)
			}
		}
	}
}
