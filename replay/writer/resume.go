package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal/fault"
)

// Step is one thing that an attempt to resume has done.
type Step struct {
	Name string
	Took time.Duration
	Err  error
}

// attempt is one attempt to resume. Its fields are for reading once done is
// closed.
type attempt struct {
	done  chan struct{}
	steps []Step
	err   error
}

// Resume asks for an attempt and waits for it. Whoever asks while one is under way or
// asked for gets that one's outcome. There are no steps if there is nothing to
// resume; if only the reserve is not held, that is tried. When ctx ends first, the
// attempt goes on.
func (h *Health) Resume(ctx context.Context) ([]Step, error) {
	missing := h.missing()
	h.mu.Lock()
	switch {
	case h.cur.Load() == nil && !missing:
		h.mu.Unlock()
		return nil, nil
	case h.ended:
		h.mu.Unlock()
		return nil, ErrStopped
	case h.InDoubt():
		h.mu.Unlock()
		return nil, fault.As(fault.Retryable, "resume",
			fmt.Errorf("there is nothing to try before the disk answers: %w", h.cur.Load()))
	}
	a := h.asked
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		h.asked = a
		h.stir()
	}
	h.mu.Unlock()
	select {
	case <-a.done:
		return a.steps, a.err
	case <-ctx.Done():
		return nil, fault.As(fault.Retryable, "resume", fmt.Errorf("the attempt is still under way: %w", ctx.Err()))
	}
}

// RunHealth makes the attempts to resume, until ctx ends or an attempt finds
// something Fatal, which it returns. A step that hangs can't hold it up: the attempt
// goes on without it and fails, as do all until the step returns. When it does, the
// next attempt is made at once.
func (w *Writer) RunHealth(ctx context.Context) error {
	h := w.health
	defer h.end()
	h.gaveUp = h.missing()                      // the node has tried to hold it by now, and has said how that went
	room := time.Now().Add(h.reserveInterval()) // when to try to hold the reserve back
	for {
		h.noteReserve() // a step that nobody waits for any more may be back
		a, due := h.next()
		if h.cur.Load() == nil && (a != nil || h.missing()) {
			if wait := time.Until(room); a == nil && wait > 0 {
				due = min(due, wait)
			} else {
				w.tryReserve(ctx, a)
				room = time.Now().Add(h.reserveInterval())
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

// end answers those who still wait for an attempt: none is made any more.
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
	a.err = nextStep(a.err)
	h.asked = nil
	h.mu.Unlock()
	h.noteReserve()
	if err == nil {
		h.log.Warn("journal takes writes again", "suspended", s.LastAttempt.Sub(s.Since).Round(time.Millisecond),
			"attempts", s.Attempts, "cause", s.Cause)
		h.tell(Resumed, &s)
	} else {
		h.log.Error("attempt to resume failed", "class", fault.Of(err).String(), "cause", a.err, "attempts", s.Attempts,
			"next", s.NextAttempt)
		h.tell(ResumeFailed, &s)
	}
	close(a.done)
	return err
}
