// Package watch knows which keys clients WATCH, and which of those have changed since.
// Apply says what changes; the view of a client's EXEC asks.
package watch

import (
	"sync"
	"sync/atomic"

	"ledge/journal"
)

// Keys are the keys that some client watches. The zero value has none.
type Keys struct {
	n  atomic.Int64 // how many watches there are, so that Apply can skip the lock
	mu sync.Mutex
	by map[place]map[*Watch]struct{} // mu
}

// place is where a key is.
type place struct {
	db  journal.DB
	key string
}

// Watch is one key that a client depends on, from WATCH to EXEC.
type Watch struct {
	in *Keys
	at place
	// expired says that the key's deadline had come when it was watched, so
	// that its removal changes nothing for the client. Guarded by Keys.mu.
	expired bool
	dirty   atomic.Bool
}

// Begin begins to watch a key; expired says that its deadline has come. The watch must
// be given to End.
func (w *Keys) Begin(db journal.DB, key string, expired bool) *Watch {
	x := &Watch{in: w, at: place{db, key}, expired: expired}
	w.mu.Lock()
	defer w.mu.Unlock()
	set := w.by[x.at]
	if set == nil {
		if w.by == nil {
			w.by = make(map[place]map[*Watch]struct{})
		}
		set = make(map[*Watch]struct{})
		w.by[x.at] = set
	}
	set[x] = struct{}{}
	w.n.Add(1)
	return x
}

// End ends watches. One that has ended may be among them.
func End(xs ...*Watch) {
	for _, x := range xs {
		x.in.end(x)
	}
}

func (w *Keys) end(x *Watch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	set := w.by[x.at]
	if _, ok := set[x]; !ok {
		return
	}
	delete(set, x)
	if len(set) == 0 {
		delete(w.by, x.at)
	}
	w.n.Add(-1)
}

// Key returns which key is watched.
func (x *Watch) Key() (journal.DB, string) { return x.at.db, x.at.key }

// Dirty reports whether the key has changed since it was watched.
func (x *Watch) Dirty() bool { return x.dirty.Load() }

// WasExpired reports whether the key had expired when it was watched and has not been
// there since.
func (x *Watch) WasExpired() bool {
	x.in.mu.Lock()
	defer x.in.mu.Unlock()
	return x.expired
}

// Touch is told that a key has changed; live says whether it is there afterwards.
func (w *Keys) Touch(db journal.DB, key string, live bool) {
	if w.n.Load() > 0 {
		w.touch(db, key, live)
	}
}

func (w *Keys) touch(db journal.DB, key string, live bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	touchSet(w.by[place{db, key}], live)
}

func touchSet(set map[*Watch]struct{}, live bool) {
	for x := range set {
		if x.expired && !live {
			x.expired = false // gone for the client before, gone for everybody from here on
			continue
		}
		x.dirty.Store(true)
	}
}

// TouchAll is told that a database is cleared or exchanged. was and is say whether a
// key is there before and after.
func (w *Keys) TouchAll(db journal.DB, was, is func(key string) bool) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, set := range w.by {
		if at.db != db {
			continue
		}
		if live := is(at.key); live || was(at.key) {
			touchSet(set, live)
		}
	}
}

// TouchKeys is told that all keys may have changed that which says yes to, in any database.
func (w *Keys) TouchKeys(which func(key string) bool) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, set := range w.by {
		if which(at.key) {
			touchSet(set, true)
		}
	}
}
