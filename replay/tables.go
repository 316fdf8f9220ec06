package replay

import (
	"slices"

	"ledge/journal"
	"ledge/replay/catalog"
	"ledge/replay/value"
)

// tables is the store that Apply writes to: the dicts and what is derived from
// them. It can take everything back. The caller holds the state's lock.
type tables struct {
	s       *State
	entered []derived // databases as they were before the batch
	changed []change  // in the order they were made
	undo    []func()  // exchanges of whole databases, latest last
	ink     value.Pen
	cat     *catalog.Tx // of the catalog; nil until an effect changes it
	open    opened
	placed  value.Body   // the body that edit has put in place last
	ahead   []journal.Op // what comes after the effect under way in its entry
	rest    *rest        // what was prepared for keepRest
	warmth  uint32       // keeps the compiler from dropping the loads of warm
}

// derived is what a database's derived fields were.
type derived struct {
	db     *database
	digest journal.Digest
}

// change is one record that was put, or removed when put is nil.
type change struct {
	db       *database
	put, old *value.Block
}

func (t *tables) databases() int { return len(t.s.dbs) }

// enter notes what a database was before the batch touches it.
func (t *tables) enter(db *database) {
	for i := range t.entered {
		if t.entered[i].db == db {
			return
		}
	}
	t.entered = append(t.entered, derived{db, db.digest})
}

// warmAhead is for how many effects warm looks ahead: what they touch should
// still be in the nearer caches when it is their turn.
const warmAhead = 64

// warm has the processor fetch the records that the effects of es look up, from
// the first entry's at index from on, and returns for how many it has done so.
func (t *tables) warm(es []journal.Entry, from int) (n int) {
	for i := 0; i < len(es) && n < warmAhead; i++ {
		for _, op := range es[i].Ops[from:] {
			if db, key := journal.KeyOf(op); key != "" && int(db) < len(t.s.dbs) {
				t.warmth += t.s.dbs[db].dict.warm(value.Sum(key))
			}
			if n++; n == warmAhead {
				break
			}
		}
		from = 0
	}
	return n
}

func (t *tables) get(n journal.DB, key string) (value.Record, bool) {
	b := t.s.dbs[n].dict.get(key, value.Sum(key))
	if b == nil {
		return value.Record{}, false
	}
	return value.RecordOf(b), true
}

func (t *tables) put(n journal.DB, key string, r value.Record, b *value.Block) {
	db, hash := t.s.dbs[n], value.Sum(key)
	t.enter(db)
	if b == nil {
		b = value.RecordBlock(key, r)
	}
	old := db.dict.put(key, hash, b)
	t.changed = append(t.changed, change{db, b, old})
	if old == nil {
		t.note(db, value.Position(key, hash))
	}
	more := 0
	if old == nil {
		more = 1
	}
	t.sum(db, key, more, value.BlockDigest(b, hash)-t.replaced(db, key, hash, old))
	if r.Body != nil {
		db.timeFields(0, r.Body.Soonest(), b.Name())
	}
	db.timed(b.Name(), 1, r.At)
	if r.At != 0 && t.s.loose {
		db.untime(b)
	} else if r.At != 0 {
		db.dead.add(r.At, b.Name())
		db.passedDead.added(db, r.At, b.Name())
	}
	t.s.watches.Touch(n, key, true)
}

func (t *tables) del(n journal.DB, key string) {
	db, hash := t.s.dbs[n], value.Sum(key)
	t.enter(db)
	old := db.dict.del(key, hash)
	if old == nil {
		return
	}
	t.changed = append(t.changed, change{db, nil, old})
	t.note(db, value.Position(key, hash))
	t.sum(db, key, -1, -t.replaced(db, key, hash, old))
	t.s.watches.Touch(n, key, false)
}

// note is told at which position a key came or went.
func (t *tables) note(db *database, pos uint64) {
	t.s.noted.Add(1)
	if t.s.loose || t.s.far.Load() {
		db.note(pos, maxLooseNoted)
	} else {
		db.note(pos, maxNoted)
	}
}

