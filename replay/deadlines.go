package replay

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"ledge/replay/value"
)

// deadlines orders the keys of one database that have a deadline by when it
// comes. It is derived from the records: Apply keeps it up to date, snapshots don't
// have it. Another one orders hashes by the first deadline of their fields.
type deadlines struct {
	set *btree.BTreeG[deadline] // nil until a key has a deadline
	sum int64                   // of all deadlines, for the average in INFO
}

// deadline is one key's.
type deadline struct {
	at  int64
	key string
}

func compareDeadlines(a, b deadline) int {
	if a.at != b.at {
		return cmp.Compare(a.at, b.at)
	}
	return strings.Compare(a.key, b.key)
}

func (d *deadlines) add(at int64, key string) {
	if d.set == nil {
		less := func(a, b deadline) bool { return compareDeadlines(a, b) < 0 }
		d.set = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
	}
	if _, had := d.set.Set(deadline{at, key}); !had {
		d.sum += at
	}
}

func (d *deadlines) remove(at int64, key string) {
	if d.set == nil {
		return
	}
	if _, had := d.set.Delete(deadline{at, key}); had {
		d.sum -= at
	}
}

// exchange gives a key another deadline; 0 is none.
func (d *deadlines) exchange(from, to int64, key string) {
	if from != 0 {
		d.remove(from, key)
	}
	if to != 0 {
		d.add(to, key)
	}
}

func (d *deadlines) len() int {
	if d.set == nil {
		return 0
	}
	return d.set.Len()
}

// due calls fn with the keys whose deadline is at or before now, earliest
// first, until fn returns false.
func (d *deadlines) due(now int64, fn func(key string) bool) {
	if d.set == nil {
		return
	}
	d.set.Scan(func(x deadline) bool { return x.at <= now && fn(x.key) })
}

// While a state is loose, the index of deadlines lags: records with a deadline are
// noted, and put into the index together and sorted when the state is tightened.
// Recovery applies to a loose state, which nobody may view.

// maxUntimed bounds the records whose deadlines wait.
const maxUntimed = 4 << 20

// Bulk calls fn, which applies many batches, and lets what is derived from them lag
// until fn returns. Nobody may view the state meanwhile.
func (s *State) Bulk(fn func() error) error {
	s.loosen()
	defer s.tighten()
	return fn()
}

// loosen lets the index of deadlines lag until tighten is called.
func (s *State) loosen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = true
}

// tighten brings the deadlines up to date, for good.
func (s *State) tighten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, db := range s.dbs {
		db.time()
	}
	s.loose = false
}

// untime notes a record with a deadline.
func (db *database) untime(b *value.Block) {
	db.untimed = append(db.untimed, b)
	if len(db.untimed) >= maxUntimed {
		db.time()
	}
}

// time puts the deadlines of the untimed records that still stand into the
// index.
func (db *database) time() {
	var due []deadline
	for _, b := range db.untimed {
		if db.dict.get(b.Name(), value.Sum(b.Name())) == b {
			due = append(due, deadline{value.RecordOf(b).At, b.Name()})
		}
	}
	db.untimed = nil
	slices.SortFunc(due, compareDeadlines)
	for _, d := range due {
		db.dead.add(d.at, d.key)
	}
}
