package writer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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

// RunHealth makes the attempts to resume, until ctx ends or an attempt finds
// something Fatal, which it returns. Nothing it waits for can hold it up: a
// step that hangs is left behind, and until it comes back attempts fail. When it
// does the next is made at once.
func (w *Writer) RunHealth(ctx context.Context) error {
	h := w.health
	defer h.end()
	room := time.Now().Add(h.spaced()) // when to try to hold the reserve back
	for {
		h.noteReserve() // a step that was left behind may be back
		a, due := h.next()
		if h.cur.Load() == nil && (a != nil || h.missing()) {
			if wait := time.Until(room); a == nil && wait > 0 {
				due = min(due, wait)
			} else {
				w.retake(ctx, a)
				room = time.Now().Add(h.spaced())
				continue
			}
		}
		if a != nil {
			if err := w.try(ctx, a); fault.Of(err) == fault.Fatal {
				return err
			}
			continue
		}
		if s := h.cur.Load(); w.wantsReserve(s) {
			if err := w.giveUpReserve(ctx, s); fault.Of(err) == fault.Fatal {
				return err
			}
			continue
		}
		t := time.NewTimer(due)
		select {
		case <-t.C:
		case <-h.wake:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		t.Stop()
	}
}

// end answers who still waits.
func (h *Health) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if a := h.asked; a != nil {
		h.asked, a.err = nil, ErrStopped
		close(a.done)
	}
}

// farOff is how long RunHealth sleeps when nothing is due.
const farOff = time.Hour

// next returns the attempt to make now, or how long there is none.
func (h *Health) next() (*attempt, time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.cur.Load()
	if s == nil {
		h.again = false
	}
	switch {
	case h.asked != nil && (s == nil || !s.InDoubt):
		return h.asked, 0
	case h.again && !s.InDoubt:
		h.again = false
		h.asked = &attempt{done: make(chan struct{})}
		return h.asked, 0
	case s == nil || s.NextAttempt.IsZero():
		return nil, farOff
	}
	due := s.NextAttempt.Sub(h.clock())
	if due > 0 {
		return nil, min(due, farOff)
	}
	n := *s
	n.Automatic++
	h.cur.Store(&n)
	h.asked = &attempt{done: make(chan struct{})}
	return h.asked, 0
}

// try makes one attempt and tells its outcome. It returns what prove found.
func (w *Writer) try(ctx context.Context, a *attempt) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	steps, err := w.prove(ctx, false)
	h := w.health
	h.mu.Lock()
	s := *h.cur.Load()
	cause := s.Cause
	s.Attempts++
	s.LastAttempt, s.LastError, s.reserved = h.clock(), err, false
	if err == nil {
		h.cur.Store(nil)
	} else {
		s.worsen(err)
		s.Deletes = s.Deletes && h.hung == nil // what hangs may still be at the journal
		h.scheduleLocked(&s)
		h.cur.Store(&s)
	}
	a.steps, a.err = steps, err
	if err != nil && !errors.Is(err, cause) {
		a.err = errors.Join(err, fmt.Errorf("suspended since %s: %w", s.Since.UTC().Format(time.RFC3339), cause))
	}
	h.asked = nil
	h.mu.Unlock()
	h.noteReserve()
	if err == nil {
		h.log.Warn("journal takes writes again", "suspended", s.LastAttempt.Sub(s.Since).Round(time.Millisecond),
			"attempts", s.Attempts, "cause", s.Cause)
		h.tell(Resumed, &s)
	} else {
		h.log.Error("resume", "class", fault.Of(err).String(), "cause", a.err, "attempts", s.Attempts,
			"next", s.NextAttempt)
		h.tell(ResumeFailed, &s)
	}
	close(a.done)
	return err
}

// worsen takes what an attempt has found, if it is worse than what is known: a
// full disk that turns out to be a broken one is not for time to mend.
func (s *Suspension) worsen(err error) {
	if class := fault.Of(err); class > s.Class {
		s.Class, s.Cause = class, err
	}
	s.Suspect = s.Suspect || errors.Is(err, journal.ErrSync)
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
	_, err := w.prove(ctx, true)
	h := w.health
	h.mu.Lock()
	n := *h.cur.Load()
	n.reserved, n.Deletes = true, err == nil
	h.cur.Store(&n)
	h.mu.Unlock()
	h.noteReserve()
	if err != nil {
		h.log.Error("giving up the reserve has not helped", "class", fault.Of(err).String(), "cause", err)
		return err
	}
	h.log.Warn("the reserve is given up: deletes are taken, other writes are not", "cause", s.Cause)
	return nil
}

// stepTake is the step that holds the reserve back.
const stepTake = "hold the reserve back"

// errHangs is that what an attempt has left behind is not back.
var errHangs = fault.With(fault.Retryable, errors.New("an earlier attempt still hangs in the system"))

