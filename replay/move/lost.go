package move

import (
	"context"
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
)

// A shard may have taken slots by an entry that its journal has no more: a replica was promoted
// that lacked it, or the directory was set back. The source has given the slots up by then, so
// they are nobody's. If the journal has all that was given, it takes them once more; else it is
// up to a person to say that what they held is lost.

// retake takes slots once more of which the source says that they were taken.
func (t *target) retake(ctx context.Context, g given) error {
	digest, err := t.content()
	if err != nil {
		return err
	}
	if g.Epoch == 0 || digest != journal.Digest(g.Digest) {
		t.m.note(t.of.ID, func(p *Progress) { p.Lost = max(g.Epoch, 1) })
		what := fmt.Sprintf("ledge cluster seize %s --from %s --accept-loss here has it serve them without that", journal.SlotsText(t.of.Ranges), t.m.cfg.Log.Lineage())
		if t.m.cfg.State.Custody().Topology != nil {
			what = "a document that gives them to another node has that one serve them without that"
		}
		return fault.With(fault.Operator, fmt.Errorf("the source says that this shard has taken the slots, and its journal, which was set back, has not all that they held: "+
			"if no other node of the shard has it, %s", what))
	}
	t.give = g
	t.m.cfg.Logger.Warn("slots are taken once more, as they were given: the journal lacks that it took them, and what was written to them since",
		"move", t.of.ID, "slots", journal.SlotsText(t.of.Ranges))
	return t.take(ctx)
}

// Lost returns the highest epoch at which the shard has taken slots by moves that its journal
// has not got to the end, and of which it lacks what was given; 0 unless these are all that the
// moves were about.
func (m *Mover) Lost(ranges []journal.SlotRange) (epoch uint64) {
	left := cluster.With(nil, ranges, 1)
	for _, of := range m.cfg.State.Moves() {
		if at := m.lostAt(of); at > 0 && of.Covered(ranges) {
			epoch, left = max(epoch, at), cluster.Without(left, of.Ranges)
		}
	}
	if len(left) > 0 {
		return 0
	}
	return epoch
}

// lostAt returns the epoch at which the shard has taken the slots of such a move; 0 is that it
// is none.
func (m *Mover) lostAt(of cluster.Move) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.progress[of.ID]; p != nil && !of.Over() && of.Side == journal.Target {
		return p.Lost
	}
	return 0
}

// tellWhen returns once the replicas know that slots were taken: one that is promoted without
// that would have nothing of them, since the source gives up what it has.
func (t *target) tellWhen(ctx context.Context) error {
	if err := t.m.sync(ctx, "what is taken"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tellWait)
	defer cancel()
	if err := t.m.cfg.Fence(ctx, t.m.cfg.State.Pos().Seq); err != nil {
		return fault.As(fault.Retryable, "replicas do not know yet that the slots are taken", err)
	}
	return nil
}
