package jet

import (
	"context"
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Bulk leaves the syncing of the appends to come to Sync, or ends that. The broker
// either syncs each message or none, and decides so when it loads the stream. So the
// stream is taken out and loaded anew.
func (j *Journal) Bulk(ctx context.Context, on bool) error {
	const op = "begin or end bulk mode"
	if j.cfg.Sync != SyncAlways || j.bulk.Load() == on {
		return nil
	}
	if err := j.usable(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if err := j.ready(ctx); err != nil {
		return j.failed(op, err)
	}
	_, err := j.within(ctx, 0, j.late("loading the journal stream"),
		func(ctx context.Context) (int, error) {
			if err := await(ctx, j.api); err != nil {
				return 0, err
			}
			defer j.api.Unlock()
			if err := j.setBulk(ctx, on); err != nil {
				return 0, j.failed(op, err)
			}
			return 0, nil
		})
	return err
}

// setBulk has the broker load the stream with or without its own syncs. Before bulk
// mode starts, the mark records synced=false; it records synced=true again only after
// everything has been fsynced.
func (j *Journal) setBulk(ctx context.Context, bulk bool) error {
	if err := j.stream.Unload(ctx, ""); err != nil {
		return fault.With(fault.Operator, err)
	}
	j.down = errors.New("the stream is being loaded") // until it is
	if !bulk {
		if err := durable.Tree(j.store.Dir); err != nil {
			j.suspect.Store(true)
			return broker.DiskError(failedSync(err).Error())
		}
	}
	j.witness.reach(j.witness.get()) // either by this or by the broker's syncs up to here
	if err := j.mark.update(func(m *mark) { m.synced = !bulk }); err != nil {
		return broker.DiskError(err.Error())
	}
	j.bulk.Store(bulk)
	j.stream.SetSyncAlways(!bulk)
	j.synced.reset()
	if err := j.stream.Load(); err != nil {
		return broker.DiskError(fmt.Sprintf("load journal stream: %s", err))
	}
	if err := j.checkStream(ctx, journal.Seq(j.first.Load()), journal.Seq(j.last.Load())); err != nil {
		return err
	}
	j.down = nil
	return nil
}
