package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Bulk leaves the syncing of the appends to come to Sync, or ends that.
func (j *Journal) Bulk(ctx context.Context, on bool) error {
	if j.bulk.Load() == on {
		return nil
	}
	return j.syncOtherwise(ctx, "begin or end bulk mode", *j.syncing.Load(), on)
}

// SetSync changes when what is appended is synced. When it returns a journal.Doubt the
// change may come about yet; Syncing says whether it has.
func (j *Journal) SetSync(ctx context.Context, s journal.Syncing) error {
	if s.Every == 0 {
		s.Every = DefaultSyncEvery
	}
	if s == *j.syncing.Load() {
		return nil
	}
	return j.syncOtherwise(ctx, "change when the journal is synced", s, j.bulk.Load())
}

// Syncing returns when what is appended is synced at present.
func (j *Journal) Syncing() journal.Syncing { return *j.syncing.Load() }

// brokerSyncs returns what the broker has to do by itself: sync each message, and sync
// what there is now and then.
func brokerSyncs(s journal.Syncing, bulk bool) (always bool, every time.Duration) {
	if s.Mode == SyncInterval {
		return false, s.Every
	}
	return !lazily(s, bulk), housekeeping
}

// syncOtherwise changes who syncs the appends to come, and when. The broker either
// syncs each message or none, and decides so, and how often it syncs what there is,
// when it loads the stream. So the stream is taken out and loaded anew.
func (j *Journal) syncOtherwise(ctx context.Context, op string, s journal.Syncing, bulk bool) error {
	always, every := brokerSyncs(s, bulk)
	if a, e := brokerSyncs(*j.syncing.Load(), j.bulk.Load()); a == always && e == every {
		j.bulk.Store(bulk)
		j.syncing.Store(&s)
		j.witness.stir()
		return nil
	}
	if err := j.usable(); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if err := j.ready(ctx); err != nil {
		return j.failed(op, err)
	}
	// All that is not synced yet may have to be, which is an append's work and not a moment's.
	limit := j.cfg.AppendTimeout
	_, err := j.within(ctx, limit, 0, late("loading the journal stream", limit),
		func(ctx context.Context) (int, error) {
			if err := await(ctx, j.api); err != nil {
				return 0, err
			}
			defer j.api.Unlock()
			if err := j.reload(ctx, s, bulk); err != nil {
				return 0, j.failed(op, err)
			}
			return 0, nil
		})
	return err
}

// reload has the broker load the stream with other syncs of its own. Before frames are
// acknowledged that are not synced, the mark records synced=false; it records
// synced=true again only after everything has been fsynced.
func (j *Journal) reload(ctx context.Context, s journal.Syncing, bulk bool) error {
	was, lazy := j.lazy(), lazily(s, bulk)
	before, bulkBefore := *j.syncing.Load(), j.bulk.Load()
	if err := j.stream.Unload(ctx, ""); err != nil {
		return fault.With(fault.Operator, err)
	}
	j.down = errors.New("the stream is being loaded") // until it is
	if was && !lazy {
		if err := durable.Tree(j.store.Dir); err != nil {
			j.suspect.Store(true)
			return broker.DiskError(failedSync(err).Error())
		}
	}
	if was != lazy {
		j.witness.reach(j.witness.get()) // either by this or by the broker's syncs up to here
		if err := j.mark.update(func(m *mark) { m.synced = !lazy }); err != nil {
			return broker.DiskError(err.Error())
		}
	}
	j.takeSyncing(s, bulk)
	j.synced.reset()
	err := j.stream.Load()
	if err != nil {
		err = broker.DiskError(fmt.Sprintf("load journal stream: %s", err))
	} else {
		err = j.checkStream(ctx, journal.Seq(j.first.Load()), journal.Seq(j.last.Load()))
	}
	if err != nil {
		if lazy { // whoever is told that this has failed expects what held before
			j.takeSyncing(before, bulkBefore)
		}
		return err
	}
	j.down = nil
	return nil
}

// takeSyncing has the broker sync as it is to from when it loads the stream next, and
// whoever waits for syncs look again. No append is under way.
func (j *Journal) takeSyncing(s journal.Syncing, bulk bool) {
	j.bulk.Store(bulk)
	j.syncing.Store(&s)
	j.stream.SetSyncing(brokerSyncs(s, bulk))
	j.witness.stir()
}
