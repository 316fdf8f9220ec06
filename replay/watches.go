package replay

import (
	"ledge/replay/value"
	"ledge/replay/watch"
)

// Watch begins to watch a key of the selected database, until watch.End. It can't be
// called on a draft, whose changes don't stand yet.
func (v *View) Watch(key []byte) *watch.Watch {
	r, ok := v.raw(v.db, unsafeString(key))
	return v.s.watches.Begin(v.db, string(key), ok && r.Expired(v.now))
}

// Touch has those who watch a key find that it has changed, though its value is
// as it was: Redis says so of a few commands. It goes without the journal, and it
// stands even if the draft is undone. Then a client that watches the key tries its
// transaction once more.
func (d *Draft) Touch(key []byte) { d.s.watches.Touch(d.db, unsafeString(key), true) }

// TouchSlots has those who watch a key of a hash slot that gone says yes to find that it has
// changed: whoever has the slot from here on changes it unseen.
func (s *State) TouchSlots(gone func(slot uint16) bool) {
	s.watches.TouchKeys(func(key string) bool { return gone(value.Slot(key)) })
}

// Dirty reports whether any of the watched keys has changed or expired since
// it was watched, in the eyes of this view.
func (v *View) Dirty(xs []*watch.Watch) bool {
	if v.pins != nil {
		v.lock()
		defer v.unlock()
	}
	for _, x := range xs {
		db, key := x.Key()
		if x.Dirty() || v.over != nil && v.over.touches(db, key) {
			return true
		}
		if r, ok := v.raw(db, key); ok && r.Expired(v.now) && !x.WasExpired() {
			return true
		}
	}
	return false
}
