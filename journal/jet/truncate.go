package jet

import (
	"context"
	"errors"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Truncate forgets the frames up to and including upTo. The mark records on disk that
// they may be gone before they go.
func (j *Journal) Truncate(ctx context.Context, upTo journal.Seq) error {
	const op = "truncate the journal"
	if err := await(ctx, j.api); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer j.api.Unlock()
	last := journal.Seq(j.last.Load())
	upTo = min(upTo, last)
	if upTo < journal.Seq(j.first.Load()) {
		return nil
	}
	lazy := j.lazy()
	if lazy { // a power cut takes what is not synced, and the mark must not miss it
		if err := j.Sync(ctx); err != nil {
			var d *journal.Doubt
			if errors.As(err, &d) { // nothing is changed by it
				err = fault.As(fault.Retryable, op, errors.New(d.Error()))
			}
			return err
		}
		if err := await(ctx, j.shape); err != nil {
			return fault.As(fault.Retryable, op, err)
		}
		defer j.shape.Unlock()
		if err := j.guardTruncation(); err != nil {
			return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
		}
	}
	if err := j.mark.update(func(m *mark) { m.floor, m.last = upTo, max(m.last, last) }); err != nil {
		return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
	}
	j.first.Store(uint64(upTo) + 1)
	if err := j.stream.Purge(ctx, upTo); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if lazy { // what the broker has rewritten it has not synced
		if err := durable.Tree(j.store.Dir); err != nil {
			return fault.As(fault.Operator, op, err)
		}
		if err := j.guard.Clear(); err != nil {
			return fault.As(fault.Operator, op, err)
		}
	}
	info, err := j.stream.Info(ctx)
	if err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	j.bytes.Store(info.Bytes)
	return nil
}

// guardTruncation keeps the blocks as they are until those that the broker writes in
// their place are synced. On a full disk there may be no room for that; then it goes
// without, because a truncation is what makes room.
func (j *Journal) guardTruncation() error {
	err := j.guard.Set()
	if err == nil {
		err = j.guard.Sync()
	}
	if durable.Full(err) {
		return j.guard.Clear()
	}
	return err
}
