// Package mem is a journal.Driver in memory, with faults to order. It is for
// tests of whatever is built on a journal.
//
// A driver outlives its Close: Restart gives the same frames to the next user,
// as a directory would.
package mem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"ledge/journal"
	"ledge/journal/fault"
)

// Journal keeps frames in memory. All methods may be called at any time.
type Journal struct {
	mu     sync.Mutex
	floor  journal.Seq // numbers up to it are truncated
	frames []journal.Frame
	closed bool

	fail  []func(*Journal, journal.Seq, []byte) error // one for each coming append
	held  chan struct{}                               // closed when appends may go on
	stuck chan struct{}                               // closed when Reopen may go on
	slow  *hanging                                    // the next append, or Sync, that does not answer
	sick  error                                       // what appends and Reopen fail with until Heal
	opens int                                         // calls of Reopen
	calls int
	judge func(seq journal.Seq, frame []byte, stored bool) error // see Judge

	bulk   bool          // appends are synced by Sync
	synced journal.Seq   // in bulk
	grown  chan struct{} // closed when synced grows; nil while nobody asks
}

var _ journal.Driver = (*Journal)(nil)

var errClosed = errors.New("journal is closed")

// New returns an empty journal.
func New() *Journal { return new(Journal) }

// Reopen fails while the journal is sick.
func (j *Journal) Reopen(ctx context.Context) error {
	const op = "open the journal anew"
	if err := ctx.Err(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	j.mu.Lock()
	j.opens++
	stuck := j.stuck
	j.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fault.As(fault.Operator, op, errClosed)
	}
	return fault.As(fault.Fatal, op, j.sick)
}

// Reopens returns how often Reopen has been called.
func (j *Journal) Reopens() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.opens
}

// Appends returns how often Append has been called.
func (j *Journal) Appends() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.calls
}

// Append stores a copy of frame as number prev+1.
func (j *Journal) Append(ctx context.Context, prev journal.Seq, frame []byte) error {
	const op = "append to the journal"
	if err := ctx.Err(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	j.mu.Lock()
	j.calls++
	held, judge := j.held, j.judge
	j.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return fault.As(fault.Retryable, op, ctx.Err())
		}
	}
	if judge == nil {
		return j.append(prev, frame)
	}
	if err := judge(prev+1, frame, false); err != nil {
		return fault.As(fault.Fatal, op, err)
	}
	err := j.append(prev, frame)
	if err == nil {
		err = fault.As(fault.Fatal, op, judge(prev+1, frame, true))
	}
	return err
}

// append is Append once nothing is in its way.
func (j *Journal) append(prev journal.Seq, frame []byte) error {
	const op = "append to the journal"
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fault.As(fault.Operator, op, errClosed)
	}
	if last := j.lastLocked(); prev != last {
		return fault.As(fault.Operator, op,
			fmt.Errorf("fenced by another writer: the last number is %d, not %d", last, prev))
	}
	if j.sick != nil {
		return fault.As(fault.Fatal, op, j.sick)
	}
	if err := j.inDoubtLocked(false, prev+1, frame); err != nil {
		return err
	}
	if len(j.fail) > 0 {
		f := j.fail[0]
		j.fail = j.fail[1:]
		return fault.As(fault.Fatal, op, f(j, prev+1, frame))
	}
	j.storeLocked(prev+1, frame)
	return nil
}

// AppendAll is Append for each of the frames.
func (j *Journal) AppendAll(ctx context.Context, prev journal.Seq, frames [][]byte) (int, error) {
	for i, frame := range frames {
		if err := j.Append(ctx, prev+journal.Seq(i), frame); err != nil {
			return i, err
		}
	}
	return len(frames), nil
}

// Bulk has what is appended count as synced only by Sync, or ends that.
func (j *Journal) Bulk(_ context.Context, on bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.bulk != on {
		j.reachLocked()
		j.bulk = on
	}
	return nil
}

// SetSync has no meaning here.
func (j *Journal) SetSync(context.Context, journal.Syncing) error { return nil }

// Syncing says that all is synced.
func (j *Journal) Syncing() journal.Syncing { return journal.Syncing{} }

// Sync has nothing to do but to hang.
func (j *Journal) Sync(context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.inDoubtLocked(true, 0, nil); err != nil {
		return err
	}
	j.reachLocked()
	return nil
}

// Synced returns the last number, or in bulk the one that Sync has come to.
func (j *Journal) Synced() (journal.Seq, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.bulk {
		return j.lastLocked(), nil
	}
	if j.grown == nil {
		j.grown = make(chan struct{})
	}
	return j.synced, j.grown
}

// reachLocked notes that all frames are synced, and tells those who wait.
func (j *Journal) reachLocked() {
	j.synced = j.lastLocked()
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// Cut forgets the frames after last.
func (j *Journal) Cut(_ context.Context, last journal.Seq) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for n := len(j.frames); n > 0 && j.frames[n-1].Seq > last; n-- {
		j.frames = j.frames[:n-1]
	}
	j.synced = min(j.synced, last)
	return nil
}

func (j *Journal) storeLocked(seq journal.Seq, frame []byte) {
	j.frames = append(j.frames, journal.Frame{Seq: seq, Data: bytes.Clone(frame)})
}

func (j *Journal) lastLocked() journal.Seq {
	if n := len(j.frames); n > 0 {
		return j.frames[n-1].Seq
	}
	return j.floor
}

// Read yields the frames from number from on, all in one buffer: a caller that keeps
// their data, which is not allowed, sees them change.
func (j *Journal) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		frames, floor, last := j.snapshot()
		var buf []byte
		next := from
		bad := func(format string, args ...any) {
			yield(journal.Frame{}, fault.As(fault.Fatal, "read the journal",
				&journal.DamageError{Seq: next, Cause: fmt.Sprintf(format, args...)}))
		}
		if from <= floor {
			bad("truncated; the journal begins with number %d", floor+1)
			return
		}
		for _, f := range frames {
			if f.Seq < from {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(journal.Frame{}, fault.As(fault.Retryable, "read the journal", err))
				return
			}
			if f.Seq != next {
				bad("the next one that is there is number %d", f.Seq)
				return
			}
			buf = append(buf[:0], f.Data...)
			if !yield(journal.Frame{Seq: f.Seq, Data: buf}, nil) {
				return
			}
			next++
		}
		if next <= last {
			bad("the journal ends here; the last number is %d", last)
		}
	}
}

func (j *Journal) snapshot() (frames []journal.Frame, floor, last journal.Seq) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.frames[:len(j.frames):len(j.frames)], j.floor, j.lastLocked()
}

// Stat returns what the journal spans.
func (j *Journal) Stat(context.Context) (journal.Stat, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := journal.Stat{First: j.floor + 1, Last: j.lastLocked()}
	for _, f := range j.frames {
		st.Bytes += int64(len(f.Data))
	}
	return st, nil
}

// Truncate forgets the frames up to and including upTo.
func (j *Journal) Truncate(_ context.Context, upTo journal.Seq) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	upTo = min(upTo, j.lastLocked())
	var kept []journal.Frame
	for _, f := range j.frames {
		if f.Seq > upTo {
			kept = append(kept, f)
		}
	}
	j.frames, j.floor = kept, max(j.floor, upTo)
	return nil
}

// Close refuses appends for good.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	return nil
}

// Restart returns the journal as a restarted node finds it. Faults that were
// ordered and not met are forgotten.
func (j *Journal) Restart() *Journal {
	j.mu.Lock()
	defer j.mu.Unlock()
	return &Journal{floor: j.floor, frames: j.frames[:len(j.frames):len(j.frames)]}
}
