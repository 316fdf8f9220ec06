package replay

import (
	"time"

	"ledge/journal"
	"ledge/replay/value"
)

// Pin returns a view of some keys of a database as they are at this moment. It
// holds no lock, so batches are applied while it is read, however long that
// takes: what a key holds never changes, it is only replaced. Any other key is
// read as it is when it is asked for. It must not be used to walk the keys, and
// must be closed.
func (s *State) Pin(now time.Time, db journal.DB, keys [][]byte) *View {
	v := &View{s: s, now: now.UnixMilli(), db: db, pins: make(map[string]value.Record, len(keys))}
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.pinned.Add(1)
	for _, key := range keys {
		r, _ := v.raw(db, unsafeString(key))
		v.pins[string(key)] = r
	}
	return v
}

// Pinned reports whether the view is one that Pin gave, and may stay open until what
// its keys hold has been read: see Brief.
func (v *View) Pinned() bool { return v.pins != nil && !v.Brief }

// pinned is rawIn for a view that holds no lock.
func (v *View) pinned(n journal.DB, key []byte) (value.Record, bool) {
	if r, ok := v.pins[string(key)]; ok && n == v.db {
		return r, r.Type != value.None
	}
	v.lock()
	defer v.s.mu.RUnlock()
	return v.raw(n, unsafeString(key))
}

// Weight returns about how much there is to read under a key: the elements of
// a collection, or a string's length in words.
func (v *View) Weight(key []byte) int {
	r, ok := v.lookup(key)
	switch {
	case !ok:
		return 0
	case r.Body != nil:
		return r.Body.Len()
	}
	return len(r.Val) / 64
}
