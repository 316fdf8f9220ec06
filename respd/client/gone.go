package client

import (
	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/resp"
)

// SlotsGone ends what clients have begun with slots that the node's shard has no more: those
// that are blocked on a key there hear where it is, subscriptions to shard channels end, and
// watched keys count as changed. The map says by then who has the slots. Whoever comes with
// something of that kind just then looks at the map once more after it is known here, so
// either finds the other.
func (s *Shared) SlotsGone(ranges []journal.SlotRange) {
	var gone [journal.MaxSlot + 1]bool
	for _, r := range ranges {
		for slot := int(r.First); slot <= min(int(r.Last), journal.MaxSlot); slot++ {
			gone[slot] = true
		}
	}
	m := s.Cluster()
	s.State.TouchSlots(func(slot uint16) bool { return gone[slot] })
	if s.waiters.n.Load() > 0 {
		for _, w := range s.waiters.all() {
			s.sendOn(w, m)
		}
	}
	s.Hub.Expel(nil, func(channel string) bool { return gone[value.Slot(channel)] })
}

// sendOn ends a client's wait for a key that has gone to another shard.
func (s *Shared) sendOn(w *Waiter, m *cluster.Map) {
	for _, k := range w.keys {
		slot := value.Slot(k.key)
		if m.Here(slot) {
			continue
		}
		if w.Hold() {
			to := resp.FromError(w.c.elsewhere(m, slot))
			s.Stats.CountRedirect(to.ErrorText())
			s.release(w, to)
		}
		return
	}
}

// leaveGoneChannels ends the client's subscriptions to shard channels that have gone since a
// map: it may have subscribed after SlotsGone looked for it.
func (c *Conn) leaveGoneChannels(by *cluster.Map) {
	if by == nil || c.sess.Shards.Load() == 0 {
		return
	}
	if m := c.shared.Cluster(); m != by {
		c.shared.Hub.Expel(&c.sess.Member, func(channel string) bool { return !m.Here(value.Slot(channel)) })
	}
}
