package jet

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
			j.suspect.Store(true)
			return diskError(failedSync(err).Error())
		}
	}
	if err := j.mark.update(func(m *mark) { m.synced = !bulk }); err != nil {
		return diskError(err.Error())
	}
	j.bulk.Store(bulk)
	j.broker.opts.SyncAlways = !bulk
	j.synced.reset()
	if err := j.broker.enable(); err != nil {
		return diskError(fmt.Sprintf("load journal stream: %s", err))
	}
	if err := j.broker.checkStream(ctx, &j.cfg, journal.Seq(j.first.Load()), journal.Seq(j.last.Load())); err != nil {
		return err
	}
	j.down = nil
	return nil
}

// Sync syncs what has been appended since it was last called, unless the broker
// has. Nothing else says that these frames are on the disk, so whatever goes wrong
// is a failed sync: what the files show is not to be trusted before Reopen, and the
// next append fails with it, as behind a sync of the broker's own.
func (j *Journal) Sync(ctx context.Context) error {
	const op = "jet.Sync"
	if !j.lazy() {
		return nil
	}
	now := j.witness.get()
	done := make(chan error, 1)
	go func() { done <- j.sync() }()
	select {
	case err := <-done:
		if err == nil {
			j.witnessed(now)
			return nil
		}
		text := failedSync(err).Error()
		j.suspect.Store(true)
		j.broker.log.setSick(text)
		return fault.As(fault.Operator, op, diskError(text))
	case <-ctx.Done(): // the next one begins where this one did
		return fault.As(fault.Retryable, op, fmt.Errorf("sync journal: %w", ctx.Err()))
	}
}

// sync syncs the blocks from the one on that it has come to.
func (j *Journal) sync() error {
	j.shape <- struct{}{}
	defer func() { <-j.shape }()
	from, blocks := j.synced.get()
	to, err := j.store.sync(from)
	if err == nil {
		j.synced.set(to, blocks)
	}
	return err
}

// syncPoint is the block that Sync has come to. It begins anew whenever the blocks
// may have become others.
type syncPoint struct {
	mu     sync.Mutex
	block  uint32 // 0 is none; mu
	blocks int    // how often they have become others; mu
}

func (p *syncPoint) get() (block uint32, blocks int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.block, p.blocks
}

func (p *syncPoint) set(block uint32, blocks int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.blocks == blocks {
		p.block = max(p.block, block)
	}
}

func (p *syncPoint) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.block, p.blocks = 0, p.blocks+1
}

// lazy reports whether frames are acknowledged before they are synced.
func (j *Journal) lazy() bool { return j.cfg.Sync != SyncAlways || j.bulk.Load() }

// failedSync returns the error of a sync that is ours, in the broker's words.
func failedSync(err error) error {
	return fmt.Errorf("%s: sync journal: %w", writeError, err)
}