// prove shows that the journal takes writes: it is opened anew, ends where it
// did with what was written last, stores a probe, and gives it back. The probe
// is an epoch entry, so a number that a lost tail would use again carries
// another epoch. A node that follows stores none, which its leader would not
// have: that the reserve could be held back and the journal took a new file is
// its proof, and the next frame shows. Nobody else appends meanwhile. A step that
// is left behind keeps the right to append until it is back.
func (w *Writer) prove(ctx context.Context, reserve bool) (steps []Step, err error) {
	if w.health.hangs() {
		return nil, errHangs
	}
	t, err := w.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer t.release()
	if w.health.cur.Load().InDoubt {
		return nil, w.health.Refusal(false)
	}
	var c journal.Committed
	suspect, follows := w.health.cur.Load().Suspect, w.refuses.Load() != nil
	for _, s := range []struct {
		name string
		skip bool
		run  func(context.Context) error
	}{
		{"give up the reserve", !reserve, func(context.Context) error { return w.cfg.Reserve.GiveUp() }},
		{stepTake, reserve || w.cfg.Reserve == nil || w.cfg.Reserve.Held(),
			func(context.Context) error { return w.cfg.Reserve.Take() }},
		{"open the journal anew", false, w.cfg.Log.Reopen},
		{"check its last entry", false, w.checkLast},
		{"secure what was acknowledged", !suspect || w.cfg.Secure == nil, w.secure},
		{"store a probe", follows, func(ctx context.Context) (err error) { c, err = w.probe(ctx); return err }},
		{"read it back", follows, func(ctx context.Context) error { return w.readBack(ctx, c) }},
	} {
		if s.skip {
			continue
		}
		began := time.Now()
		if err = t.step(ctx, s.run); err != nil {
			err = fault.As(fault.Operator, s.name, err)
		}
		steps = append(steps, Step{s.name, time.Since(began), err})
		if err != nil {
			return steps, err
		}
	}
	return steps, nil
}

// hangs reports whether a step that was left behind is not back.
func (h *Health) hangs() bool {
	if h.hung == nil {
		return false
	}
	select {
	case <-h.hung:
		h.hung = nil
		return false
	default:
		return true
	}
}

// step runs one step of an attempt, and leaves it behind if it outlasts ctx.
func (t *tenure) step(ctx context.Context, run func(context.Context) error) error {
	const running, back, left = 0, 1, 2
	h := t.w.health
	done := make(chan struct{})
	var state atomic.Int32
	var err error
	go func() {
		err = run(ctx)
		ours := !state.CompareAndSwap(running, back)
		close(done)
		if ours { // nobody waits
			t.w.leftBehind(err)
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done: // it may be about to say why
		case <-time.After(stepGrace):
			if state.CompareAndSwap(running, left) {
				h.hung, t.gone = done, true
				return fault.With(fault.Retryable, fmt.Errorf("it has not come back: %w", ctx.Err()))
			}
			<-done
		}
	}
	if d := doubtIn(err); d != nil {
		t.leave(d, nil)
		err = fault.With(fault.Retryable, errors.New(d.Error()))
	}
	return err
}

// leftBehind takes the right to append over from a step that nobody waits for any
// more, and has the next attempt made.
func (w *Writer) leftBehind(err error) {
	if d := doubtIn(err); d != nil {
		w.putOff(&pending{doubt: d})
	} else {
		w.appending.unlock()
	}
	w.health.retry()
}

// stepGrace is how long a step that was cancelled may take to come back.
const stepGrace = 100 * time.Millisecond

// checkLast compares the journal's last entry with what was applied last.
func (w *Writer) checkLast(ctx context.Context) error {
	pos := w.cfg.State.Pos()
	if st, err := w.cfg.Log.Stat(ctx); err != nil || st.Last == pos.Seq && st.First > pos.Seq {
		return err // all of it has been truncated behind snapshots, or it begins behind one
	}
	for c, err := range w.cfg.Log.Read(ctx, pos.Seq) {
		if err != nil {
			return err
		}
		b := c.Batch()
		if c.Seq() != pos.Seq || b.Epoch != w.last.epoch || b.Prev != w.last.prev {
			return fault.With(fault.Fatal, fmt.Errorf(
				"number %d is of epoch %d on digest %s in the journal; it was written in epoch %d on %s",
				c.Seq(), b.Epoch, b.Prev, w.last.epoch, w.last.prev))
		}
		return nil
	}
	return fault.With(fault.Fatal, fmt.Errorf("number %d can't be found in the journal", pos.Seq))
}

// secure makes what was acknowledged durable again.
func (w *Writer) secure(ctx context.Context) error {
	return fault.With(fault.Operator, w.cfg.Secure(ctx))
}

// probe appends an epoch entry and applies it.
func (w *Writer) probe(ctx context.Context) (journal.Committed, error) {
	was := w.epoch
	w.epoch = max(was+1, w.cfg.Epoch)
	e := journal.Entry{At: w.cfg.Clock(), Ops: []journal.Op{&journal.Epoch{Epoch: w.epoch, Node: w.cfg.Node}}}
	c, err := w.commit(ctx, []journal.Entry{e}, nil)
	if err != nil {
		w.epoch = was // it was not stored, or it is not known; then resolve says
	}
	return c, err
}

// readBack reads the probe and compares it.
func (w *Writer) readBack(ctx context.Context, probe journal.Committed) error {
	for c, err := range w.cfg.Log.Read(ctx, probe.Seq()) {
		if err == nil && (c.Batch().Epoch != probe.Batch().Epoch || c.Batch().Prev != probe.Batch().Prev) {
			err = fault.With(fault.Fatal, fmt.Errorf("number %d is not what was stored", c.Seq()))
		}
		return err
	}
	return fault.With(fault.Operator, fmt.Errorf("number %d is stored and can't be read", probe.Seq()))
}
