package replay

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
	began, missing := time.Now(), h.missing()
	err := w.takeRoom(ctx)
	if err == nil && missing {
		h.log.Info("room is held back on the disk again")
		h.tell(ReserveHeld, &Suspension{})
	} else if err != nil {
		h.log.Debug("no room is held back on the disk", "cause", err)
	}
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
