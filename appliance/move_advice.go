package appliance

import (
	"errors"
	"fmt"
	"strings"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/move"
)

// advice is a membership's part in what a person does about a move that does not go on.
type advice struct{ *membership }

// advised returns why a move does not go on, with what to do about it if its target is not
// there. A move waits for it without a bound, and only a person knows whether it comes back.
func (m advice) advised(s *move.Status, why string) string {
	if why == "" || s.Over() || s.Side != journal.Source || m.reaches(shardID(s.Shard)) {
		return why
	}
	switch slots := journal.SlotsText(s.Ranges); {
	case s.Phase == cluster.Copying:
		return fmt.Sprintf("%s. If the target does not come back: ledge cluster cancel %s", why, s.ID)
	case s.Phase == cluster.Given && m.n.cfg.External():
		return fmt.Sprintf("%s. Slots %s are given, and nobody serves them until the target takes them; if it is gone for good a document with FORCE that has them at this shard brings them back", why, slots)
	case s.Phase == cluster.Given:
		return fmt.Sprintf("%s. Slots %s are given, and nobody serves them until the target takes them; if it is gone for good: ledge cluster seize %s --from %s --accept-loss, which has all that they held when they were given", why, slots, slots, strings.TrimLeft(shardID(s.Shard), "0"))
	}
	return why
}

// reaches reports whether there is a connection to another shard.
func (m advice) reaches(shard string) bool {
	for _, l := range m.peers.Links() {
		if l.Shard == shard {
			return l.Up
		}
	}
	return false
}

// over refuses to cancel a move that has ended, and says how.
func over(mv *admin.Move) error {
	if mv.Cause == "" {
		return fault.With(fault.Refused, errors.New("the move has ended: the slots have moved"))
	}
	return fault.With(fault.Refused, fmt.Errorf("the move has ended, and has moved nothing: %s", mv.Cause))
}

// untaken returns slots that the node's shard has given, and that their target has not taken
// for longer than a node may be silent. A node that leads for a shorter time does not know
// how long that is.
func (m advice) untaken() (ranges []journal.SlotRange) {
	m.mu.Lock()
	began := m.term.began
	m.mu.Unlock()
	if began.IsZero() || m.mover == nil {
		return nil
	}
	now, most := m.n.cfg.Clock(), m.n.live.Load().ClusterNodeTimeout
	for _, s := range m.mover.Moves() {
		since := s.Turned
		if since.Before(began) {
			since = began
		}
		if s.Side == journal.Source && s.Phase == cluster.Given && now.Sub(since) > most {
			ranges = append(ranges, s.Ranges...)
		}
	}
	return journal.InOrder(ranges)
}

// known lists shards with what people know them by.
func (m advice) known(shards []string) string {
	drawn, list := m.nodes(), make([]string, len(shards))
	for i, id := range shards {
		list[i] = id
		if node := leading(drawn, id); node != "" {
			list[i] += " (" + node + ")"
		}
	}
	return strings.Join(list, ", ")
}

// leading returns what people know a shard by: the name and the address of its leader, or of
// another of its nodes; "" is that none is known.
func leading(drawn *cluster.Map, shard string) string {
	for i := range drawn.Shards {
		if s := &drawn.Shards[i]; s.ID == shard && len(s.Nodes) > 0 {
			return s.Nodes[0].Called() + " at " + s.Nodes[0].Addr(false)
		}
	}
	return ""
}
