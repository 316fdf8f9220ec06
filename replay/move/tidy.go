package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
)

// Slots may hold rows that no move is about: of slots that the shard has yielded, if the node
// was stopped before they were cleared, for one.

// tidyEvery is how often it is looked for such rows.
const tidyEvery = time.Second

// errTidying has whoever needs the slots try again.
var errTidying = fault.With(fault.Retryable, errors.New("what is left of slots that the shard had is being cleared"))

// tidy clears rows of slots that the shard neither owns nor moves until ctx ends.
func (m *Mover) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	var done *cluster.Custody // with which nothing was left
	for {
		if now := m.cfg.State.Custody(); now != done && now.Cluster != "" && m.cfg.Leads() && m.tidied(ctx) {
			done = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// tidied clears what is left, and reports whether nothing is.
func (m *Mover) tidied(ctx context.Context) bool {
	m.tidying.Lock()
	defer m.tidying.Unlock()
	for _, of := range m.cfg.State.Moves() {
		if !of.Over() { // it clears what it has to do with itself
			return false
		}
	}
	ranges := m.idle()
	keys := 0
	_ = m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error { keys = v.Slots(ranges).Keys; return nil })
	return keys == 0 || m.clear(ctx, ranges, 0) == nil
}

// Seize makes the shard the owner of slots of a shard that is gone for good. Moves of them
// that had that shard as their source are ended, and what they have brought is cleared. Slots
// that this shard had given to that one, of which it was never heard that they were taken, are
// taken back with all that they held; these are returned.
func (m *Mover) Seize(ctx context.Context, op *journal.SlotsSeize) (kept []journal.SlotRange, err error) {
	if !m.cfg.Leads() {
		return nil, errFollows
	}
	for _, of := range m.cfg.State.Moves() {
		lost := op.From == m.cfg.Log.Lineage() && m.lostAt(of) > 0
		if of.Over() || of.Side != journal.Target || of.Shard != op.From && !lost || of.Phase == cluster.Taken || !of.Meets(op.Ranges) {
			continue
		}
		why := "the slots were seized, since their shard is gone"
		if lost {
			why = "the slots were seized, since what they held is lost"
		}
		if err := m.over(ctx, of, why); err != nil {
			return nil, err
		}
	}
	if !m.tidying.TryLock() {
		return nil, errTidying
	}
	defer m.tidying.Unlock()
	back, kept, err := passed(m.cfg.State.Moves(), op)
	if err != nil {
		return nil, err
	}
	if err := m.clear(ctx, without(op.Ranges, kept), 0); err != nil {
		return nil, err
	}
	err = m.propose(ctx, func(d *replay.Draft) error {
		if _, now, err := passed(d.Moves(), op); err != nil || !slices.Equal(now, kept) {
			return errors.Join(err, errTidying) // some were taken meanwhile: what is left here is old
		}
		return d.Moving(op)
	})
	if err != nil {
		return nil, err
	}
	for _, id := range back {
		m.changed(id)
	}
	m.hold()
	m.Wake()
	return kept, m.sync(ctx, "what was seized")
}

// passed returns the moves by which the shard has given slots that are seized to the shard that
// is gone, and which of those slots are here still as they were given. A move ends as a whole.
func passed(moves []cluster.Move, op *journal.SlotsSeize) (back []journal.MoveID, kept []journal.SlotRange, err error) {
	for _, of := range moves {
		if of.Over() || !of.Passed(op.From) || !of.Meets(op.Ranges) {
			continue
		}
		if !of.Covered(op.Ranges) {
			return nil, nil, fault.With(fault.Refused, fmt.Errorf("slots %s were given by one move, %s: seize all of them at once",
				journal.SlotsText(of.Ranges), of.ID))
		}
		if back = append(back, of.ID); of.Phase == cluster.Given {
			kept = append(kept, of.Ranges...)
		}
	}
	return back, journal.InOrder(kept), nil
}

// without returns slots but for some of them.
func without(ranges, some []journal.SlotRange) []journal.SlotRange {
	rest := cluster.Without(cluster.With(nil, ranges, 1), some)
	list := make([]journal.SlotRange, len(rest))
	for i := range rest {
		list[i] = rest[i].SlotRange
	}
	return list
}

// Discard clears what the shard has kept of slots that a controller's document gives to
// others.
func (m *Mover) Discard(ctx context.Context, ranges []journal.SlotRange) error {
	if !m.cfg.Leads() {
		return errFollows
	}
	if err := m.MayYield(ranges); err != nil {
		return err
	}
	other := cluster.Move{Ranges: m.others()}
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if !other.Has(uint16(slot)) {
				return fault.With(fault.Refused, fmt.Errorf("slot %d is this shard's, or on its way to it: only what it keeps of others' slots is cleared", slot))
			}
		}
	}
	if !m.tidying.TryLock() {
		return errTidying
	}
	defer m.tidying.Unlock()
	return m.clear(ctx, ranges, 0)
}

// Yield ends that the shard owns slots that another one has seized. What they hold is cleared
// after that.
func (m *Mover) Yield(ctx context.Context, ranges []journal.SlotRange) error {
	if !m.cfg.Leads() {
		return errFollows
	}
	if err := m.MayYield(ranges); err != nil {
		return err
	}
	return m.moving(ctx, &journal.SlotsYield{Ranges: ranges})
}

// MayYield refuses to give up slots of a move that is not over, and says what ends it. What was
// given and is not taken yet is nowhere else for certain.
func (m *Mover) MayYield(ranges []journal.SlotRange) error {
	for _, of := range m.cfg.State.Moves() {
		if of.Over() || !of.Meets(ranges) {
			continue
		}
		what := "are part of a move that is not over: ledge cluster moves says what it waits for"
		switch {
		case of.Side == journal.Source && of.Phase == cluster.Given:
			back := fmt.Sprintf("ledge cluster seize %s --from %s --accept-loss takes them back here", journal.SlotsText(of.Ranges), of.Shard)
			if m.cfg.State.Custody().Topology != nil {
				back = "a document with FORCE that has them at this node takes them back"
			}
			what = fmt.Sprintf("were given to shard %s, and the target has not taken them yet: what they hold is kept for it. Start it, or if it is gone for good, %s", of.Shard, back)
		case of.Side == journal.Source && of.Phase == cluster.Copying:
			what = fmt.Sprintf("are being moved to shard %s: ledge cluster cancel %s ends that", of.Shard, of.ID)
		}
		return fault.With(fault.Refused, fmt.Errorf("slots %s (move %s) %s", journal.SlotsText(of.Ranges), of.ID, what))
	}
	return nil
}
