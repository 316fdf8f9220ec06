package move

import (
	"context"
	"errors"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// The source's side of a hand-over. It holds the slots, tells the target the number after
// which nothing is written to them, and gives them once the target has all up to there.

// handover is the hold of a move's slots.
type handover struct {
	ranges  []journal.SlotRange
	began   time.Time
	timer   *time.Timer
	giving  bool // it does not end by the timer any more
	limit   time.Duration
	settled bool // nothing is on its way to the slots any more, and content is what they hold
	content cluster.Content
}

// hold has clients wait as the hand-overs under way want it: writes to slots that are
// held, and all commands on slots that are given and not taken yet.
func (m *Mover) hold() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holdLocked()
}

// holdLocked is hold. Where more slots are held than before clients wait first, so that
// nothing of theirs is refused: what the state refuses is what was not seen coming.
func (m *Mover) holdLocked() {
	writes, all := m.pacedLocked(), []journal.SlotRange(nil)
	for _, h := range m.holds {
		if h.giving {
			all = append(all, h.ranges...)
		} else {
			writes = append(writes, h.ranges...)
		}
	}
	state := append(writes[:len(writes):len(writes)], all...)
	if len(state) < len(m.state) {
		m.cfg.State.HoldSlots(state)
	}
	if m.cfg.Leads() {
		for _, of := range m.cfg.State.Moves() {
			// Once the target is known to have them clients can be sent there.
			if of.Side == journal.Source && of.Phase == cluster.Given && m.holds[of.ID] == nil && !m.cfg.Known(of.Ranges, of.Epoch) {
				all = append(all, of.Ranges...)
			}
		}
	}
	if now := (clientHolds{journal.InOrder(writes), journal.InOrder(all)}); !now.same(m.said) {
		m.said = now
		m.cfg.Hold(writes, all)
	}
	m.state = state
	m.cfg.State.HoldSlots(state)
}

// clientHolds is what clients are told of holds: in the order in which slots ascend.
type clientHolds struct{ writes, all []journal.SlotRange }

func (c clientHolds) same(as clientHolds) bool {
	return slices.Equal(c.writes, as.writes) && slices.Equal(c.all, as.all)
}

// unholdLocked ends the hold of a move's slots.
func (m *Mover) unholdLocked(id journal.MoveID, h *handover) {
	if m.holds[id] != h {
		return
	}
	delete(m.holds, id)
	h.timer.Stop()
	m.stats.LastHold = m.cfg.Clock().Sub(h.began)
	m.stats.Hold = max(m.stats.Hold, m.stats.LastHold)
	if p := m.progress[id]; p != nil {
		p.Holds, p.Hold = p.Holds+1, m.stats.LastHold
		if !h.giving {
			p.RanOut++
		}
	}
	m.holdLocked()
}

// errRanOut says that the slots are not held any more.
var errRanOut = fault.With(fault.Retryable, errors.New("the slots were held for as long as they may be, and are written again"))

// mostHold bounds for how long slots are held at a time on a disk that takes long.
const mostHold = 5 * time.Second

// holdForLocked returns for how long a move's slots are held next: for as long as is set,
// and where that was too short twice, for the syncs of both sides are in it, for longer.
func (m *Mover) holdForLocked(id journal.MoveID) time.Duration {
	limit := m.cfg.Limits().Hold
	if p := m.progress[id]; p != nil && p.RanOut >= 2 {
		limit = max(limit, min(limit<<min(p.RanOut-1, 20), mostHold))
	}
	return limit
}

// ended answers a target that has nearly all: it holds the slots. A target that asks again,
// since the answer got lost, is told the same.
func (m *Mover) ended(q end) (held, error) {
	id := journal.MoveID(q.Move)
	of, err := m.under(id, journal.Source)
	if err == nil && of.Phase != cluster.Copying && of.Phase != cluster.Given {
		err = errSession
	}
	if err != nil {
		return held{}, err
	}
	m.heard(id)
	if of.Phase == cluster.Given { // by a request whose answer has not come to the target
		return held{Number: of.Seq}, nil
	}
	h, begun := m.holding(of)
	if !begun {
		return m.heldAt(id, h)
	}
	// What was on its way to the journal when the hold began is in it once this is settled.
	ctx, cancel := context.WithTimeout(m.ctx, h.limit)
	defer cancel()
	err = m.propose(ctx, func(*replay.Draft) error { return nil })
	var content cluster.Content
	if err == nil {
		err = m.cfg.State.View(m.cfg.Clock(), func(v *replay.View) error { content = v.Slots(of.Ranges); return nil })
	}
	m.mu.Lock()
	if err == nil {
		h.settled, h.content = true, content
	} else {
		m.unholdLocked(id, h)
	}
	m.mu.Unlock()
	if err != nil {
		return held{}, err
	}
	return m.heldAt(id, h)
}

// holding returns the hold of a move's slots, and whether it has begun by that.
func (m *Mover) holding(of cluster.Move) (h *handover, begun bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.holds[of.ID]; h != nil {
		return h, false
	}
	h = &handover{ranges: of.Ranges, began: m.cfg.Clock(), limit: m.holdForLocked(of.ID)}
	h.timer = time.AfterFunc(h.limit, func() { // which waits for mu, and so finds the hold
		m.mu.Lock()
		defer m.mu.Unlock()
		if !h.giving {
			m.unholdLocked(of.ID, h)
		}
	})
	m.holds[of.ID] = h
	m.holdLocked()
	return h, true
}

