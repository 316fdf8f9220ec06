package replay

import (
	"errors"
	"iter"
	"sync/atomic"

	"github.com/tidwall/btree"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/snapshot"
	"ledge/replay/value"
)

// errSnapshotRunning refuses a snapshot while another is being taken.
var errSnapshotRunning = fault.With(fault.Refused,
	errors.New("a snapshot is already being taken"))

// A slice of a walk is what it reads before it lets a batch be applied.
const (
	walkRows  = 512
	walkBytes = 1 << 20
)

// walk is a snapshot in progress. It reads the trees in slices and shows each
// row as it stood when the walk began: before Apply changes a row that has not
// been read yet, it hands the old one to keep. A row is kept once at most, so
// the kept rows and the trees that were cleared away meanwhile never take more
// than the state took when the walk began.
//
// Apply calls keep with the state's lock held alone; the walking
// goroutine does everything else with the lock shared. No field needs more.
type walk struct {
	s     *State
	start snapshot.Header
	parts []*part
	by    map[*database]*part
	saved savedCatalog
	share journal.Digest // what the catalog adds to the digest
	kept  atomic.Int64   // bytes of rows being kept
}

// part is one database in a walk.
type part struct {
	w      *walk
	number journal.DB
	db     *database
	rows   int                      // when the walk began
	digest journal.Digest           // when the walk began
	next   rowAt                    // rows before it have been read
	done   bool                     // all rows have been read
	kept   *btree.BTreeG[walkedRow] // as they were; none is before next
}

// walkedRow is a row as it stood when the walk began. One that was not there
// has no block; it is kept so that the walk leaves out what has come to stand there.
type walkedRow struct {
	rowAt
	b *value.Block // nil if it was not there
}

// keptOverhead is about what keeping a row costs beside its bytes.
const keptOverhead = 64

func (r walkedRow) size() int64 {
	n := int64(len(r.key)) + keptOverhead
	if r.b != nil {
		n += int64(len(r.b.Value()))
		if c := r.b.Collection(); c != nil {
			n += c.Body.Bytes() // at most: most of it is shared with what has taken its place
		}
	}
	return n
}

// beginWalk captures the state's position and databases.
func (s *State) beginWalk() (*walk, error) {
	s.drafting.Lock()
	defer s.drafting.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed()
	}
	w := &walk{s: s, by: make(map[*database]*part)}
	w.saved, w.share = s.savedCatalog(), s.cat.Digest()
	w.start = snapshot.Header{Databases: len(s.dbs), Pos: s.pos, Epoch: s.epoch, Tables: len(w.saved.rows) > 0}
	for i, db := range s.dbs {
		if db.dict.n == 0 {
			continue
		}
		w.start.Rows += uint64(db.dict.n)
		p := &part{w: w, number: journal.DB(i), db: db, rows: db.dict.n, digest: db.digest}
		w.parts = append(w.parts, p)
		w.by[db] = p
	}
	if !s.walk.CompareAndSwap(nil, w) {
		return nil, errSnapshotRunning
	}
	return w, nil
}

// end ends the walk.
func (w *walk) end() {
	w.s.drafting.Lock()
	defer w.s.drafting.Unlock()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.walk.Store(nil)
}

// keep is told that a row has just been changed, and what it was.
func (w *walk) keep(db *database, at rowAt, old *value.Block) {
	p := w.by[db]
	if p == nil || p.done || at.before(p.next) {
		return
	}
	if p.kept == nil {
		less := func(a, b walkedRow) bool { return a.before(b.rowAt) }
		p.kept = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
	}
	if _, ok := p.kept.Get(walkedRow{rowAt: at}); ok {
		return
	}
	r := walkedRow{at, old}
	p.kept.Set(r)
	w.kept.Add(r.size())
}

// take appends the next slice of rows to dst and reports whether there may be
// more. The rows may be used without the lock: rows are never changed, only
// replaced.
func (p *part) take(dst []walkedRow) ([]walkedRow, bool, error) {
	p.w.s.mu.RLock()
	defer p.w.s.mu.RUnlock()
	if p.w.s.closed {
		return dst, false, errClosed()
	}
	n, size := 0, 0
	for r := range p.merged() {
		if r.b != nil {
			dst = append(dst, r)
			size += len(r.b.Value())
		}
		n, size = n+1, size+len(r.key)
		if n >= walkRows || size >= walkBytes {
			p.next = r.after()
			return dst, true, nil
		}
	}
	p.done = true
	return dst, false, nil
}

// merged yields the rows of the tree from next on, with the kept ones in place
// of those that have taken their places. What is yielded is kept no longer.
func (p *part) merged() iter.Seq[walkedRow] {
	return func(yield func(walkedRow) bool) {
		stopped := false
		p.db.ascend(p.next.pos, func(pos uint64, b *value.Block) bool {
			r := walkedRow{rowAt{pos, b.Name()}, b}
			if r.before(p.next) {
				return true
			}
			if stopped = !p.keptBefore(r.rowAt, yield); stopped {
				return false
			}
			if old, ok := p.firstKept(); ok && old.rowAt == r.rowAt {
				r = p.popKept()
			}
			stopped = !yield(r)
			return !stopped
		})
		for !stopped {
			if _, ok := p.firstKept(); !ok {
				return
			}
			stopped = !yield(p.popKept())
		}
	}
}

// keptBefore yields the kept rows before a place.
func (p *part) keptBefore(at rowAt, yield func(walkedRow) bool) bool {
	for {
		if old, ok := p.firstKept(); !ok || !old.before(at) {
			return true
		}
		if !yield(p.popKept()) {
			return false
		}
	}
}

func (p *part) firstKept() (walkedRow, bool) {
	if p.kept == nil {
		return walkedRow{}, false
	}
	return p.kept.Min()
}

func (p *part) popKept() walkedRow {
	r, _ := p.kept.PopMin()
	p.w.kept.Add(-r.size())
	return r
}

func errClosed() error {
	return fault.With(fault.Operator, errors.New("state is closed"))
}
