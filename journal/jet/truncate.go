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
// they may be gone before they go. A truncation that has failed half-way is finished by
// the next one, up to whatever number that is asked for.
func (j *Journal) Truncate(ctx context.Context, upTo journal.Seq) error {
	const op = "truncate the journal"
	if err := await(ctx, j.api); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer j.api.Unlock()
	last := journal.Seq(j.last.Load())
	upTo = min(upTo, last)
	if gone := journal.Seq(j.first.Load()) - 1; upTo <= gone {
		if !j.halfTruncated {
			return nil
		}
		upTo = gone
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
		if err := j.guardAnew(); err != nil {
			return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
		}
	}
	if err := j.mark.update(func(m *mark) { m.floor, m.last = upTo, max(m.last, last) }); err != nil {
		return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
	}
	j.first.Store(uint64(upTo) + 1)
	if err := j.purge(ctx, upTo, lazy); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if lazy { // what the broker has rewritten it has not synced
		if err := j.unguard(); err != nil {
			return fault.As(fault.Operator, op, err)
		}
	}
	info, err := j.stream.Info(ctx)
	if err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	j.bytes.Store(info.Bytes)
	j.halfTruncated = false
	return nil
}

// purge has the broker remove the frames up to upTo. Blocks go first, and what is left
// of the last one is written afterwards. If that fails, the broker forgets nothing of
// it: it refuses everything about the stream until it has loaded it anew. That is done
// here, and the rest tried once more, since the blocks that are gone have made room.
func (j *Journal) purge(ctx context.Context, upTo journal.Seq, lazy bool) error {
	err := errHalfTruncated
	if !j.halfTruncated || !j.stream.IsSick() {
		j.halfTruncated = true
		err = j.stream.Purge(ctx, upTo)
	}
	if err == nil || ctx.Err() != nil || fault.Of(err) == fault.Retryable { // slow is not failed
		return err
	}
	j.cfg.Log.Warn("the journal is truncated half-way; the rest is tried again", "upto", uint64(upTo), "cause", err)
	again := j.reloadHalfTruncated(ctx, err, lazy)
	if again == nil {
		again = j.stream.Purge(ctx, upTo)
	}
	if again != nil {
		// The stream may be out of the broker: the next append has it loaded first.
		j.stream.SetSick(again.Error())
		return broker.DiskError(again.Error())
	}
	return nil
}

// errHalfTruncated is why the stream is loaded anew before a truncation is finished.
var errHalfTruncated = errors.New("an earlier truncation has failed half-way")

// reloadHalfTruncated has the broker load the stream anew after cause, which has ended
// a truncation half-way, and gives back the room of the blocks that it has removed: they
// have second names while appends are lazy.
func (j *Journal) reloadHalfTruncated(ctx context.Context, cause error, lazy bool) error {
	text := j.stream.ClearCause()
	if err := j.stream.Unload(ctx, text); err != nil {
		return err
	}
	text += j.stream.ClearCause()
	if broker.SyncFailed(text) || broker.SyncFailed(cause.Error()) {
		// Frames from before may not be on the disk: whoever appends next hears of it.
		j.suspect.Store(true)
		defer j.stream.SetSick(cause.Error())
	}
	if lazy {
		if err := j.unguard(); err != nil {
			return err
		}
	}
	if err := j.store.DropIndex(); err != nil {
		return err
	}
	j.synced.reset()
	if err := j.stream.Load(); err != nil {
		return err
	}
	if lazy && !errors.Is(broker.DiskError(text+cause.Error()), journal.ErrNoSpace) {
		return j.guardTruncation()
	}
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

// guardAnew is guardTruncation after a truncation that may have failed half-way: putting
// back what that has removed would leave blocks that the broker does not know.
func (j *Journal) guardAnew() error {
	if j.halfTruncated {
		if err := j.unguard(); err != nil {
			return err
		}
	}
	return j.guardTruncation()
}

// unguard takes the second names away, once all that has the first ones is synced.
func (j *Journal) unguard() error {
	if err := durable.Tree(j.store.Dir); err != nil {
		return err
	}
	return j.guard.Clear()
}
