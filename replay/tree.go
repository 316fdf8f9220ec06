package replay

import (
	"errors"

	"github.com/tidwall/buntdb"

	"ledge/journal"
)

// trees is the store that Apply writes to. It opens a transaction in each tree
// that gains or loses keys and commits or rolls back all of them together. The
// caller holds the state's lock.
type trees struct {
	s       *State
	txs     []openTx
	entered []derived // databases as they were before the batch
	changed []change  // in the order they were made
	undo    []func()  // exchanges of whole databases, latest last
	dead    []*buntdb.DB
	warmth  uint32 // keeps the compiler from dropping the loads of warm
}

// openTx is a transaction in one database's tree.
type openTx struct {
	db *database
	tx *buntdb.Tx
}

// derived is what a database's derived fields were.
type derived struct {
	db     *database
	digest journal.Digest
}

// change is one record that was put, or removed when put is nil.
type change struct {
	db       *database
	put, old *block
}

func (t *trees) databases() int { return len(t.s.dbs) }

// enter notes what a database was before the batch touches it.
func (t *trees) enter(db *database) {
	for i := range t.entered {
		if t.entered[i].db == db {
			return
		}
	}
	t.entered = append(t.entered, derived{db, db.digest})
}

// tx returns the open transaction in db, beginning it at the first call.
func (t *trees) tx(db *database) *buntdb.Tx {
	for i := range t.txs {
		if t.txs[i].db == db {
			return t.txs[i].tx
		}
	}
	tx := beginTree(db)
	t.txs = append(t.txs, openTx{db: db, tx: tx})
	return tx
}

// warmAhead is for how many effects warm looks ahead: what they touch should
// still be in the nearer caches when it is their turn.
const warmAhead = 64

// warm has the processor fetch the records that the effects of es change, from
// the first entry's at index from on, and returns for how many it has done so.
func (t *trees) warm(es []journal.Entry, from int) (n int) {
	for i := 0; i < len(es) && n < warmAhead; i++ {
		for _, op := range es[i].Ops[from:] {
			if db, key := changes(op); key != "" && int(db) < len(t.s.dbs) {
				t.warmth += t.s.dbs[db].dict.warm(keyHash(key))
			}
			if n++; n == warmAhead {
				break
			}
		}
		from = 0
	}
	return n
}

// changes returns the key that an effect looks up, "" if it is none of those
// that come in great numbers.
func changes(op journal.Op) (journal.DB, string) {
	switch o := op.(type) {
	case *journal.StringSet:
		return o.DB, o.Key
	case *journal.StringEdit:
		return o.DB, o.Key
	case *journal.KeyDelete:
		return o.DB, o.Key
	case *journal.KeyExpire:
		return o.DB, o.Key
	}
	return 0, ""
}

func (t *trees) get(n journal.DB, key string) (record, bool) {
	b := t.s.dbs[n].dict.get(key, keyHash(key))
	if b == nil {
		return record{}, false
	}
	return parseRow(b.value()), true
}

func (t *trees) put(n journal.DB, key string, r record, b *block) {
	db, hash := t.s.dbs[n], keyHash(key)
	t.enter(db)
	if b == nil {
		b = newBlock(key, r)
	}
	old := db.dict.put(key, hash, b)
	t.changed = append(t.changed, change{db, b, old})
	if old == nil {
		t.came(db, b.name())
	}
	t.replaced(db, key, hash, old)
	db.digest += rowDigest(hash, b.value())
	if r.at != 0 && t.s.loose {
		db.untime(b)
	} else if r.at != 0 {
		db.dead.add(r.at, b.name())
	}
	t.s.watches.touch(n, key, true)
}

func (t *trees) del(n journal.DB, key string) {
	db, hash := t.s.dbs[n], keyHash(key)
	t.enter(db)
	old := db.dict.del(key, hash)
	if old == nil {
		return
	}
	t.changed = append(t.changed, change{db, nil, old})
	t.went(db, old.name())
	t.replaced(db, key, hash, old)
	t.s.watches.touch(n, key, false)
}

