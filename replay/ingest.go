package replay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// ErrDiverged says that what a leader has does not follow what is here.
var ErrDiverged = errors.New("the two journals have diverged")

// Follower is what a node that follows another has in place of clients: it takes
// batches as they stand in the leader's journal. Only one goroutine may use it.
//
// From Follow to Lead the writer refuses proposals that write; what was under
// way when Follow was called has been answered when it returns.
type Follower struct {
	w    *Writer
	each time.Duration // that a frame took of late
}

// Follow makes the writer refuse writes with reason, and returns what batches
// of a leader are given to.
func (w *Writer) Follow(reason error) *Follower {
	w.refuses.Store(&reason)
	w.appending.Lock() // waits for the append that is under way
	defer w.appending.Unlock()
	return &Follower{w: w}
}

// Recall finds out what a node that follows has last: an attempt to resume
// must find that at the journal's end. A node that leads does so in Start.
func (f *Follower) Recall(ctx context.Context) error {
	f.w.appending.Lock()
	defer f.w.appending.Unlock()
	f.w.epoch = f.w.cfg.State.Epoch()
	return f.w.recall(ctx)
}

// Lead makes the writer take writes. It raises the epoch by one entry first: a
// node that can't append one does not lead.
func (w *Writer) Lead(ctx context.Context) error {
	if err := w.health.Refusal(false); err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	if err := w.health.Refusal(false); err != nil {
		return err
	}
	w.refuses.Store(nil)
	return nil
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

// Ingest appends frames of a leader's journal and applies them, in order. Each
// is checked before it is applied: what does not follow what is here is
// ErrDiverged, and leaves nothing. A journal that can't take a frame suspends
// the node as it does for a client's write.
func (f *Follower) Ingest(ctx context.Context, frames []journal.Frame) error {
	w := f.w
	w.appending.Lock()
	defer w.appending.Unlock()
	for len(frames) > 0 {
		if err := w.health.Refusal(false); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.As(fault.Retryable, "", err)
		}
		some := frames[:min(f.window(), len(frames))]
		began, before := time.Now(), w.cfg.State.Pos().Seq
		err := w.ingestLocked(ctx, some)
		at := w.cfg.State.Pos().Seq
		if err != nil {
			return fmt.Errorf("number %d: %w", at+1, err)
		}
		f.each = time.Since(began) / time.Duration(at-before)
		frames = frames[len(some):]
	}
	return nil
}

// Frames go into the journal many at a time: one after the other each would cost
// the way to the broker and back. How many is bounded by what may be in the way
// of a stop.
const (
	ingestMost = 64
	ingestTime = 100 * time.Millisecond
)

// window returns how many frames to store at a time, going by how long the last
// ones took.
func (f *Follower) window() int {
	return int(min(max(ingestTime/max(f.each, 1), 1), ingestMost))
}

// ingestLocked stores frames and then applies them. Those that a leader sends in
// a row come from one journal, so that only the first could belong to another
// history; should they not add up all the same, they are taken out again.
func (w *Writer) ingestLocked(ctx context.Context, frames []journal.Frame) error {
	log, s := w.cfg.Log, w.cfg.State
	rs, bad := log.Check(frames)
	if len(rs) == 0 {
		return notOurs(bad)
	}
	if err := s.follows(rs[0]); err != nil {
		return diverged(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.AppendTimeout)
	defer cancel()
	cs, failed := log.AppendReceived(ctx, rs)
	if n := len(cs); n > 0 {
		var other notNext
		switch err := s.ApplyAll(cs); {
		case errors.As(err, &other):
			if cut := log.Cut(ctx, s.Pos().Seq); cut != nil {
				return errors.Join(cut, err)
			}
			return diverged(err)
		case err != nil:
			return err
		}
		b := cs[n-1].Batch()
		w.epoch, w.last = b.Epoch, lastBatch{b.Epoch, b.Prev}
	}
	switch {
	case failed == nil:
		return notOurs(bad)
	case fault.Of(failed) == fault.Fatal:
		return failed
	}
	return w.health.suspend(failed)
}

// notOurs classes what is wrong with a frame that was received: it is the
// leader's journal that is damaged, or the way here; this node's is as it was.
func notOurs(err error) error {
	if err == nil {
		return nil
	}
	return fault.As(fault.Operator, "", fmt.Errorf("received: %v", err))
}

// diverged says that what was received is right, and of another history.
func diverged(err error) error {
	return fault.As(fault.Operator, "", fmt.Errorf("%w: %v", ErrDiverged, err))
}

// Replace puts another journal and what it adds up to in place of those that
// there are: what a full sync has brought. fresh must not be used afterwards.
func (f *Follower) Replace(ctx context.Context, drv journal.Driver, l journal.Lineage, fresh *State) error {
	w := f.w
	w.appending.Lock()
	defer w.appending.Unlock()
	if err := w.cfg.Log.Replace(ctx, drv, l); err != nil {
		return err
	}
	w.epoch, w.last = fresh.Epoch(), lastBatch{fresh.Epoch(), fresh.Pos().Digest}
	return w.cfg.State.Become(fresh)
}

// Empty reports whether there is nothing in the state: no keys and no functions.
func (s *State) Empty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, db := range s.dbs {
		if db.dict.n > 0 {
			return false
		}
	}
	return s.fns.share() == 0
}

// Become makes s hold what fresh holds, which is closed. Views see the one or
// the other. Every watched key counts as changed.
func (s *State) Become(fresh *State) error {
	s.drafting.Lock()
	defer s.drafting.Unlock()
	s.mu.Lock()
	old := s.dbs
	if len(old) != len(fresh.dbs) {
		s.mu.Unlock()
		return fault.As(fault.Operator, "replay.Become",
			fmt.Errorf("%d databases; this node has %d", len(fresh.dbs), len(old)))
	}
	for i := range old {
		s.watches.touchAll(journal.DB(i), old[i].has, fresh.dbs[i].has)
	}
	s.dbs, s.pos, s.epoch, s.fns = fresh.dbs, fresh.pos, fresh.epoch, fresh.fns
	s.gen.Store(max(s.gen.Load(), fresh.gen.Load()))
	s.noted.Store(fresh.noted.Load())
	w := s.walk.Load()
	s.mu.Unlock()
	fresh.mu.Lock()
	fresh.dbs, fresh.closed = nil, true
	fresh.mu.Unlock()
	for _, db := range old {
		if w == nil || !w.holds(db) {
			_ = db.order.tree.Close() // in memory: nothing can be lost
		}
	}
	return nil
}