// replaced takes a key's former record, if it had one, out of all that is
// derived from it, and shows it to a snapshot in progress. It returns the record's digest,
// which is still to be taken out, 0 for none.
func (t *tables) replaced(db *database, key string, hash uint64, old *value.Block) journal.Digest {
	if w := t.s.walk.Load(); w != nil {
		w.keep(db, rowAt{value.Position(key, hash), key}, old)
	}
	if old == nil {
		return 0
	}
	r := value.RecordOf(old)
	db.timed(old.Name(), -1, r.At)
	if r.At != 0 {
		db.dead.remove(r.At, old.Name())
	}
	if r.Body != nil {
		db.fields.exchange(r.Body.Soonest(), 0, old.Name())
	}
	return value.BlockDigest(old, hash)
}

func (t *tables) clear(n journal.DB, r span) error {
	if r != everything {
		if !t.keepRest(n, r) {
			t.clearSpan(n, r)
		}
		return nil
	}
	old := t.s.dbs[n]
	t.s.watches.TouchAll(n, old.has, func(string) bool { return false })
	t.s.dbs[n] = newDatabase()
	if old.slots != nil {
		t.s.dbs[n].slots = newSums(old.slots.shown)
	}
	t.undo = append(t.undo, func() { t.s.dbs[n] = old })
	return nil
}

// clearSpan removes the keys at some positions, which is one range of rows.
func (t *tables) clearSpan(n journal.DB, r span) {
	var keys []string
	t.s.dbs[n].ascend(r.first, func(pos uint64, b *value.Block) bool {
		if pos > r.last {
			return false
		}
		keys = append(keys, b.Name())
		return true
	})
	for _, key := range keys {
		t.del(n, key)
	}
}

// has reports whether a database holds a record for key, expired or not.
func (db *database) has(key string) bool {
	return db.dict.get(key, value.Sum(key)) != nil
}

func (t *tables) swap(a, b journal.DB) {
	if a == b {
		return
	}
	dbs := t.s.dbs
	t.s.watches.TouchAll(a, dbs[a].has, dbs[b].has)
	t.s.watches.TouchAll(b, dbs[b].has, dbs[a].has)
	dbs[a], dbs[b] = dbs[b], dbs[a]
	t.undo = append(t.undo, func() { dbs[a], dbs[b] = dbs[b], dbs[a] })
}

// commit makes all of it stand.
func (t *tables) commit() error {
	t.sumSlots()
	if t.cat == nil {
		return nil
	}
	if err := t.cat.Commit(); err != nil {
		return err
	}
	t.s.settleCustody()
	return nil
}

// rollback puts everything back. It is rare: a batch that doesn't apply means
// that the journal or this program is broken, and the node stops. So the
// deadlines, and what slots have, are simply counted again.
func (t *tables) rollback() {
	t.forgetSums()
	if t.cat != nil {
		t.cat.Rollback()
	}
	for i := len(t.undo) - 1; i >= 0; i-- {
		t.undo[i]()
	}
	for i := len(t.changed) - 1; i >= 0; i-- {
		t.changed[i].takeBack()
	}
	for _, d := range t.entered {
		if d.db.digest = d.digest; slices.Contains(t.s.dbs, d.db) {
			c := recount(d.db)
			d.db.dead, d.db.fields = c.dead, c.fields
			if d.db.slots != nil {
				d.db.slots = c.slots
			}
		}
	}
}

// takeBack puts the dict back to what it was before c.
func (c change) takeBack() {
	if b := c.old; b != nil {
		pos, hash := value.RowPos(b.Name())
		c.db.dict.put(b.Name(), hash, b)
		c.db.note(pos, maxLooseNoted)
		return
	}
	pos, hash := value.RowPos(c.put.Name())
	c.db.dict.del(c.put.Name(), hash)
	c.db.note(pos, maxLooseNoted)
}
