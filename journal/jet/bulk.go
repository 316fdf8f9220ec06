package jet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Bulk has the appends to come synced by Sync, or ends that. The broker syncs each
// message by itself, or none: so it is given the stream anew, without its syncs.
func (j *Journal) Bulk(ctx context.Context, on bool) error {
	const op = "jet.Bulk"
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
			if err := j.api.lock(ctx); err != nil {
				return 0, err
			}
			defer j.api.unlock()
			if err := j.change(ctx, on); err != nil {
				return 0, j.failed(op, err)
			}
			return 0, nil
		})
	return err
}

// change has the broker load the stream with or without its own syncs. That it
// doesn't sync is in the mark first, and that it does behind a sync of all.
func (j *Journal) change(ctx context.Context, bulk bool) error {
	if err := j.broker.Disable(ctx, ""); err != nil {
		return fault.As(fault.Operator, "", err)
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
	j.broker.SetSyncAlways(!bulk)
	j.synced.reset()
	if err := j.broker.Enable(); err != nil {
		return broker.DiskError(fmt.Sprintf("load journal stream: %s", err))
	}
	if err := j.checkStream(ctx, journal.Seq(j.first.Load()), journal.Seq(j.last.Load())); err != nil {
		return err
	}
	j.down = nil
	return nil
}

// Sync syncs what has been appended since it was last called, unless the broker
// has. Nothing else says that these frames are on the disk, so whatever goes wrong
// is a failed sync: what the files show is not to be trusted before Reopen, and the
// next append fails with it, as behind a sync of the broker's own. One that is not
// back when ctx ends has not failed: it goes on, and the next waits for it.
func (j *Journal) Sync(ctx context.Context) error {
	const op = "jet.Sync"
	if !j.lazy() {
		return nil
	}
	d, settle := journal.NewDoubt(0, errors.New("a sync of the journal is not back"))
	j.owned.Go(func() { settle(0, fault.As(fault.Operator, op, j.syncAlone())) })
	select {
	case <-d.Done():
		_, err := d.Outcome()
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", op, d)
	}
}

// Synced returns the number up to which the journal is on the disk. Where appends
// are synced before they are acknowledged, that is the last; otherwise it is what
// Sync has come to, which the witness calls after appends unless the mode is
// SyncOff.
func (j *Journal) Synced() (journal.Seq, <-chan struct{}) {
	if !j.lazy() {
		return journal.Seq(j.last.Load()), nil
	}
	return j.witness.reached()
}

// syncAlone syncs when nobody else does.
func (j *Journal) syncAlone() error {
	if err := j.shape.lock(j.life); err != nil {
		return err
	}
	defer j.shape.unlock()
	now := j.witness.get()
	err := j.sync()
	if err == nil {
		// After a sync that has failed, one that works says nothing of what the
		// first was to write.
		if !j.suspect.Load() && !j.broker.IsSick() {
			j.witness.reach(now)
		}
		j.witnessed(now)
		return nil
	}
	text := failedSync(err).Error()
	j.suspect.Store(true)
	j.broker.SetSick(text)
	return broker.DiskError(text)
}

// sync syncs the blocks from the one on that it has come to. Its caller holds
// shape.
func (j *Journal) sync() error {
	from, blocks := j.synced.get()
	to, err := j.store.Sync(from)
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
	return fmt.Errorf("%s: sync journal: %w", broker.WriteError, err)
}
