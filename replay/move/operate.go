package move

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
)

// What operators ask of a Mover, and are told.

// Stats counts what the moves of a node have come to.
type Stats struct {
	Bytes     int64         // that were taken in
	Moved     int64         // moves that have moved their slots, in or out
	Failed    int64         // moves that ended with a cause
	Cancelled int64         // those of them that operators have ended
	Differed  int64         // digests that were not the other side's
	Hold      time.Duration // the longest time for which slots were held
	LastHold  time.Duration
}

// Stats returns what the moves have come to since the node was started.
func (m *Mover) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Pending returns how many keys are to be cleared: those of slots that the shard neither
// owns nor takes in.
func (m *Mover) Pending() (keys int) {
	ranges := m.idle()
	_ = m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error { keys = v.Slots(ranges).Keys; return nil })
	return keys
}

// idle returns the slots whose keys are to be cleared: those that the shard neither owns nor
// takes in. Where a controller says who owns slots they are kept, since the next document may
// give them back: what a move has taken away is cleared by that.
func (m *Mover) idle() []journal.SlotRange {
	if m.cfg.State.Custody().Topology != nil {
		return nil
	}
	return m.others()
}

// others returns the slots that the shard neither owns nor takes in.
func (m *Mover) others() []journal.SlotRange {
	return without([]journal.SlotRange{{Last: journal.MaxSlot}}, m.custodial())
}

// custodial returns the slots that the shard owns, and those that are on their way to it.
func (m *Mover) custodial() (ranges []journal.SlotRange) {
	for _, o := range m.cfg.State.Custody().Owned {
		ranges = append(ranges, o.SlotRange)
	}
	for _, of := range m.cfg.State.Moves() {
		if of.Side == journal.Target && !of.Over() {
			ranges = append(ranges, of.Ranges...)
		}
	}
	return ranges
}

// changed says of a move that it has come to another phase.
func (m *Mover) changed(id journal.MoveID) {
	of, ok := m.find(id)
	if !ok {
		return
	}
	m.turned(of)
	if m.cfg.Changed != nil {
		m.cfg.Changed(of)
	}
}

// Begin begins a move of slots to another shard, and returns its id. The target is told as
// soon as it can be. It waits 2 s at most for a move to end that has brought the slots here.
func (m *Mover) Begin(ctx context.Context, ranges []journal.SlotRange, to journal.Lineage) (journal.MoveID, error) {
	if !m.cfg.Leads() {
		return 0, errFollows
	}
	if to == m.cfg.Log.Lineage() {
		return 0, fault.With(fault.Refused, errors.New("the slots are to move to the shard that has them"))
	}
	m.arrived(ctx, ranges)
	id := newID()
	err := m.beginOne(ctx, &journal.MoveBegin{ID: id, Side: journal.Source, Ranges: ranges, Shard: to})
	if err == nil {
		m.cfg.Logger.Info("move of slots begun", "move", id, "slots", journal.SlotsText(ranges), "to", to)
		m.changed(id)
		m.Wake()
		if of, ok := m.find(id); ok { // if not now, then before the target is told
			_ = m.begun(ctx, of)
		}
	}
	return id, err
}

// arrivedWait bounds arrived.
const arrivedWait = 2 * time.Second

// arrived waits for the end of moves that have brought some of the slots here: whoever has
// heard from their source that they are over may move the slots on before this shard knows.
func (m *Mover) arrived(ctx context.Context, ranges []journal.SlotRange) {
	ctx, cancel := context.WithTimeout(ctx, arrivedWait)
	defer cancel()
	for ctx.Err() == nil && slices.ContainsFunc(m.cfg.State.Moves(), func(of cluster.Move) bool {
		return of.Side == journal.Target && of.Phase == cluster.Taken && of.Meets(ranges)
	}) {
		pause(ctx, retryLeast)
	}
}

// beginOne journals that a move begins, if no more are under way on its side than may be.
// Each side counts its own: if one bound were for both, two shards with as many moves to each
// other would wait for each other for ever.
func (m *Mover) beginOne(ctx context.Context, op *journal.MoveBegin) error {
	return m.propose(ctx, func(d *replay.Draft) error {
		most, under := m.cfg.Limits().Moves, 0
		for _, of := range d.Moves() {
			if !of.Over() && of.Side == op.Side {
				under++
			}
		}
		if most > 0 && under >= most {
			return fault.With(fault.Retryable, fmt.Errorf("%d moves are under way %s the shard, and no more may be (cluster-moves): wait until one has ended", under,
				map[journal.Side]string{journal.Source: "out of", journal.Target: "into"}[op.Side]))
		}
		return d.Moving(op)
	})
}

// newID returns the id of a new move.
func newID() journal.MoveID {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // it never fails
		if id := journal.MoveID(binary.BigEndian.Uint64(b[:])); id != 0 {
			return id
		}
	}
}

// Cancelled is the cause of a move that an operator has ended.
const Cancelled = "cancelled"

// Cancel ends a move at its source, if nothing has been given yet.
func (m *Mover) Cancel(ctx context.Context, id journal.MoveID) error {
	of, err := m.under(id, journal.Source)
	switch {
	case errors.Is(err, errUnknown) && of.ID == id:
		return fault.With(fault.Refused, errors.New("the slots move to this shard: cancel the move at the shard that has them"))
	case err != nil:
		return err
	case of.Over() && of.Cause == "":
		return fault.With(fault.Refused, errors.New("the move has ended: the slots have moved"))
	case of.Over():
		return fault.With(fault.Refused, fmt.Errorf("the move has ended, and has moved nothing: %s", of.Cause))
	case of.Phase == cluster.Taken:
		return fault.With(fault.Refused, errors.New("the target has taken the slots, so the move can't be cancelled any more: another move brings them back"))
	case of.Phase != cluster.Copying:
		return fault.With(fault.Refused, errors.New("the slots are given, so the move can't be cancelled any more: it ends once the target has taken them, and if that is gone for good ledge cluster seize takes them back, as ledge cluster moves says"))
	}
	return m.over(ctx, of, Cancelled)
}

// over ends a move for a cause; none is that the slots have moved.
func (m *Mover) over(ctx context.Context, of cluster.Move, cause string) error {
	err := m.moving(ctx, &journal.MoveEnd{ID: of.ID, Cause: cause})
	if err != nil {
		return err
	}
	m.mu.Lock()
	if cause == "" {
		m.stats.Moved++
	} else {
		m.stats.Failed++
	}
	if cause == Cancelled {
		m.stats.Cancelled++
	}
	m.mu.Unlock()
	m.changed(of.ID)
	if cause == "" {
		m.cfg.Logger.Info("slots moved", "move", of.ID, "slots", journal.SlotsText(of.Ranges), "side", of.Side)
	} else {
		m.cfg.Logger.Warn("move of slots ended", "move", of.ID, "slots", journal.SlotsText(of.Ranges), "cause", cause)
	}
	m.Wake()
	return nil
}

// Needs returns the number after which a move's target needs the node's journal.
func (m *Mover) Needs() (after journal.Seq, ok bool) {
	if !m.cfg.Leads() {
		return 0, false
	}
	for _, of := range m.cfg.State.Moves() {
		if of.Over() || of.Side != journal.Source || of.Phase == cluster.Taken {
			continue
		}
		m.mu.Lock()
		s := m.sessions[of.ID]
		m.mu.Unlock()
		if at := s.position(); !ok || at < after {
			after, ok = at, true
		}
	}
	return after, ok
}
