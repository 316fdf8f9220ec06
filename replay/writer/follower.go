package writer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"ledge/journal"
	"ledge/replay"
)

// ErrDiverged says that what a leader has does not follow what is here.
var ErrDiverged = errors.New("the two journals have diverged")

// Follower is how a node that reads a leader's journal writes: not what clients
// propose, but batches as they stand in that journal. Only one goroutine may use it.
//
// From Follow to Lead the writer refuses proposals that write; those that were under
// way when Follow was called have been answered when it returns. What is in doubt
// may stay so: Ingest waits for it, and neither asks again for what may be stored
// nor applies what may not be.
type Follower struct {
	w    *Writer
	each atomic.Int64 // nanoseconds that a frame took of late
	bulk bool         // the journal takes frames in bulk; belongs to Ingest
}

// Follow makes the writer refuse writes with reason, and returns what batches
// of a leader are given to. When something is in doubt and ctx ends before that is
// settled it fails, and the writer goes on as before.
func (w *Writer) Follow(ctx context.Context, reason error) (*Follower, error) {
	was := w.refuses.Swap(&reason)
	t, err := w.hold(ctx) // waits for the append that is under way
	if err != nil {
		w.refuses.CompareAndSwap(&reason, was)
		return nil, err
	}
	t.release()
	return &Follower{w: w}, nil
}

// Refuse changes what writes are refused with.
func (f *Follower) Refuse(reason error) { f.w.refuses.Store(&reason) }

// Recall finds out what a node that follows has last: an attempt to resume
// must find that at the journal's end. A node that leads does so in Start.
func (f *Follower) Recall(ctx context.Context) error {
	t, err := f.w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	f.w.epoch = f.w.cfg.State.Epoch()
	return f.w.recall(ctx)
}

// Lead makes the writer take writes. It raises the epoch by one entry first: a
// node that can't append one does not lead. If that entry is in doubt the node
// leads, without writes until it is settled, and the error is ErrLeadInDoubt.
func (w *Writer) Lead(ctx context.Context) error {
	if err := w.health.Refusal(false); err != nil {
		return err
	}
	if err := w.single(ctx); err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	if s := w.health.Suspension(); s != nil && s.InDoubt {
		w.refuses.Store(nil)
		return fmt.Errorf("%w: %v", ErrLeadInDoubt, s)
	} else if s != nil {
		return s
	}
	w.refuses.Store(nil)
	return nil
}

// single has the journal sync each batch again, which a replica that had far to go
// may have asked it not to do.
func (w *Writer) single(ctx context.Context) error {
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	err = w.cfg.Log.Bulk(ctx, false)
	if d := doubtIn(err); d != nil {
		return t.waitSettled(ctx, d)
	}
	return err
}

// Cancel takes Follow back, when nothing has been ingested since: the writer
// takes writes as before.
func (f *Follower) Cancel() { f.w.refuses.Store(nil) }

// Replace puts another journal and what it adds up to in place of those that
// there are: what a full sync has brought. fresh must not be used afterwards.
// The caller has nothing else at the journal; see Quiesce.
func (f *Follower) Replace(ctx context.Context, drv journal.Driver, l journal.Lineage, fresh *replay.State) error {
	w := f.w
	if err := w.cfg.Log.Replace(ctx, drv, l); err != nil {
		return err
	}
	w.epoch, w.last = fresh.Epoch(), lastBatch{fresh.Epoch(), fresh.Pos().Digest}
	return w.cfg.State.Become(fresh)
}

// Quiesce waits until nothing is at the journal, which may be in doubt, and keeps
// it so until release is called.
func (f *Follower) Quiesce(ctx context.Context) (release func(), err error) {
	t, err := f.w.hold(ctx)
	if err != nil {
		return nil, err
	}
	return t.release, nil
}
