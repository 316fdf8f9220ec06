package writer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// ErrDiverged says that what a leader has does not follow what is here.
var ErrDiverged = errors.New("the two journals have diverged")

// Follower is what a node that follows another has in place of clients: it takes
// batches as they stand in the leader's journal. Only one goroutine may use it.
//
// From Follow to Lead the writer refuses proposals that write; what was under
// way when Follow was called has been answered when it returns. What is in doubt
// may stay so: Ingest waits for it, and neither asks again for what may be stored
// nor applies what may not be.
type Follower struct {
	w    *Writer
	each atomic.Int64 // nanoseconds that a frame took of late
	bulk bool         // frames are to be taken in bulk; belongs to Ingest
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

// single ends what a replica that had far to go has asked of the journal.
func (w *Writer) single(ctx context.Context) error {
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	err = w.cfg.Log.Bulk(ctx, false)
	if d := doubtIn(err); d != nil {
		return t.sitOut(ctx, d)
	}
	return err
}

// Cancel takes Follow back, when nothing has been ingested since: the writer
// takes writes as before.
func (f *Follower) Cancel() { f.w.refuses.Store(nil) }

// Refusal returns what a write is refused with, or nil: a journal that takes
// none, or a leader that does. frees says that it is one that frees room.
func (w *Writer) Refusal(frees bool) error {
	if reason := w.refuses.Load(); reason != nil {
		return *reason
	}
	return w.health.Refusal(frees)
}

// Ingest appends frames of a leader's journal and applies them, in order: while
// some are stored those before them are applied and those behind them decoded.
// What does not follow what is here is ErrDiverged, and leaves nothing. A journal
// that can't take a frame suspends the node as it does for a client's write. last
// is the leader's last number.
func (f *Follower) Ingest(ctx context.Context, frames []journal.Frame, last journal.Seq) error {
	w := f.w
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	st := w.cfg.State
	at := st.Pos().Seq
	st.Appending(Far(at, last))
	if err := f.bulkFor(ctx, t, at, last); err != nil {
		return err
	}
	err = f.takeIn(ctx, t, frames)
	if t.gone || !f.bulk || fault.Of(err) == fault.Fatal || st.Pos().Seq == at {
		return err
	}
	if failed := f.sync(ctx, t); failed != nil {
		return errors.Join(failed, err)
	}
	return err
}

// takeIn stores frames, some at a time, and applies them.
func (f *Follower) takeIn(ctx context.Context, t *tenure, frames []journal.Frame) error {
	for {
		err := f.takeSome(ctx, frames)
		d := doubtIn(err)
		if d == nil {
			return f.w.disown(ctx, t, err)
		}
		if err := t.sitOut(ctx, d); err != nil {
			return err
		}
		if frames = behind(f.w.cfg.State.Pos().Seq, frames); len(frames) == 0 {
			return nil
		}
	}
}

// behind returns the frames that are not up to number at.
func behind(at journal.Seq, frames []journal.Frame) []journal.Frame {
	for len(frames) > 0 && frames[0].Seq <= at {
		frames = frames[1:]
	}
	return frames
}

// takeSome is takeIn until something is in doubt.
func (f *Follower) takeSome(ctx context.Context, frames []journal.Frame) error {
	w, st := f.w, f.w.cfg.State
	cur, frames := f.next(st.Pos().Seq, frames)
	if len(cur.rs) > 0 {
		if err := st.CheckNext(cur.rs[0]); err != nil {
			return diverged(err)
		}
	}
	f.store(ctx, cur)
	for {
		then, rest := f.next(cur.end, frames)
		<-cur.done
		more := cur.err == nil && len(frames) > 0
		if more {
			f.store(ctx, then)
		}
		err := w.take(cur)
		if err == nil && more {
			cur, frames = then, rest
			continue
		}
		if more {
			<-then.done
		}
		if err != nil {
			return fmt.Errorf("number %d: %w", st.Pos().Seq+1, err)
		}
		return nil
	}
}

// farNumbers is how many numbers a replica has to be behind to have far to go.
const farNumbers = 4096

// Far reports whether a replica that has come to a number is so far from its
// leader's last that it had better hurry than be at its best for readers.
func Far(at, last journal.Seq) bool { return last > at+farNumbers }

// bulkLeft is how many numbers are hardly anything: the journal is asked to take
// frames one by one again when there are no more than that.
const bulkLeft = 16

// bulkFor has the journal take frames in bulk from when there is far to go until
// there is hardly anything left.
func (f *Follower) bulkFor(ctx context.Context, t *tenure, at, last journal.Seq) error {
	if f.w.health.Refusal(false) != nil {
		return nil // for store to say
	}
	f.bulk = Far(at, last) || f.bulk && last > at+bulkLeft
	err := f.w.cfg.Log.Bulk(ctx, f.bulk)
	if d := doubtIn(err); d != nil {
		return t.sitOut(ctx, d)
	}
	if err != nil && fault.Of(err) != fault.Fatal {
		err = f.w.health.suspend(err)
	}
	return err
}

// sync makes durable what was taken in bulk. It must not end with ctx, since a
// leader is told that it is. A sync that fails suspends the node, which may have
// applied what a power cut would take: resuming makes all of that durable first.
func (f *Follower) sync(ctx context.Context, t *tenure) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.w.cfg.AppendTimeout)
	defer cancel()
	err := f.w.cfg.Log.Sync(within)
	if d := doubtIn(err); d != nil {
		return t.sitOut(ctx, d)
	}
	if err != nil && fault.Of(err) != fault.Fatal {
		err = f.w.health.suspend(err)
	}
	return err
}