// came gives a key its place in the tree.
func (t *trees) came(db *database, key string) {
	if t.s.loose {
		db.unplace(key, true)
		return
	}
	k, _ := appendRowKey(nil, key)
	if _, _, err := t.tx(db).Set(unsafeString(k), "", nil); err != nil {
		panic("replay: " + err.Error()) // only a closed or iterating transaction refuses
	}
}

// went takes a key out of the tree.
func (t *trees) went(db *database, key string) {
	if t.s.loose {
		db.unplace(key, false)
		return
	}
	k, _ := appendRowKey(nil, key)
	if _, err := t.tx(db).Delete(unsafeString(k)); err != nil {
		panic("replay: " + err.Error()) // the dict and the tree have the same keys
	}
}

// replaced takes a key's former record, if it had one, out of all that is
// derived from it, and shows it to a snapshot in progress.
func (t *trees) replaced(db *database, key string, hash uint64, old *block) {
	if w := t.s.walk.Load(); w != nil {
		k, _ := appendRowKey(nil, key)
		v := ""
		if old != nil {
			v = old.value()
		}
		w.keep(db, string(k), v, old != nil)
	}
	if old == nil {
		return
	}
	v := old.value()
	db.digest -= rowDigest(hash, v)
	if r := parseRow(v); r.at != 0 {
		db.dead.remove(r.at, old.name())
	}
}

func (t *trees) clear(n journal.DB, first, last uint16) error {
	if first > 0 || last < journal.MaxSlot {
		t.clearSlots(n, first, last)
		return nil
	}
	old := t.s.dbs[n]
	t.s.watches.touchAll(n, old.has, func(string) bool { return false })
	fresh, err := newDatabase()
	if err != nil {
		return err
	}
	t.s.dbs[n] = fresh
	t.undo = append(t.undo, func() {
		t.s.dbs[n] = old
		_ = fresh.tree.Close() // in memory: nothing can be lost
	})
	if w := t.s.walk.Load(); w == nil || !w.holds(old) {
		t.dead = append(t.dead, old.tree)
	}
	return nil
}

// clearSlots removes the keys of some slots, which is one range of rows.
func (t *trees) clearSlots(n journal.DB, first, last uint16) {
	var keys []string
	gather := func(tx *buntdb.Tx) error {
		return tx.AscendGreaterOrEqual("", slotPivot(first), func(k, _ string) bool {
			if rowSlot(k) > last {
				return false
			}
			keys = append(keys, k[rowHead:])
			return true
		})
	}
	if db := t.s.dbs[n]; t.s.loose {
		db.place()
		_ = db.tree.View(gather)
	} else {
		_ = gather(t.tx(db))
	}
	for _, key := range keys {
		t.del(n, key)
	}
}

// has reports whether a database holds a record for key, expired or not.
func (db *database) has(key string) bool {
	return db.dict.get(key, keyHash(key)) != nil
}

func (t *trees) swap(a, b journal.DB) {
	if a == b {
		return
	}
	dbs := t.s.dbs
	t.s.watches.touchAll(a, dbs[a].has, dbs[b].has)
	t.s.watches.touchAll(b, dbs[b].has, dbs[a].has)
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
	for _, o := range t.txs { // before undo closes trees: a transaction locks its tree
		_ = o.tx.Rollback()
	}
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	for i := len(t.changed) - 1; i >= 0; i-- {
		t.changed[i].takeBack(t.s.loose)
	}
	for _, d := range t.entered {
		d.db.digest = d.digest
		d.db.place()
		_, _, dead, _ := recount(d.db)
		d.db.dead = dead
	}
}

// takeBack puts the dict back to what it was before c. The tree goes back with
// its transaction, or is put right later.
func (c change) takeBack(loose bool) {
	b := c.old
	if b != nil {
		c.db.dict.put(b.name(), keyHash(b.name()), b)
	} else {
		b = c.put
		c.db.dict.del(b.name(), keyHash(b.name()))
	}
	if loose {
		c.db.unplaced, c.db.lost = append(c.db.unplaced, b.name()), true
	}
}

// rowValue returns the row value that belongs to a row key of the tree.
func (db *database) rowValue(k string) string {
	key := k[rowHead:]
	return db.dict.get(key, keyHash(key)).value()
}
