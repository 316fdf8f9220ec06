package jet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Bulk has the appends to come synced by Sync, or ends that. The broker syncs each
// message by itself, or none: so it is given the stream anew, without its syncs.
func (j *Journal) Bulk(ctx context.Context, on bool) error {
	const op = "jet.Bulk"
	if j.cfg.Sync != SyncAlways || j.bulk.Load() == on {
		return nil
	}
	if p := j.dead.Load(); p != nil {
		return *p
	}
	if err := j.ready(ctx); err != nil {
		return j.failed(op, err)
	}
	j.api.Lock()
	defer j.api.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- j.change(ctx, on) }()
	select {
	case err := <-done:
		return j.failed(op, err)
	case <-ctx.Done(): // it is stuck in the kernel, with the store
		return j.failed(op, fault.As(fault.Fatal, "", fmt.Errorf("load journal stream: %w", ctx.Err())))
	}
}

// change has the broker load the stream with or without its own syncs. That it
// doesn't sync is in the mark first, and that it does behind a sync of all.
func (j *Journal) change(ctx context.Context, bulk bool) error {
	if err := j.broker.disable(ctx, ""); err != nil {
		return fault.As(fault.Operator, "", err)
	}
	j.down = errors.New("the stream is being loaded") // until it is
	if !bulk {
		if err := syncTree(j.store.dir); err != nil {
			j.suspect = true
			return diskError(failedSync(err).Error())
		}
	}
	if err := j.mark.update(func(m *mark) { m.synced = !bulk }); err != nil {
		return diskError(err.Error())
	}
	j.bulk.Store(bulk)
	j.broker.opts.SyncAlways = !bulk
	j.synced = 0
	if err := j.broker.enable(); err != nil {
		return diskError(fmt.Sprintf("load journal stream: %s", err))
	}
	if err := j.broker.checkStream(ctx, &j.cfg, journal.Seq(j.first.Load()), journal.Seq(j.last.Load())); err != nil {
		return err
	}
	j.down = nil
	return nil
}

// Sync syncs what has been appended in bulk. When that fails the stream is loaded
// anew, as behind a sync of the broker's own that fails.
func (j *Journal) Sync(ctx context.Context) error {
	const op = "jet.Sync"
	if !j.bulk.Load() {
		return nil
	}
	if p := j.dead.Load(); p != nil {
		return *p
	}
	if err := j.syncTail(); err != nil {
		return j.failed(op, j.relapse(ctx, err))
	}
	return nil
}

// syncTail syncs what has been appended since it was last called. Nothing else
// says that these frames are on the disk, so whatever goes wrong is a failed
// sync.
func (j *Journal) syncTail() error {
	type result struct {
		block uint32
		err   error
	}
	done, from := make(chan result, 1), j.synced
	go func() {
		block, err := j.store.sync(from)
		done <- result{block, err}
	}()
	t := time.NewTimer(j.cfg.AppendTimeout)
	defer t.Stop()
	select {
	case r := <-done:
		if r.err != nil {
			return failedSync(r.err)
		}
		j.synced = r.block
		return nil
	case <-t.C:
		return failedSync(fmt.Errorf("not done in %s", j.cfg.AppendTimeout))
	}
}

// failedSync returns the error of a sync that is ours, in the broker's words.
func failedSync(err error) error {
	return fmt.Errorf("%s: sync journal: %w", writeError, err)
}
