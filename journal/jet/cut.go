package jet

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// Cut ends the journal with number last. First the mark records that the journal
// reaches no further than that. So if a cut is done only in part, the next Open sees
// a torn tail or a longer journal, and no damage.
func (j *Journal) Cut(ctx context.Context, last journal.Seq) error {
	const op = "cut the journal"
	if err := j.usable(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	_, err := j.within(context.WithoutCancel(ctx), j.patience(), 0, late("cutting the journal's end off", j.patience()),
		func(ctx context.Context) (int, error) {
			if err := await(ctx, j.api); err != nil {
				return 0, err
			}
			defer j.api.Unlock()
			if last >= journal.Seq(j.last.Load()) {
				return 0, nil
			}
			if err := j.cut(ctx, last); err != nil {
				return 0, j.failed(op, fault.With(fault.Fatal, err))
			}
			return 0, nil
		})
	return err
}

// withdraw makes sure that none of frames is stored after it was found that number
// prev+1, where the first of them belongs, is somebody else's frame. One of the others
// may be stored all the same, because the number that it expected before it is there.
// It returns cause.
func (j *Journal) withdraw(ctx context.Context, prev journal.Seq, frames [][]byte, cause error) error {
	if err := await(ctx, j.api); err != nil {
		return cannotSettle(prev+1, cause, err)
	}
	defer j.api.Unlock()
	floor := journal.Seq(j.first.Load()) - 1
	if prev < floor {
		return cause
	}
	var ours journal.Seq // the first that is stored
	_, err := j.store.Walk(ctx, floor, prev+1, nil, func(r blocks.Record, _ blocks.Place) error {
		if i := int(r.Seq - prev - 1); r.Seq > prev && i < len(frames) && bytes.Equal(r.Data, frames[i]) {
			ours = r.Seq
			return blocks.ErrStop
		}
		return nil
	})
	if err == nil {
		return cause
	}
	if err == blocks.ErrStop {
		last := j.last.Load()
		err = j.cut(ctx, ours-1)
		j.last.Store(last) // what follows is somebody else's
	}
	if err != nil {
		return fault.With(fault.Fatal, errors.Join(err, cause))
	}
	return cause
}

func (j *Journal) cut(ctx context.Context, last journal.Seq) error {
	floor := journal.Seq(j.first.Load()) - 1
	if last < floor {
		return fmt.Errorf("number %d is truncated; the journal begins with %d", last+1, floor+1)
	}
	j.witness.cut(last)
	if err := j.mark.update(func(m *mark) { m.last = min(m.last, last) }); err != nil {
		return err
	}
	if err := j.stream.Unload(ctx, ""); err != nil {
		return err
	}
	// What a truncation that failed has left must not come back after the cut.
	if _, err := j.guard.Restore(); err != nil {
		return err
	}
	var at blocks.Place
	_, err := j.store.Walk(ctx, floor, last+1, nil, func(r blocks.Record, p blocks.Place) error {
		if r.Seq <= last {
			return nil
		}
		at = p
		return blocks.ErrStop
	})
	if err != blocks.ErrStop {
		return fmt.Errorf("number %d is not where it should be: %w", last+1, err)
	}
	if err := j.cutTail(at); err != nil {
		return err
	}
	j.resume.set(0, blocks.Place{})
	j.last.Store(uint64(last))
	if err := j.load(ctx, last); err != nil {
		return err
	}
	info, err := j.stream.Info(ctx)
	if err != nil {
		return err
	}
	j.bytes.Store(info.Bytes)
	return nil
}
