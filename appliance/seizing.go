package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
)

// Slots of a shard that is gone for good are seized by another one when a person says so. If
// the shard comes back after all, it hears that, and leaves the slots alone.

// seizures is a membership's part in slots that are seized, by its shard or by others.
type seizures struct{ orders }

// noteSeizedLocked says once of each change what others have seized.
func (m seizures) noteSeizedLocked(drawn *cluster.Map) {
	now := m.view.Seized(drawn)
	if slices.EqualFunc(now, m.taken, func(a, b cluster.Seizure) bool { return a.By == b.By && slices.Equal(a.Ranges, b.Ranges) }) {
		return
	}
	m.taken = now
	for _, s := range now {
		m.n.cfg.Logger.Error("another shard has slots at a higher epoch that this node's journal has as its shard's: they were seized, or the journal was set back. They are not served here, and what they hold is kept: "+
			"save what is of use, then give them up by ledge cluster yield", "slots", journal.SlotsText(s.Ranges), "shard", s.By)
	}
}

// seized returns what others have seized of the slots that the node's journal has.
func (m seizures) seized() []cluster.Seizure {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.taken
}

// unyielded returns by shards' ids which slots the shards own by their own journals yet, though
// other shards have seized them, by a map.
func (m seizures) unyielded(drawn *cluster.Map) map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := make(map[string]string)
	for i := range drawn.Shards {
		s := &drawn.Shards[i]
		kept[s.ID] = journal.SlotsText(m.view.Unyielded(drawn, s))
	}
	return kept
}

// seize makes the node's shard the owner of slots of a shard that is gone for good.
func (m seizures) seize(ctx context.Context, slots, from string) (c admin.Cluster, err error) {
	if err := m.leads("have slots seized in"); err != nil {
		return c, err
	}
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return c, fault.With(fault.Refused, err)
	}
	drawn := m.nodes()
	shard, epoch, err := m.seizable(drawn, ranges, from)
	if err != nil {
		return c, err
	}
	lineage := uint64(0)
	if from != ofNobody {
		if lineage, err = strconv.ParseUint(strings.TrimLeft(shard.ID, "0"), 16, 64); err != nil {
			return c, fault.With(fault.Refused, fmt.Errorf("shard %s: %w", shard.ID, err))
		}
	}
	kept, err := m.mover.Seize(ctx, &journal.SlotsSeize{Ranges: ranges, Epoch: epoch + journal.SeizeEpochs, From: journal.Lineage(lineage)})
	if err != nil {
		return c, err
	}
	if len(kept) > 0 {
		m.n.cfg.Logger.Warn("slots were taken back that a shard had been given which is gone; they hold all that they held when they were given", "slots", journal.SlotsText(kept), "shard", shard.ID)
	}
	c, err = m.changed(admin.Topology{What: "seized", Cluster: drawn.Cluster, Slots: journal.SlotsText(ranges)})
	c.Kept = journal.SlotsText(kept)
	return c, err
}

// ofNobody is whom slots are seized from that nobody is known to own.
const ofNobody = "nobody"

// seizable returns the shard that slots are to be seized from, and the highest epoch that they
// can have.
func (m seizures) seizable(drawn *cluster.Map, ranges []journal.SlotRange, from string) (shard *cluster.Shard, epoch uint64, err error) {
	if from == ofNobody {
		// They may have been seized before, by who is gone.
		return new(cluster.Shard), drawn.Epoch() + journal.SeizeEpochs, fault.With(fault.Refused, m.ownerless(drawn, ranges, true))
	}
	shard, err = findShard(drawn, from)
	if err != nil {
		if forgotten := passedTo(m.n.state.Moves(), from, ranges); forgotten != nil {
			return forgotten, forgotten.Epoch(), nil
		}
		return nil, 0, err
	}
	if lost := m.mover.Lost(ranges); shard == &drawn.Shards[0] && lost > 0 && m.ownerless(drawn, ranges, false) == nil {
		return shard, max(shard.Epoch(), lost), nil
	}
	return shard, shard.Epoch(), fault.With(fault.Refused, m.gone(drawn, shard, ranges))
}

// ownerless returns why slots are not nobody's, or nil: somebody is known to own some, or, if
// those that are away count, one of them may.
func (m seizures) ownerless(drawn *cluster.Map, ranges []journal.SlotRange, away bool) error {
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if s := drawn.Owner(uint16(slot)); s != nil {
				return fmt.Errorf("shard %s owns slot %d", s.ID, slot)
			}
		}
	}
	for i := range drawn.Shards {
		for _, n := range drawn.Shards[i].Nodes {
			if n.Failed && away {
				return fmt.Errorf("node %s at %s may have them, and was not heard of for %s: start it, or if it is gone for good, ledge cluster forget %s",
					n.Called(), n.Addr(false), m.n.live.Load().ClusterNodeTimeout, n.ID)
			}
		}
	}
	return nil
}

// passedTo returns a shard of which the node knows no more than that its own has given some
// slots to it, by some moves, as far as those go; nil is that there is none.
func passedTo(moves []cluster.Move, id string, ranges []journal.SlotRange) (s *cluster.Shard) {
	for _, mv := range moves {
		to := shardID(mv.Shard)
		if mv.Passed(mv.Shard) && mv.Covered(ranges) && strings.TrimLeft(to, "0") == strings.TrimLeft(id, "0") {
			if s == nil {
				s = &cluster.Shard{ID: to}
			}
			s.Slots = cluster.With(s.Slots, mv.Ranges, mv.Epoch)
		}
	}
	if s == nil || !slices.Equal(s.Ranges(), (&cluster.Shard{Slots: cluster.With(nil, ranges, 1)}).Ranges()) {
		return nil
	}
	return s
}

// gone returns why slots can't be seized from a shard, or nil.
func (m seizures) gone(drawn *cluster.Map, shard *cluster.Shard, ranges []journal.SlotRange) error {
	if shard == &drawn.Shards[0] {
		return errors.New("that is this node's own shard")
	}
	for _, n := range shard.Nodes {
		if !n.Failed {
			return fmt.Errorf("node %s of the shard at %s was heard of less than %s ago: slots of a shard that is there are moved by ledge cluster move, and if that node follows it can be promoted; if it is gone for good, ask again after that time",
				n.Called(), n.Addr(false), m.n.live.Load().ClusterNodeTimeout)
		}
	}
	owner, err := oneOwner(drawn, ranges)
	if err == nil && owner != shard {
		err = fmt.Errorf("the shard of %s owns the slots, not that one", cmp.Or(leading(drawn, owner.ID), owner.ID))
	}
	return err
}

// yield ends that the node's shard owns slots that another one has seized.
func (m seizures) yield(ctx context.Context, slots string) (c admin.Cluster, err error) {
	if err := m.leads("yield slots of"); err != nil {
		return c, err
	}
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return c, fault.With(fault.Refused, err)
	}
	if err := m.mover.MayYield(ranges); err != nil {
		return c, err
	}
	drawn := m.nodes()
	var taken cluster.Move
	for _, s := range m.seized() {
		taken.Ranges = append(taken.Ranges, s.Ranges...)
	}
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if !taken.Has(uint16(slot)) {
				return c, fault.With(fault.Refused, fmt.Errorf("slot %d was not seized from this shard: only what another shard has is given up", slot))
			}
		}
	}
	if err := m.mover.Yield(ctx, ranges); err != nil {
		return c, err
	}
	return m.changed(admin.Topology{What: "yielded", Cluster: drawn.Cluster, Slots: journal.SlotsText(ranges)})
}
