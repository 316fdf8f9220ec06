package writer

import (
	"context"
	"errors"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Reserve is room on the disk that is held back for when there is none.
type Reserve interface {
	// Held reports whether the room is held back.
	Held() bool
	// GiveUp lets the room go.
	GiveUp() error
	// Take holds the room back again.
	Take() error
}

// wantsReserve reports whether s is of the kind that the reserve is for, and
// has not had it.
func (w *Writer) wantsReserve(s *Suspension) bool {
	return s != nil && !s.Deletes && !s.reserved && errors.Is(s.Cause, journal.ErrNoSpace) &&
		w.cfg.Reserve != nil && w.cfg.Reserve.Held()
}

// giveUpReserve makes room and, when the journal proves good in it, takes what
// frees more. The suspension goes on.
func (w *Writer) giveUpReserve(ctx context.Context, s *Suspension) error {
	h := w.health
	h.giving.Store(true)
	_, err := w.prove(ctx, true)
	h.mu.Lock()
	n := *h.cur.Load()
	n.reserved, n.Deletes = true, err == nil
	h.cur.Store(&n)
	h.mu.Unlock()
	h.giving.Store(false)
	h.noteReserve()
	if err != nil {
		h.log.Error("giving up the reserve has not helped", "class", fault.Of(err).String(), "cause", err)
		return err
	}
	h.log.Warn("the reserve is given up: deletes are taken, other writes are not", "cause", s.Cause)
	return nil
}

// ReserveMissing reports whether there is a reserve that is not held. While it is being
// given up it counts as held, so that whoever asks for the suspension after that finds
// what has come of it.
func (h *Health) ReserveMissing() bool { return h.missing() && !h.giving.Load() }

// WithoutReserve is told that the node begins on a disk that has no room for the
// reserve, and why. What room there is is then for deletes, as on a disk that filled
// while the node ran. It is called before RunHealth.
func (h *Health) WithoutReserve(err error) {
	h.mu.Lock()
	if h.cur.Load() != nil { // the journal has not taken the first entry either
		h.mu.Unlock()
		h.log.Warn("no room is held back on the disk", "cause", err)
		return
	}
	s := &Suspension{Class: fault.Of(err), Cause: fault.Cause(err), Since: h.clock(), Deletes: true, reserved: true}
	h.scheduleLocked(s)
	h.cur.Store(s)
	h.mu.Unlock()
	h.log.Warn("there is no room for the reserve: deletes are taken, other writes are not", "cause", s.Cause)
	h.tell(Suspended, s)
}

// Freed is told that room has been made on the disk. A suspension for want of room is
// then tried at once, if it is tried at all without being asked.
func (h *Health) Freed() {
	h.mu.Lock()
	if h.triesFullLocked() {
		h.again = true
		defer h.stir()
	}
	h.mu.Unlock()
}

// TriesFull reports whether the node is suspended for want of room, and tries to resume by
// itself.
func (h *Health) TriesFull() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.triesFullLocked()
}

func (h *Health) triesFullLocked() bool {
	s := h.cur.Load()
	return s != nil && !s.InDoubt && s.Full() && h.policy.tries(s)
}

// reserveLeast is how long, at least, lies between two tries to hold the reserve
// back that nobody has asked for: clients' writes wait for each.
const reserveLeast = time.Second

// reserveInterval returns how long it is until a reserve that is not held is tried again.
func (h *Health) reserveInterval() time.Duration { return max(h.Policy().Interval, reserveLeast) }

// tryReserve tries to hold the reserve back while nothing else is wrong, as on a node
// that was started on a full disk. a is the attempt that somebody has asked for, nil
// if nobody has. Nobody appends meanwhile: finding out that there is too little room
// takes all of it for a moment, and no write may fail for that.
func (w *Writer) tryReserve(ctx context.Context, a *attempt) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	h := w.health
	began := time.Now()
	err := w.holdReserve(ctx)
	if err != nil {
		h.log.Debug("no room is held back on the disk", "cause", err)
	}
	h.noteReserve()
	if a == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a.steps, a.err = []Step{{stepTake, time.Since(began), err}}, nextStep(err)
	h.asked = nil
	close(a.done)
}

func (w *Writer) holdReserve(ctx context.Context) error {
	if !w.health.missing() {
		return nil // somebody was faster
	}
	if w.health.hangs() {
		return errHangs
	}
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	return fault.As(fault.Operator, stepTake,
		t.step(ctx, func(context.Context) error { return w.cfg.Reserve.Take() }))
}

// noteReserve tells of a reserve that was given up or is held again since it was
// called last, whichever step has done that, and whether or not the attempt that
// the step was part of has worked, or waited for it. RunHealth calls it.
func (h *Health) noteReserve() {
	missing := h.missing()
	if missing == h.gaveUp {
		return
	}
	h.gaveUp = missing
	s := h.cur.Load()
	if s == nil {
		s = &Suspension{}
	}
	if missing {
		h.tell(ReserveGivenUp, s)
		return
	}
	h.log.Info("room is held back on the disk again")
	h.tell(ReserveHeld, s)
}
