package jet

import (
	"context"
	"fmt"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// Reopen takes the stream out of the broker, reads the files, and has the broker
// load the stream again. What a fault has closed is open then, and the journal is
// seen to end where it did. After a failed sync every frame is read and checked,
// from the disk as far as the kernel drops its own copy.
func (j *Journal) Reopen(ctx context.Context) error {
	const op = "open the journal anew"
	if err := j.usable(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if err := await(ctx, j.api); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer j.api.Unlock()
	if err := j.reopen(ctx); err != nil {
		return j.failed(op, err)
	}
	return nil
}

func (j *Journal) reopen(ctx context.Context) error {
	if err := j.stream.Unload(ctx, j.stream.ClearCause()); err != nil {
		return fault.With(fault.Operator, err)
	}
	j.stream.ClearCause()
	if _, err := j.guard.Restore(); err != nil {
		return broker.DiskError(err.Error())
	}
	last, suspect := journal.Seq(j.last.Load()), j.suspect.Load()
	if err := j.recheck(ctx, last, suspect); err != nil {
		j.down = err
		return err
	}
	if err := j.load(ctx, last); err != nil {
		return err
	}
	w, err := dial(ctx, j.stream)
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	j.wire.close()
	j.wire = w
	if text := j.stream.ClearCause(); text != "" {
		return broker.DiskError(text)
	}
	j.suspect.CompareAndSwap(suspect, false)
	return nil
}

// recheck reads the end of the journal, or all of it if the journal is suspect,
// and cuts off a torn tail.
func (j *Journal) recheck(ctx context.Context, last journal.Seq, suspect bool) error {
	if there, err := j.store.Exists(); err != nil {
		return fault.With(fault.Operator, err)
	} else if !there {
		return j.store.Missing()
	}
	floor := journal.Seq(j.first.Load()) - 1
	from := max(last, floor+1)
	if suspect {
		from = floor + 1
		if err := j.store.Forget(); err != nil {
			return broker.DiskError(err.Error())
		}
	}
	e, err := j.store.Walk(ctx, floor, from, nil, func(blocks.Record, blocks.Place) error { return nil })
	if err != nil {
		return err
	}
	switch end := max(e.Last, floor); {
	case end < last:
		return journal.Damaged(end+1, "the journal ends here; number %d was acknowledged", last)
	case end > last:
		return fault.With(fault.Operator, fmt.Errorf(
			"the journal goes on to number %d, which nobody here wrote; the last of ours is %d", end, last))
	}
	j.ragged = nil
	if e.Torn > 0 || suspect {
		if err := j.store.Cut(e.Tail); err != nil {
			return broker.DiskError(err.Error())
		}
	}
	return nil
}