// errHolding says that a hold is there of which nothing can be said yet.
var errHolding = fault.With(fault.Retryable, errors.New("the slots are held already"))

// heldAt returns what a target is told of a hold.
func (m *Mover) heldAt(id journal.MoveID, h *handover) (held, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.holds[id] != h:
		return held{}, errRanOut
	case !h.settled || h.giving:
		return held{}, errHolding
	}
	return held{Number: h.content.At.Seq}, nil
}

// ready answers a target that has all: it gives the slots, if nothing was written to them
// since the target was told that they are held, and the target's rows are the source's.
func (m *Mover) ready(q ready) (verdict, error) {
	id := journal.MoveID(q.Move)
	of, err := m.under(id, journal.Source)
	if err != nil {
		return verdict{}, err
	}
	m.heard(id)
	if of.Phase == cluster.Given {
		give, err := m.tell(m.ctx, of)
		return verdict{Give: give}, err
	}
	h, differs, err := m.fits(id, q)
	if err != nil || differs {
		return verdict{Differs: differs}, err
	}
	_, _, epoch := m.cfg.State.Custody().OwnsAll(of.Ranges)
	err = m.moving(m.ctx, &journal.SlotsGive{ID: id, Epoch: epoch + 1, Seq: h.content.At.Seq, Digest: h.content.Digest})
	m.mu.Lock()
	m.unholdLocked(id, h)
	m.mu.Unlock()
	if err != nil {
		return verdict{}, err
	}
	m.cfg.Logger.Info("slots given", "move", id, "slots", journal.SlotsText(of.Ranges), "to", of.Shard, "epoch", epoch+1)
	m.changed(id)
	of, err = m.under(id, journal.Source)
	if err != nil {
		return verdict{}, err
	}
	give, err := m.tell(m.ctx, of)
	return verdict{Give: give}, err
}

// fits looks whether the slots are still held for a target that has the source's rows.
// From then on they are held until it is known whether they are given.
func (m *Mover) fits(id journal.MoveID, q ready) (h *handover, differs bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h = m.holds[id]
	switch {
	case h == nil || h.giving || !h.settled || h.content.At.Seq != q.Number:
		return nil, false, errRanOut
	case journal.Digest(q.Digest) != h.content.Digest:
		m.stats.Differed++
		m.unholdLocked(id, h)
		m.cfg.Logger.Error("the target of a move has other rows than the source: it copies them again", "move", id,
			"number", q.Number, "digest", h.content.Digest, "target", journal.Digest(q.Digest))
		return nil, true, nil
	}
	h.giving = true
	m.holdLocked()
	return h, false, nil
}

// gave returns what was given by a move.
func gave(of cluster.Move) given {
	return given{Epoch: of.Epoch, Number: of.Seq, Digest: wire.Hex(of.Digest)}
}

// tell returns what was given, once it is on the disk and at all replicas that may be
// promoted: the source can't fall behind what the target hears.
func (m *Mover) tell(ctx context.Context, of cluster.Move) (given, error) {
	g := gave(of)
	m.mu.Lock()
	told := m.told[of.ID]
	m.mu.Unlock()
	if told {
		return g, nil
	}
	seq := m.cfg.State.Pos().Seq
	ctx, cancel := context.WithTimeout(ctx, tellWait)
	defer cancel()
	if err := m.sync(ctx, "what was given"); err != nil {
		return given{}, err
	}
	if err := m.cfg.Fence(ctx, seq); err != nil {
		return given{}, fault.As(fault.Retryable, "replicas do not have yet what was given", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told[of.ID] = true
	return g, nil
}

// tellWait bounds the wait for the disk and the replicas. The target asks again.
const tellWait = 2 * time.Second

// taken answers a target that owns the slots.
func (m *Mover) taken(q taken) (stands, error) {
	id := journal.MoveID(q.Move)
	of, err := m.under(id, journal.Source)
	if errors.Is(err, errUnknown) {
		return stands{Phase: unknown}, nil
	}
	if err == nil && of.Phase == cluster.Copying {
		err = fault.With(fault.Operator, errors.New("the target says that it owns slots that were not given to it"))
	}
	if err != nil {
		return stands{}, err
	}
	m.heard(id)
	if of.Phase == cluster.Given {
		if err := m.took(m.ctx, id); err != nil {
			return stands{}, err
		}
		of.Phase = cluster.Taken
	}
	// The target forgets the move once it knows that, so it must not be taken back.
	if err := m.sync(m.ctx, "what is known to be taken"); err != nil {
		return stands{}, err
	}
	return stands{Phase: phaseText(of.Phase)}, nil
}

// syncWait bounds the wait for the disk. Whoever needs what is to be on it asks again.
const syncWait = 10 * time.Second

// sync returns once the journal is on the disk, which what is named there waits for.
func (m *Mover) sync(ctx context.Context, what string) error {
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	return fault.As(fault.Retryable, "sync "+what, m.cfg.Log.Sync(ctx))
}

// took notes that the target owns the slots: clients are sent there.
func (m *Mover) took(ctx context.Context, id journal.MoveID) error {
	if err := m.moving(ctx, &journal.MoveTaken{ID: id}); err != nil {
		return err
	}
	m.changed(id)
	m.hold()
	m.nudge(id)
	return nil
}
