package replay

import (
	"sync"
	"sync/atomic"

	"ledge/journal"
)

// watches are the keys that some client WATCHes. Apply touches them.
type watches struct {
	n  atomic.Int64 // how many there are, so that Apply can skip the lock
	mu sync.Mutex
	by map[watchKey]map[*Watch]struct{} // mu
}

type watchKey struct {
	db  journal.DB
	key string
}

// Watch is one key that a client depends on, from WATCH to EXEC.
type Watch struct {
	at watchKey
	// expired says that the key's deadline had come when it was watched, so
	// that its removal changes nothing for the client. Guarded by watches.mu.
	expired bool
	dirty   atomic.Bool
}

func (w *watches) init() { w.by = make(map[watchKey]map[*Watch]struct{}) }

// Watch begins to watch a key of the selected database. It must be given back
// with Unwatch. It can't be called on a draft, whose changes don't stand yet.
func (v *View) Watch(key []byte) *Watch {
	r, ok := v.raw(v.db, unsafeString(key))
	x := &Watch{at: watchKey{v.db, string(key)}, expired: ok && r.Expired(v.now)}
	w := &v.s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	set := w.by[x.at]
	if set == nil {
		set = make(map[*Watch]struct{})
		w.by[x.at] = set
	}
	set[x] = struct{}{}
	w.n.Add(1)
	return x
}

// Unwatch ends watches that View.Watch began.
func (s *State) Unwatch(xs ...*Watch) {
	w := &s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range xs {
		set := w.by[x.at]
		if _, ok := set[x]; !ok {
			continue
		}
		delete(set, x)
		if len(set) == 0 {
			delete(w.by, x.at)
		}
		w.n.Add(-1)
	}
}

// Key returns the key that x watches.
func (x *Watch) Key() string { return x.at.key }

// Touch has those who watch a key find that it has changed, though its value is
// as it was: Redis says so of a few commands. It goes without the journal, and it
// stands even if the draft is undone. Then a client that watches the key tries its
// transaction once more.
func (d *Draft) Touch(key []byte) { d.s.watches.touch(d.db, unsafeString(key), true) }

// Dirty reports whether any of the watched keys has changed or expired since
// it was watched, in the eyes of this view.
func (v *View) Dirty(xs []*Watch) bool {
	if v.pins != nil {
		v.lock()
		defer v.unlock()
	}
	for _, x := range xs {
		if x.dirty.Load() || v.over != nil && v.over.touches(x.at.db, x.at.key) {
			return true
		}
		if r, ok := v.raw(x.at.db, x.at.key); ok && r.Expired(v.now) && !v.wasExpired(x) {
			return true
		}
	}
	return false
}

func (v *View) wasExpired(x *Watch) bool {
	w := &v.s.watches
	w.mu.Lock()
	defer w.mu.Unlock()
	return x.expired
}

// touch marks a key as changed; live says whether it is there afterwards.
func (w *watches) touch(db journal.DB, key string, live bool) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	touchSet(w.by[watchKey{db, key}], live)
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

// touchAll marks the watched keys of a database that is cleared or exchanged.
// was and is say whether a key is there before and after.
func (w *watches) touchAll(db journal.DB, was, is func(key string) bool) {
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
