package writer

import (
	"context"
	"errors"

	"ledge/journal"
	"ledge/journal/fault"
)

var errSyncChanging = fault.With(fault.Retryable, errors.New("another change of sync is under way"))

// SetSync changes when what is appended is on the disk. Groups wait for it, some
// milliseconds as a rule, and those after it are stored as s says. A journal that takes
// no writes can't be changed. When it is not done before ctx ends or the disk answers,
// the error says so; it may be done yet, and journal.Log.Syncing says what holds.
func (w *Writer) SetSync(ctx context.Context, s journal.Syncing) error {
	if err := w.health.Refusal(false); err != nil {
		return err
	}
	done := make(chan struct{})
	if !w.brief.CompareAndSwap(nil, &done) {
		return errSyncChanging
	}
	w.briefs.Add(1)
	defer close(done)
	defer w.brief.Store(nil)
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	err = w.cfg.Log.SetSync(ctx, s)
	if d := doubtIn(err); d != nil {
		t.leave(d, nil)
		return fault.With(fault.Retryable, errors.New(d.Error()))
	}
	if err != nil && fault.Of(err) != fault.Fatal {
		err = w.health.suspend(err)
	}
	return err
}

// lockAfterBrief waits for whoever has the right to append for a moment, and reports
// whether it is the caller's then. Whoever has it is bounded by a context of its own,
// and lets go of what is in doubt.
func (w *Writer) lockAfterBrief(ctx context.Context) bool {
	for {
		begun, done := w.briefs.Load(), w.brief.Load()
		switch {
		case w.appending.TryLock():
			return true
		case done == nil && w.briefs.Load() == begun:
			return false // somebody has it for longer
		case done == nil:
			continue
		}
		select {
		case <-*done:
		case <-ctx.Done():
			return false
		}
	}
}