// Frames go into the journal many at a time: one after the other each would cost
// the way to the broker and back. How many is bounded by what may be in the way
// of a stop.
const (
	ingestMost = 512
	ingestTime = 100 * time.Millisecond
)

// window returns how many frames to store at a time, going by how long the last
// ones took.
func (f *Follower) window() int {
	return int(min(max(int64(ingestTime)/max(f.each.Load(), 1), 1), ingestMost))
}

// storing is some frames on their way into the journal.
type storing struct {
	rs  []journal.Received // what can be stored
	end journal.Seq        // the last of their numbers

	done   chan struct{}       // closed when the rest is set
	cs     []journal.Committed // what is stored
	err    error               // why the next one is not
	failed bool                // it is the journal that did not take it
}

// next decodes some of frames, which come behind number prev, and returns the
// rest. They must add up on what is in front of them: what a leader sends in a
// row comes from one journal, and take finds out if it doesn't.
func (f *Follower) next(prev journal.Seq, frames []journal.Frame) (*storing, []journal.Frame) {
	st := &storing{done: make(chan struct{})}
	n := min(f.window(), len(frames))
	if st.rs, st.err = f.w.cfg.Log.Check(prev, frames[:n]); st.err != nil {
		// It is the leader's journal that is damaged, or the way here; this
		// node's is as it was.
		st.err = fault.With(fault.Operator, fmt.Errorf("received: %v", st.err))
	}
	st.end = prev + journal.Seq(len(st.rs))
	return st, frames[n:]
}

// store begins to store what next has returned, unless the node can't.
func (f *Follower) store(ctx context.Context, st *storing) {
	w := f.w
	err := w.health.Refusal(false)
	if err == nil && ctx.Err() != nil {
		err = fault.With(fault.Retryable, ctx.Err())
	}
	if err != nil || len(st.rs) == 0 {
		st.err = cmp.Or(err, st.err)
		close(st.done)
		return
	}
	go func() {
		defer close(st.done)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.AppendTimeout)
		defer cancel()
		began := time.Now()
		cs, err := w.cfg.Log.AppendReceived(ctx, st.rs)
		st.cs, st.failed, st.err = cs, err != nil, cmp.Or(err, st.err)
		f.each.Store(int64(time.Since(began)) / int64(len(st.rs)))
	}()
}

// take applies what has been stored, and says why there is no more.
func (w *Writer) take(st *storing) error {
	if n := len(st.cs); n > 0 {
		if err := w.cfg.State.Apply(st.cs...); err != nil {
			return err
		}
		b := st.cs[n-1].Batch()
		w.epoch, w.last = b.Epoch, lastBatch{b.Epoch, b.Prev}
	}
	if st.failed && doubtIn(st.err) == nil && fault.Of(st.err) != fault.Fatal {
		return w.health.suspend(st.err)
	}
	return st.err
}

// disown takes what was stored behind the state out of the journal again if err
// says that it does not follow what is there.
func (w *Writer) disown(ctx context.Context, t *tenure, err error) error {
	var other replay.NotNext
	if !errors.As(err, &other) {
		return err
	}
	cut := w.cfg.Log.Cut(ctx, w.cfg.State.Pos().Seq)
	if d := doubtIn(cut); d != nil {
		cut = t.sitOut(ctx, d)
	}
	if cut != nil {
		return errors.Join(cut, err)
	}
	return fmt.Errorf("number %d: %w", w.cfg.State.Pos().Seq+1, diverged(other))
}

// diverged says that what was received is right, and of another history.
func diverged(err error) error {
	return fault.With(fault.Operator, fmt.Errorf("%w: %v", ErrDiverged, err))
}

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
