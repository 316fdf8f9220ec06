package appliance

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
)

// meter counts what goes into the journal, and tells those that follow.
type meter struct {
	clock  func() time.Time
	sync   string        // the mode
	every  time.Duration // with SyncInterval
	stored func(journal.Seq, []byte)
	ended  func(journal.Seq) // the journal has been cut behind a number

	bulk    atomic.Bool   // frames are synced by Sync
	durable atomic.Uint64 // what Sync has synced, in bulk

	appends, bytes, failed atomic.Int64
	last                   atomic.Int64 // Unix milliseconds of the last that worked
	took                   atomic.Int64 // nanoseconds, the last one

	mu           sync.Mutex
	older, newer stamp // at least every apart; mu
}

// stamp is when a number was appended.
type stamp struct {
	seq journal.Seq
	at  time.Time
}

// on returns a driver whose appends the meter counts.
func (m *meter) on(d journal.Driver) journal.Driver { return metered{d, m} }

type metered struct {
	journal.Driver
	m *meter
}

// Append passes the frame on.
func (d metered) Append(ctx context.Context, prev journal.Seq, frame []byte) error {
	_, err := d.AppendAll(ctx, prev, [][]byte{frame})
	return err
}

// AppendAll passes the frames on.
func (d metered) AppendAll(ctx context.Context, prev journal.Seq, frames [][]byte) (int, error) {
	m, began := d.m, time.Now()
	n, err := d.Driver.AppendAll(ctx, prev, frames)
	m.took.Store(int64(time.Since(began)) / int64(max(n, 1)))
	m.countAll(prev, frames[:n])
	m.failedBy(err, func(stored int) { m.countAll(prev+journal.Seq(n), frames[n:n+stored]) })
	return n, err
}

// failedBy counts an append that has failed. One in doubt may still turn out to have
// stored some.
func (m *meter) failedBy(err error, stored func(int)) {
	var d *journal.Doubt
	switch {
	case err == nil:
	case errors.As(err, &d):
		d.Then(func(n int, err error) {
			stored(n)
			m.failedBy(err, nil)
		})
	default:
		m.failed.Add(1)
	}
}

// countAll counts frames that are stored behind prev.
func (m *meter) countAll(prev journal.Seq, frames [][]byte) {
	for i, frame := range frames {
		m.count(prev+journal.Seq(i), frame)
	}
}

// Bulk passes it on. All that is there when it is over is durable.
func (d metered) Bulk(ctx context.Context, on bool) error {
	st, err := d.Stat(ctx)
	if err != nil {
		return err
	}
	if on && !d.m.bulk.Load() {
		d.m.durable.Store(uint64(st.Last))
		d.m.bulk.Store(true)
	}
	err = d.Driver.Bulk(ctx, on)
	worked(err, func() { d.m.bulk.Store(on) })
	return err
}

// worked calls f when what has returned err has worked, which may show later.
func worked(err error, f func()) {
	var d *journal.Doubt
	switch {
	case err == nil:
		f()
	case errors.As(err, &d):
		d.Then(func(_ int, err error) {
			if err == nil {
				f()
			}
		})
	}
}

// Sync passes it on.
func (d metered) Sync(ctx context.Context) error {
	st, err := d.Stat(ctx)
	if err != nil {
		return err
	}
	err = d.Driver.Sync(ctx)
	worked(err, func() { d.m.durable.Store(uint64(st.Last)) })
	return err
}

// Cut passes the number on.
func (d metered) Cut(ctx context.Context, last journal.Seq) error {
	d.m.ended(last)
	return d.Driver.Cut(ctx, last)
}

// count counts a frame that is stored behind prev, and tells of it.
func (m *meter) count(prev journal.Seq, frame []byte) {
	m.appends.Add(1)
	m.bytes.Add(int64(len(frame)))
	m.last.Store(m.clock().UnixMilli())
	if m.sync == SyncInterval {
		m.mark(prev + 1)
	}
	m.stored(prev+1, frame)
}

func (m *meter) mark(seq journal.Seq) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.newer.at) >= m.every {
		m.older, m.newer = m.newer, stamp{seq, now}
	}
}

// synced returns the number up to which the journal, which ends at last, is on
// the disk. With an interval that is what was appended two of them ago.
func (m *meter) synced(last journal.Seq) journal.Seq {
	switch m.sync {
	case SyncAlways:
		if m.bulk.Load() {
			return min(journal.Seq(m.durable.Load()), last)
		}
		return last
	case SyncOff:
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch quiet := time.Since(m.newer.at); {
	case quiet >= 3*m.every: // what came behind it did so within one
		return last
	case quiet >= 2*m.every:
		return m.newer.seq
	}
	return m.older.seq
}
