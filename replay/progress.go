package replay

import (
	"sync/atomic"

	"ledge/journal"
	"ledge/replay/snapshot"
)

// Progress is how far a recovery has come. Its zero value is one that has not begun.
// One goroutine recovers; Read may be called from any other.
type Progress struct {
	snapshotBytes, journalBytes atomic.Int64 // that there are to be read
	loaded, applied             atomic.Int64 // of them
	rows                        atomic.Int64
}

// Progressed is what a Progress says at one moment.
type Progressed struct {
	// SnapshotBytes and JournalBytes are what is to be read: one snapshot, and what
	// the journal has after it. They are 0 before that is known.
	SnapshotBytes, JournalBytes int64
	// Loaded and Applied are how many of those bytes have become state.
	Loaded, Applied int64
	// Rows is how many keys there are so far.
	Rows int64
}

// Read returns how far the recovery has come.
func (p *Progress) Read() Progressed {
	return Progressed{
		SnapshotBytes: p.snapshotBytes.Load(), JournalBytes: p.journalBytes.Load(),
		Loaded: p.loaded.Load(), Applied: p.applied.Load(), Rows: p.rows.Load(),
	}
}

// begin notes what is to be read: a snapshot of so many bytes up to a number, and
// what the journal has after that. How many bytes of it that is, is estimated. A
// snapshot that turns out to be damaged is followed by another.
func (p *Progress) begin(snapshotBytes int64, upTo journal.Seq, span journal.Stat) {
	p.loaded.Store(0)
	p.applied.Store(0)
	p.rows.Store(0)
	p.snapshotBytes.Store(snapshotBytes)
	rest := int64(0)
	if after := max(upTo, span.First-1); after < span.Last {
		rest = int64(float64(span.Bytes) * float64(span.Last-after) / float64(span.Last-span.First+1))
	}
	p.journalBytes.Store(rest)
}

// loadedTo notes that a snapshot has been loaded up to an offset.
func (p *Progress) loadedTo(f *snapshot.File, rows int) {
	if p != nil {
		p.loaded.Store(f.Offset())
		p.rows.Add(int64(rows))
	}
}

// appliedTo notes that batches have been applied to s.
func (p *Progress) appliedTo(s *State, cs []journal.Committed) {
	if p == nil {
		return
	}
	n := int64(0)
	for _, c := range cs {
		n += int64(c.Size())
	}
	// The journal's bytes were estimated, so more may come of them than there were.
	p.applied.Store(min(p.applied.Load()+n, p.journalBytes.Load()))
	p.rows.Store(int64(s.Keys()))
}

// Keys returns how many keys there are in all databases, those that have expired and
// are not removed yet among them.
func (s *State) Keys() (n int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, db := range s.dbs {
		n += db.dict.n
	}
	return n
}
