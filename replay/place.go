package replay

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/buntdb"

	"ledge/journal"
)

// A state that is loose keeps its trees and deadlines behind its dicts. Nobody
// may view it. Recovery applies to a loose state: a million keys find their
// places in the tree one by one in 5 s, and sorted in 1 s.

// maxUnplaced bounds the keys that wait for their places in one tree, and the
// deadlines of keys that may have another by now.
const maxUnplaced = 4 << 20

// loosen lets the trees fall behind until tighten.
func (s *State) loosen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = true
}

// tighten brings the trees up to date, for good.
func (s *State) tighten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, db := range s.dbs {
		db.place()
		db.time()
	}
	s.loose = false
}

// unplace notes that a key came or went without the tree.
func (db *database) unplace(key string, there bool) {
	db.lost = db.lost || !there
	db.unplaced = append(db.unplaced, key)
	if len(db.unplaced) >= maxUnplaced {
		db.place()
	}
}

// place puts the unplaced keys that are in the dict into the tree, and takes
// the others out of it. In which order they came and went does not matter. One
// goroutine sorts while another works on the tree.
func (db *database) place() {
	if len(db.unplaced) == 0 {
		return
	}
	var gone []string
	keys, done := make(chan orderedKeys, 4), make(chan struct{})
	go func() {
		defer close(done)
		fillTrees(keys)
	}()
	buf := make([]string, 0, placeBatch)
	last := ""
	for p := range inOrder(db.unplaced) {
		if p.key == last && len(buf) > 0 {
			continue // it came, went and came
		}
		k, hash := appendRowKey(make([]byte, 0, rowHead+len(p.key)), p.key)
		if db.lost && db.dict.get(p.key, hash) == nil {
			gone = append(gone, unsafeString(k))
			continue
		}
		last = p.key
		if buf = append(buf, unsafeString(k)); len(buf) == cap(buf) {
			keys <- orderedKeys{db, buf}
			buf = make([]string, 0, placeBatch)
		}
	}
	keys <- orderedKeys{db, buf}
	close(keys)
	<-done
	db.unplaced, db.lost = nil, false
	db.displace(gone)
}

// untime notes a record with a deadline.
func (db *database) untime(b *block) {
	db.untimed = append(db.untimed, b)
	if len(db.untimed) >= maxUnplaced {
		db.time()
	}
}

// time puts the deadlines of the untimed records that still stand into the
// index.
func (db *database) time() {
	var due []deadline
	for _, b := range db.untimed {
		if db.dict.get(b.name(), keyHash(b.name())) == b {
			due = append(due, deadline{parseRow(b.value()).at, b.name()})
		}
	}
	db.untimed = nil
	slices.SortFunc(due, func(a, b deadline) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		return strings.Compare(a.key, b.key)
	})
	for _, d := range due {
		db.dead.add(d.at, d.key)
	}
}

// placeBatch is how many keys the two goroutines of place hand over at once.
const placeBatch = 1024

// displace takes keys out of the tree, if they are there.
func (db *database) displace(keys []string) {
	if len(keys) == 0 {
		return
	}
	tx := beginTree(db)
	for _, k := range keys {
		if _, err := tx.Delete(k); err != nil && err != buntdb.ErrNotFound {
			panic("replay: " + err.Error()) // only a closed or iterating transaction refuses
		}
	}
	mustCommit(tx)
}

// place is where a key belongs.
type place struct {
	pos uint64
	key string
}

// inOrder yields keys in the order of the tree. They are dealt out by slot
// first, so that what is left to sort is small.
func inOrder(keys []string) iter.Seq[place] {
	var ends [journal.MaxSlot + 2]int
	places := make([]place, len(keys))
	for i, key := range keys {
		pos, _ := rowPos(key)
		places[i] = place{pos, key}
		ends[pos>>hashBits+1]++
	}
	for i := range ends[1:] {
		ends[i+1] += ends[i]
	}
	dealt := make([]place, len(keys))
	for _, p := range places {
		slot := p.pos >> hashBits
		dealt[ends[slot]] = p
		ends[slot]++ // becomes the end of its slot
	}
	return func(yield func(place) bool) {
		begin := 0
		for _, end := range ends[:journal.MaxSlot+1] {
			slices.SortFunc(dealt[begin:end], func(a, b place) int {
				if a.pos != b.pos {
					return cmp.Compare(a.pos, b.pos)
				}
				return strings.Compare(a.key, b.key)
			})
			for _, p := range dealt[begin:end] {
				if !yield(p) {
					return
				}
			}
			begin = end
		}
	}
}

// orderedKeys are row keys of a database, in order.
type orderedKeys struct {
	db   *database
	keys []string
}

// fillTrees puts keys into the trees until the channel is closed.
func fillTrees(from <-chan orderedKeys) {
	var db *database
	var tx *buntdb.Tx
	fresh := false
	for o := range from {
		if o.db != db || !fresh {
			mustCommit(tx)
			db, tx = o.db, beginTree(o.db)
			fresh = freeRollback(tx)
		}
		for _, k := range o.keys {
			if _, _, err := tx.Set(k, "", nil); err != nil {
				panic("replay: " + err.Error()) // only a closed or iterating transaction refuses
			}
		}
	}
	mustCommit(tx)
}

// freeRollback spares a transaction the note of each row, if the tree is empty:
// one that has deleted everything keeps the old tree to roll back to.
func freeRollback(tx *buntdb.Tx) bool {
	if n, _ := tx.Len(); n > 0 {
		return false
	}
	if err := tx.DeleteAll(); err != nil {
		panic("replay: " + err.Error()) // only a closed transaction refuses
	}
	return true
}

func beginTree(db *database) *buntdb.Tx {
	tx, err := db.tree.Begin(true)
	if err != nil {
		panic("replay: " + err.Error()) // only a closed tree refuses
	}
	return tx
}

func mustCommit(tx *buntdb.Tx) {
	if tx == nil {
		return
	}
	if err := tx.Commit(); err != nil {
		panic("replay: " + err.Error()) // in memory: nothing can refuse
	}
}
