package writer

import (
	"context"
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
)

// tenure is the right to append, as an attempt to resume or a follower has it. It is
// given back with release, unless it has gone to something that is in doubt.
type tenure struct {
	w    *Writer
	gone bool
}

// hold waits for the right to append, until ctx ends. What is in doubt may keep it
// for as long as a disk hangs; the error then is the suspension that says so.
func (w *Writer) hold(ctx context.Context) (*tenure, error) {
	if err := w.appending.Lock(ctx); err != nil {
		if s := w.health.Suspension(); s != nil && s.InDoubt {
			return nil, s
		}
		return nil, fault.With(fault.Retryable, fmt.Errorf("the journal is busy: %w", err))
	}
	return &tenure{w: w}, nil
}

// release gives the right to append back, if it is still here.
func (t *tenure) release() {
	if !t.gone {
		t.w.appending.Unlock()
	}
}

// leave hands what is in doubt to Run. Nobody waits for it.
func (t *tenure) leave(d *journal.Doubt, after func(error)) {
	t.gone = true
	t.w.leaveToRun(&pending{doubt: d, after: after})
}

// waitSettled waits until d is settled and returns how. When ctx ends first it leaves
// what is in doubt to Run.
func (t *tenure) waitSettled(ctx context.Context, d *journal.Doubt) error {
	p := &pending{doubt: d}
	p.owner.Store(ownerWaits)
	t.w.leaveToRun(p)
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	if !p.owner.CompareAndSwap(ownerWaits, ownerGone) {
		<-p.done // it is about to be
		return p.err
	}
	t.gone = true
	return fault.With(fault.Retryable, errors.New(d.Error()))
}
