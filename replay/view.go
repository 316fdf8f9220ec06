package replay

import (
	"math/rand/v2"

	"ledge/journal"
	"ledge/replay/value"
)

// slice is how many rows a long read takes before it lets a batch be applied.
const slice = 1024

// View reads the state at one moment, as one client with one database selected
// sees it: expired keys are hidden, and so are those that the node holds for another
// shard of its cluster, unless they are asked for by name (see shownSlots). It is for one goroutine and ends with the
// call that gave it.
type View struct {
	s    *State
	over *overlay // what a draft has changed; nil when there is none
	now  int64
	db   journal.DB
	pins map[string]value.Record // see Pin; nil for a view that holds the lock

	// Scripted says that it is a script that reads, which is given what has no order
	// in an order that does not change. Whoever runs the script sets it.
	Scripted bool
	// Brief says of a view that Pin gave that it is closed once its commands have run,
	// as those of a transaction do, whose replies are one. Whoever took it sets it.
	Brief bool
}

func (v *View) lock() { v.s.mu.RLock() }

// unlock lets batches be applied.
func (v *View) unlock() { v.s.mu.RUnlock() }

// pause lets batches be applied in the middle of a long read. A draft never
// pauses: nothing may change below it.
func (v *View) pause() {
	if v.over == nil {
		v.unlock()
		v.lock()
	}
}

// Drafting reports whether the view is a draft's. Other views hold up batches
// that wait to be applied.
func (v *View) Drafting() bool { return v.over != nil }

// Now returns the view's time in Unix milliseconds.
func (v *View) Now() int64 { return v.now }

// DB returns the selected database.
func (v *View) DB() journal.DB { return v.db }

// Select selects a database, which must exist.
func (v *View) Select(db journal.DB) { v.db = db }

// Databases returns how many databases there are.
func (v *View) Databases() int { return len(v.s.dbs) }

// raw reads a record past any overlay, expired or not.
func (v *View) raw(n journal.DB, key string) (value.Record, bool) {
	return v.rawHash(n, key, value.Sum(key))
}

// rawHash is raw for a key whose hash is known.
func (v *View) rawHash(n journal.DB, key string, hash uint64) (value.Record, bool) {
	b := v.s.dbs[n].dict.get(key, hash)
	if b == nil {
		return value.Record{}, false
	}
	return value.RecordOf(b), true
}

// rawIn reads a record of database n, expired or not.
func (v *View) rawIn(n journal.DB, key []byte) (value.Record, bool) {
	if v.over != nil {
		return v.over.get(n, unsafeString(key))
	}
	if v.pins != nil {
		return v.pinned(n, key)
	}
	return v.raw(n, unsafeString(key))
}

// lookupIn returns what key holds in database n, unless it has expired.
func (v *View) lookupIn(n journal.DB, key []byte) (value.Record, bool) {
	r, ok := v.rawIn(n, key)
	if !ok || r.Expired(v.now) {
		return value.Record{}, false
	}
	return r, true
}

func (v *View) lookup(key []byte) (value.Record, bool) { return v.lookupIn(v.db, key) }

// Type returns the type of what key holds, None when it is not there.
func (v *View) Type(key []byte) value.Type {
	r, _ := v.lookup(key)
	return r.Type
}

// Exists reports whether key is there.
func (v *View) Exists(key []byte) bool {
	_, ok := v.lookup(key)
	return ok
}

// ExistsIn reports whether key is there in database n.
func (v *View) ExistsIn(n journal.DB, key []byte) bool {
	_, ok := v.lookupIn(n, key)
	return ok
}

// Deadline returns key's deadline in Unix milliseconds, 0 for none, and
// whether the key is there.
func (v *View) Deadline(key []byte) (at int64, ok bool) {
	r, ok := v.lookup(key)
	return r.At, ok
}

// Memory returns about how many bytes key and its value take.
func (v *View) Memory(key []byte) (int, bool) {
	r, ok := v.lookup(key)
	return value.Memory(len(key), r), ok
}

// Len returns how many keys database n has. Like Redis's DBSIZE it counts
// expired keys that have not been removed yet.
func (v *View) Len(n journal.DB) int {
	if v.over != nil {
		return v.over.size(n, v.shown())
	}
	db := v.s.dbs[n]
	return db.dict.n - db.hiddenKeys().keys
}

// Expiring returns how many keys of database n have a deadline, and how far
// off it is on average, in milliseconds.
func (v *View) Expiring(n journal.DB) (keys int, avgTTL int64) {
	db := v.s.dbs[n]
	d, hidden := &db.dead, db.hiddenKeys()
	if keys = d.len() - hidden.timed; keys > 0 {
		avgTTL = max(0, (d.sum-hidden.deadlines)/int64(keys)-v.now)
	}
	return keys, avgTTL
}

// RandomKey returns a key chosen at random: small databases choose evenly,
// large ones take the next key after a random position.
func (v *View) RandomKey() (string, bool) {
	const even = 64 // read this many and choose among them evenly
	var keys []string
	v.scan(0, func(_ uint64, key string, r value.Record) bool {
		if !r.Expired(v.now) {
			keys = append(keys, key)
		}
		return len(keys) <= even
	})
	if len(keys) > even {
		keys = keys[:0]
		v.scan(v.shown().position(rand.Uint64()), func(_ uint64, key string, r value.Record) bool {
			if !r.Expired(v.now) {
				keys = append(keys, key)
			}
			return len(keys) == 0
		})
		if len(keys) == 0 { // it was after the last key
			return v.firstKey()
		}
	}
	if len(keys) == 0 {
		return "", false
	}
	return keys[rand.IntN(len(keys))], true
}

func (v *View) firstKey() (key string, ok bool) {
	v.scan(0, func(_ uint64, first string, r value.Record) bool {
		if r.Expired(v.now) {
			return true
		}
		key, ok = first, true
		return false
	})
	return key, ok
}
