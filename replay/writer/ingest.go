package writer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// Ingest appends frames of a leader's journal and applies them, in order. While some
// are being stored, those before them are applied and those after them decoded: the
// disk and the processor don't wait for each other.
//
// Frames that don't continue what is here are ErrDiverged, and leave nothing. A
// journal that can't take a frame suspends the node as it does for a client's write.
// last is the leader's last number, from which it is known how far there is to go.
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
	err = f.ingestAll(ctx, t, frames)
	if t.gone || !f.bulk || fault.Of(err) == fault.Fatal || st.Pos().Seq == at {
		return err
	}
	if failed := f.sync(ctx, t); failed != nil {
		return errors.Join(failed, err)
	}
	return err
}

// ingestAll stores frames, some at a time, and applies them. It sits out what is in
// doubt, and goes on after what turned out to be stored.
func (f *Follower) ingestAll(ctx context.Context, t *tenure, frames []journal.Frame) error {
	for {
		err := f.ingestSome(ctx, frames)
		d := doubtIn(err)
		if d == nil {
			return f.w.cutForeign(ctx, t, err)
		}
		if err := t.waitSettled(ctx, d); err != nil {
			return err
		}
		if frames = after(f.w.cfg.State.Pos().Seq, frames); len(frames) == 0 {
			return nil
		}
	}
}

// after returns the frames that come after number at.
func after(at journal.Seq, frames []journal.Frame) []journal.Frame {
	for len(frames) > 0 && frames[0].Seq <= at {
		frames = frames[1:]
	}
	return frames
}

// ingestSome is ingestAll until something is in doubt. Only the digest and epoch of
// the first frame can be checked before it is stored: those of the next are known
// once it is applied, and come from the same journal.
func (f *Follower) ingestSome(ctx context.Context, frames []journal.Frame) error {
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
		err := w.applyStored(cur)
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

// farNumbers is how many numbers a replica has to lag to have far to go.
const farNumbers = 4096

// Far reports whether a replica that has come to a number is so far from its
// leader's last that it had better hurry than be at its best for readers.
func Far(at, last journal.Seq) bool { return last > at+farNumbers }

// bulkLeft is how many numbers are hardly anything: the journal is asked to take
// frames one by one again when there are no more than that.
const bulkLeft = 16

// bulkFor has the journal take frames in bulk, without a sync for each, from when
// there is far to go until there is hardly anything left. Two bounds, so that a
// replica near one of them does not change to and fro: each change costs some 15 ms.
func (f *Follower) bulkFor(ctx context.Context, t *tenure, at, last journal.Seq) error {
	if f.w.health.Refusal(false) != nil {
		return nil // for store to say
	}
	f.bulk = Far(at, last) || f.bulk && last > at+bulkLeft
	err := f.w.cfg.Log.Bulk(ctx, f.bulk)
	if d := doubtIn(err); d != nil {
		return t.waitSettled(ctx, d)
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
		return t.waitSettled(ctx, d)
	}
	if err != nil && fault.Of(err) != fault.Fatal {
		err = f.w.health.suspend(err)
	}
	return err
}

// Frames go into the journal many at a time: one by one, each would cost the way to
// the broker and back. How many is bounded by how long a stop may have to wait.
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

// next decodes some of frames, which come after number prev, and returns the rest.
// That each was written on the one before it is found out by applyStored only; what
// a leader sends in a row comes from one journal, so it nearly always was.
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

// applyStored applies what has been stored, and returns why there is no more. What
// the journal did not take suspends the node.
func (w *Writer) applyStored(st *storing) error {
	if n := len(st.cs); n > 0 {
		began := time.Now()
		if err := w.cfg.State.Apply(st.cs...); err != nil {
			return err
		}
		w.cfg.Applied.Add(time.Since(began))
		b := st.cs[n-1].Batch()
		w.epoch, w.last = b.Epoch, lastBatch{b.Epoch, b.Prev}
	}
	if st.failed && doubtIn(st.err) == nil && fault.Of(st.err) != fault.Fatal {
		return w.health.suspend(st.err)
	}
	return st.err
}

// cutForeign takes what was stored after the state's position out of the journal again
// if err says that it was written on something else. Nothing of it has been applied.
func (w *Writer) cutForeign(ctx context.Context, t *tenure, err error) error {
	var other replay.NotNext
	if !errors.As(err, &other) {
		return err
	}
	cut := w.cfg.Log.Cut(ctx, w.cfg.State.Pos().Seq)
	if d := doubtIn(cut); d != nil {
		cut = t.waitSettled(ctx, d)
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
