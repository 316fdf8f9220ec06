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

// stepTake is the step that holds the reserve back.
const stepTake = "hold the reserve back"

// errHangs fails an attempt while a step of an earlier one has not returned.
var errHangs = fault.With(fault.Retryable, errors.New("an earlier attempt still hangs in the system"))

// prove shows that the journal takes writes: it is opened anew, ends with what was
// written last, stores a probe, and gives it back. The probe is an epoch entry, so
// that a number which is used again after a lost tail carries another epoch.
//
// A replica stores no probe, which its leader would not have. That the reserve could
// be held back and the journal could be opened is its proof; the next frame shows
// whether it holds.
//
// Nobody else appends meanwhile. A step that hangs keeps the right to append until it
// returns.
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

// hangs reports whether a step that nobody waits for any more has not returned.
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

// step runs one step of an attempt. If the step outlasts ctx it is left to itself, with
// the right to append, and the attempt fails.
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
		w.leaveToRun(&pending{doubt: d})
	} else {
		w.appending.Unlock()
	}
	w.health.retry()
}

// stepGrace is how long a step that was cancelled may take to come back.
const stepGrace = 100 * time.Millisecond

// checkLast compares the journal's last entry with what was applied last.
func (w *Writer) checkLast(ctx context.Context) error {
	pos := w.cfg.State.Pos()
	if st, err := w.cfg.Log.Stat(ctx); err != nil || st.Last == pos.Seq && st.First > pos.Seq {
		return err // snapshots have all of it, and the journal begins after them
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
