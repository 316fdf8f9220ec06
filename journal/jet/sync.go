package jet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/timing"
)

// Sync syncs what has been appended since it was last called, unless the broker
// syncs each frame.
//
// Nothing else says that these frames are on the disk, so whatever goes wrong counts
// as a failed sync: what the files show is not to be trusted before Reopen has read
// them, and the next append fails, as it does after a failed sync of the broker's own.
// A sync that is not back when ctx ends has not failed: it goes on, and the next call
// waits for it.
func (j *Journal) Sync(ctx context.Context) error {
	const op = "sync the journal"
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

// TimeSyncs has it counted from now on how long each sync takes. Where the broker syncs
// each frame, appends take that time, and nothing is counted here.
func (j *Journal) TimeSyncs(h *timing.Histogram) { j.syncTimes.Store(h) }

// Synced returns the number up to which the journal is on the disk. Where appends
// are synced before they are acknowledged, that is the last; otherwise it is what
// Sync has come to, which the witness calls after appends unless the mode is
// SyncOff.
func (j *Journal) Synced() (journal.Seq, <-chan struct{}) {
	// What is read first was synced when it was stored, or has been by the change
	// after which appends are not lazy.
	last := journal.Seq(j.last.Load())
	if !j.lazy() {
		return last, nil
	}
	return j.witness.reached()
}

// syncAlone syncs when nobody else does.
func (j *Journal) syncAlone() error {
	if err := await(j.life, j.shape); err != nil {
		return err
	}
	defer j.shape.Unlock()
	now := j.witness.get()
	err := j.sync()
	if err == nil {
		// After a sync that has failed, one that works says nothing of what the
		// first was to write.
		if !j.suspect.Load() && !j.stream.IsSick() {
			j.witness.reach(now)
		}
		j.witnessed(now)
		return nil
	}
	text := failedSync(err).Error()
	j.suspect.Store(true)
	j.stream.SetSick(text)
	return broker.DiskError(text)
}

// sync syncs the blocks, beginning with the last one that it has synced before. Its
// caller holds shape.
func (j *Journal) sync() error {
	from, blocks := j.synced.get()
	began := time.Now()
	to, err := j.store.Sync(from)
	j.syncTimes.Load().Add(time.Since(began))
	if err == nil {
		j.synced.set(to, blocks)
	}
	return err
}

// syncPoint is the last block that Sync has synced. It is reset when the stream is
// loaded anew, because the blocks may be others then.
type syncPoint struct {
	mu     sync.Mutex
	block  uint32 // 0 is none; mu
	blocks int    // how often it was reset; mu
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
func (j *Journal) lazy() bool { return lazily(*j.syncing.Load(), j.bulk.Load()) }

func lazily(s journal.Syncing, bulk bool) bool { return s.Mode != SyncAlways || bulk }

// failedSync words the error of one of our own syncs as the broker would.
func failedSync(err error) error {
	return fmt.Errorf("%s: sync journal: %w", broker.WriteError, err)
}
