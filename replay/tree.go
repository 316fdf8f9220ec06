package replay

import (
	"errors"

	"github.com/tidwall/buntdb"

	"ledge/journal"
)

// trees is the store that Apply writes to. It opens a transaction in each tree
// that a batch touches and commits or rolls back all of them together. The
// caller holds the state's lock.
type trees struct {
	s    *State
	txs  []openTx
	undo []func() // what rollback does besides, latest last
	dead []*buntdb.DB
}

// openTx is a transaction in one database, with what the database's derived
// fields were before it.
type openTx struct {
	db     *database
	tx     *buntdb.Tx
	keys   int
	digest journal.Digest
}

func (t *trees) databases() int { return len(t.s.dbs) }

// tx returns the open transaction in db, beginning it at the first call.
func (t *trees) tx(db *database) *buntdb.Tx {
	for i := range t.txs {
		if t.txs[i].db == db {
			return t.txs[i].tx
		}
	}
	tx, err := db.tree.Begin(true)
	if err != nil {
		panic("replay: " + err.Error()) // only a closed tree refuses
	}
	t.txs = append(t.txs, openTx{db: db, tx: tx, keys: db.keys, digest: db.digest})
	return tx
}

func (t *trees) get(n journal.DB, key string) (record, bool) {
	k, _ := appendRowKey(make([]byte, 0, rowHead+len(key)), key)
	v, err := t.tx(t.s.dbs[n]).Get(unsafeString(k))
	if err != nil {
		return record{}, false
	}
	return parseRow(v), true
}

func (t *trees) put(n journal.DB, key string, r record) {
	db := t.s.dbs[n]
	k, v, hash := row(key, r)
	old, had, err := t.tx(db).Set(k, v, nil)
	if err != nil {
		panic("replay: " + err.Error()) // only a closed or iterating transaction refuses
	}
	if had {
		t.replaced(db, k, old, hash)
	} else {
		t.created(db, k)
	}
	db.digest += rowDigest(hash, v)
	db.keys++
	if r.at != 0 {
		db.dead.add(r.at, k[rowHead:])
	}
	t.s.watches.touch(n, key, true)
}

func (t *trees) del(n journal.DB, key string) {
	db := t.s.dbs[n]
	k, hash := appendRowKey(make([]byte, 0, rowHead+len(key)), key)
	ks := unsafeString(k)
	old, err := t.tx(db).Delete(ks)
	if err != nil {
		return // not there
	}
	t.replaced(db, ks, old, hash)
	t.s.watches.touch(n, key, false)
}

// replaced takes the row that was just overwritten or removed out of all that
// is derived from it.
func (t *trees) replaced(db *database, k, old string, hash uint64) {
	if w := t.s.walk.Load(); w != nil {
		w.keep(db, k, old, true)
	}
	db.digest -= rowDigest(hash, old)
	db.keys--
	if r := parseRow(old); r.at != 0 {
		db.dead.remove(r.at, k[rowHead:])
	}
}

// created tells a snapshot in progress that a row was not there before.
func (t *trees) created(db *database, k string) {
	if w := t.s.walk.Load(); w != nil {
		w.keep(db, k, "", false)
	}
}

func (t *trees) clear(n journal.DB, first, last uint16) error {
	if first > 0 || last < journal.MaxSlot {
		t.clearSlots(n, first, last)
		return nil
	}
	old := t.s.dbs[n]
	t.s.watches.touchAll(n, func(key string) bool { return t.has(old, key) })
	fresh, err := newDatabase()
	if err != nil {
		return err
	}
	t.s.dbs[n] = fresh
	t.undo = append(t.undo, func() {
		t.s.dbs[n] = old
		fresh.tree.Close()
	})
	if w := t.s.walk.Load(); w == nil || !w.holds(old) {
		t.dead = append(t.dead, old.tree)
	}
	return nil
}

// clearSlots removes the keys of some slots, which is one range of rows.
func (t *trees) clearSlots(n journal.DB, first, last uint16) {
	var keys []string
	tx := t.tx(t.s.dbs[n])
	_ = tx.AscendGreaterOrEqual("", slotPivot(first), func(k, _ string) bool {
		if rowSlot(k) > last {
			return false
		}
		keys = append(keys, k[rowHead:])
		return true
	})
	for _, key := range keys {
		t.del(n, key)
	}
}

// has reports whether a database holds a row for key, expired or not.
func (t *trees) has(db *database, key string) bool {
	k, _ := appendRowKey(nil, key)
	_, err := t.tx(db).Get(string(k))
	return err == nil
}

func (t *trees) swap(a, b journal.DB) {
	if a == b {
		return
	}
	dbs := t.s.dbs
	either := func(key string) bool { return t.has(dbs[a], key) || t.has(dbs[b], key) }
	t.s.watches.touchAll(a, either)
	t.s.watches.touchAll(b, either)
	dbs[a], dbs[b] = dbs[b], dbs[a]
	t.undo = append(t.undo, func() { dbs[a], dbs[b] = dbs[b], dbs[a] })
}

// commit makes all of it stand and closes the trees that were cleared away.
func (t *trees) commit() error {
	var errs []error
	for _, o := range t.txs {
		errs = append(errs, o.tx.Commit())
	}
	for _, tree := range t.dead {
		errs = append(errs, tree.Close())
	}
	return errors.Join(errs...)
}

// rollback puts everything back. It is rare: a batch that doesn't apply means
// that the journal or this program is broken, and the node stops. So the
// deadlines are simply counted again.
func (t *trees) rollback() {
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	for _, o := range t.txs {
		_ = o.tx.Rollback()
		o.db.keys, o.db.digest = o.keys, o.digest
		_, _, dead, _ := recount(o.db)
		o.db.dead = dead
	}
}
