package writer

import (
	"context"
	"time"

	"ledge/journal/fault"
)

// retakeLeast is how long, at least, lies between two tries to hold the reserve
// back that nobody has asked for: clients' writes wait for each.
const retakeLeast = time.Second

// spaced returns how long it is until a reserve that is not held is tried again.
func (h *Health) spaced() time.Duration { return max(h.Policy().Interval, retakeLeast) }

// retake, which is made while nothing is wrong, as on a node that was started on a
// full disk, tries to hold the reserve back, for a if
// somebody has asked. Nobody appends meanwhile: to find out that there is too
// little room takes all of it for a moment, which no write may fail for.
func (w *Writer) retake(ctx context.Context, a *attempt) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.AttemptTimeout)
	defer cancel()
	h := w.health
	began := time.Now()
	err := w.takeRoom(ctx)
	if err != nil {
		h.log.Debug("no room is held back on the disk", "cause", err)
	}
	h.noteReserve()
	if a == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	a.steps, a.err = []Step{{stepTake, time.Since(began), err}}, err
	h.asked = nil
	close(a.done)
}

func (w *Writer) takeRoom(ctx context.Context) error {
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
