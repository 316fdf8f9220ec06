package writer

import (
	"context"
	"fmt"
	"time"

	"ledge/journal/fault"
)

// Run answers proposals until ctx ends or something Fatal happens. When it
// returns every proposal has been answered, and Submit refuses more.
//
// What was in doubt comes first in each round: the group that waits for it is older
// than all that is queued.
func (w *Writer) Run(ctx context.Context) error {
	var err error
	for err == nil {
		if err = guarded(w.checkDoubt); err != nil {
			break
		}
		if ps := w.gather(); len(ps) > 0 {
			err = guarded(func() error { return w.group(ctx, ps) })
			clear(ps)
			w.spare = ps[:0]
			continue
		}
		if w.sleep(ctx) {
			continue
		}
		err = guarded(w.lastWord)
		break
	}
	w.end(err)
	return err
}

// checkDoubt resolves what was in doubt if its outcome is known, and does not wait
// for it otherwise: other proposals, most of which only read, go on meanwhile.
func (w *Writer) checkDoubt() error {
	if w.doubted == nil {
		select {
		case w.doubted = <-w.pendings:
			w.doubted.timer = time.NewTimer(w.cfg.DoubtWait)
		default:
			return nil
		}
	}
	select {
	case <-w.doubted.doubt.Done():
		p := w.doubted
		w.doubted = nil
		return w.resolve(p)
	default:
		return nil
	}
}

// sleep waits until there is something to do: a proposal, something that is in doubt
// now, its outcome, or the moment when clients have waited long enough for that. It
// returns false when ctx ends.
func (w *Writer) sleep(ctx context.Context) bool {
	var settled <-chan struct{}
	var late <-chan time.Time
	next := w.pendings
	if w.doubted != nil {
		settled, late, next = w.doubted.doubt.Done(), w.doubted.timer.C, nil
	}
	select {
	case <-w.wake:
	case <-settled:
	case w.doubted = <-next:
		w.doubted.timer = time.NewTimer(w.cfg.DoubtWait)
	case <-late:
		w.doubted.giveUp()
	case <-ctx.Done():
		return false
	}
	return true
}

// lastWord waits for what is in doubt for as long as a node that stops can, which is
// StopWait. What is not known by then the next start finds out, from the files.
func (w *Writer) lastWord() error {
	if w.doubted == nil {
		return w.checkDoubt()
	}
	t := time.NewTimer(w.cfg.StopWait)
	defer t.Stop()
	select {
	case <-w.doubted.doubt.Done():
		return w.checkDoubt()
	case <-t.C:
		w.doubted.giveUp()
		return fault.As(fault.Operator, "stop", fmt.Errorf("%s; the next start finds out", w.doubted.doubt.Error()))
	}
}

// guarded does a part of Run and turns a panic into an error. It is Fatal, because
// what is stored, applied and answered may not agree any more; recovery goes by
// the journal. A panic of a proposal that is being evaluated does not come this
// far: replay.Group.Evaluate catches it, since nothing has been appended then.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.As(fault.Fatal, "write a group", fault.Caught(p))
		}
	}()
	return do()
}
