package jet

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// Read yields the frames from number from up to the last one that is
// acknowledged now. It reads the files, not the broker, so it goes on while
// the broker can't.
func (j *Journal) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		first, last := journal.Seq(j.first.Load()), journal.Seq(j.last.Load())
		if from < first {
			yield(journal.Frame{}, fault.As(fault.Fatal, "read the journal", &journal.DamageError{
				Seq: from, Cause: fmt.Sprintf("truncated; the journal begins with number %d", first),
			}))
			return
		}
		if from > last {
			return
		}
		if err := j.read(ctx, first, from, last, yield); err != nil && err != blocks.ErrStop {
			yield(journal.Frame{}, fault.As(fault.Fatal, "read the journal", err))
		}
	}
}

func (j *Journal) read(ctx context.Context, first, from, last journal.Seq,
	yield func(journal.Frame, error) bool) error {
	start := j.resume.get(from)
	next := from
	_, err := j.store.Walk(ctx, first-1, from, start, func(r blocks.Record, p blocks.Place) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		more := yield(journal.Frame{Seq: r.Seq, Data: r.Data}, nil)
		next++
		if more && r.Seq < last {
			return nil
		}
		p.Off += int64(r.Size)
		j.resume.set(next, p)
		return blocks.ErrStop
	})
	if err == nil && next <= last {
		err = journal.Damaged(next, "the journal ends here; the last number is %d", last)
	}
	return err
}

// resumePoint remembers where the latest Read ended. A caller that reads on from
// there, some frames at a time, then doesn't read a whole block for each few.
type resumePoint struct {
	mu  sync.Mutex
	seq journal.Seq
	at  blocks.Place
}

func (r *resumePoint) get(seq journal.Seq) *blocks.Place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seq != seq {
		return nil
	}
	p := r.at
	return &p
}

func (r *resumePoint) set(seq journal.Seq, at blocks.Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq, r.at = seq, at
}
