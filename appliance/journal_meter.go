package appliance

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/timing"
)

// meter counts what goes into the journal, and tells whoever serves replicas.
type meter struct {
	clock  func() time.Time
	stored func(journal.Seq, []byte)
	ended  func(journal.Seq) // the journal has been cut off after a number

	appends, bytes, failed atomic.Int64
	last                   atomic.Int64 // Unix milliseconds of the last that worked
	took                   atomic.Int64 // nanoseconds, the last one

	// How long appends took, each of all the batches that were stored together, how
	// long syncs apart from appends, and how long applying.
	appendTimes, syncTimes, applyTimes timing.Histogram
}

// on returns a driver whose appends and syncs the meter counts.
func (m *meter) on(d journal.Driver) journal.Driver {
	if j, ok := d.(interface{ TimeSyncs(*timing.Histogram) }); ok {
		j.TimeSyncs(&m.syncTimes)
	}
	return metered{d, m}
}

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
	took := time.Since(began)
	m.took.Store(int64(took) / int64(max(n, 1)))
	m.appendTimes.Add(took)
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

// countAll counts frames that are stored after prev.
func (m *meter) countAll(prev journal.Seq, frames [][]byte) {
	for i, frame := range frames {
		m.count(prev+journal.Seq(i), frame)
	}
}

// Cut passes the number on.
func (d metered) Cut(ctx context.Context, last journal.Seq) error {
	d.m.ended(last)
	return d.Driver.Cut(ctx, last)
}

// count counts a frame that is stored after prev, and tells of it.
func (m *meter) count(prev journal.Seq, frame []byte) {
	m.appends.Add(1)
	m.bytes.Add(int64(len(frame)))
	m.last.Store(m.clock().UnixMilli())
	m.stored(prev+1, frame)
}
