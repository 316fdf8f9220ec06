package replay

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tidwall/buntdb"
)

// A state that is loose keeps its trees behind its dicts. Nobody may view it.
// Recovery applies to a loose state: a million keys find their places in the
// tree one by one in 5 s, and sorted in 1 s.

// maxUnplaced bounds the keys that wait for their places in one tree.
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
	}
	s.loose = false
}

// unplace notes that a key came or went without the tree.
func (db *database) unplace(key string) {
	db.unplaced = append(db.unplaced, key)
	if len(db.unplaced) >= maxUnplaced {
		db.place()
	}
}

// place puts the unplaced keys that are in the dict into the tree, and takes
// the others out of it. In which order they came and went does not matter.
func (db *database) place() {
	if len(db.unplaced) == 0 {
		return
	}
	type place struct {
		pos uint64
		key string
	}
	places := make([]place, len(db.unplaced))
	for i, key := range db.unplaced {
		pos, _ := rowPos(key)
		places[i] = place{pos, key}
	}
	db.unplaced = nil
	slices.SortFunc(places, func(a, b place) int {
		if a.pos != b.pos {
			return cmp.Compare(a.pos, b.pos)
		}
		return strings.Compare(a.key, b.key)
	})
	tx := beginTree(db)
	if n, _ := tx.Len(); n == 0 {
		freeRollback(tx)
	}
	var buf []byte
	for _, p := range places {
		k, hash := appendRowKey(buf[:0], p.key)
		var err error
		if db.dict.get(p.key, hash) != nil {
			_, _, err = tx.Set(string(k), "", nil)
		} else if _, err = tx.Delete(unsafeString(k)); err == buntdb.ErrNotFound {
			err = nil // it came and went
		}
		if err != nil {
			panic("replay: " + err.Error()) // only a closed or iterating transaction refuses
		}
		buf = k
	}
	if err := tx.Commit(); err != nil {
		panic("replay: " + err.Error()) // in memory: nothing can refuse
	}
}

// freeRollback spares a transaction in an empty tree the note of each row: one
// that has deleted everything keeps the old tree to roll back to.
func freeRollback(tx *buntdb.Tx) {
	if err := tx.DeleteAll(); err != nil {
		panic("replay: " + err.Error()) // only a closed transaction refuses
	}
}
