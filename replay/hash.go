package replay

import (
	"errors"
	"fmt"
	"iter"

	"ledge/journal"
)

var errNoElem = errors.New("an element that is not there")

func applyHashSet(s store, o *journal.HashSet) error {
	return alter(s, o.DB, o.Key, HashType, o, func(b *body, p *pen) error {
		for i := 0; i+1 < len(o.Pairs); i += 2 {
			b.put(p, newField(o.Pairs[i], o.Pairs[i+1], o.At), uint64(o.At))
		}
		return nil
	})
}

func applyHashRemove(s store, o *journal.HashRemove) error {
	return alter(s, o.DB, o.Key, HashType, o, func(b *body, p *pen) error {
		return b.deleteAll(p, o.Fields)
	})
}

// deleteAll removes elements, all of which must be there.
func (b *body) deleteAll(p *pen, names []string) error {
	for _, name := range names {
		if !b.delete(p, name) {
			return fmt.Errorf("%w: %.64q", errNoElem, name)
		}
	}
	return nil
}

func applyHashExpire(s store, o *journal.HashExpire) error {
	return alter(s, o.DB, o.Key, HashType, o, func(b *body, p *pen) error {
		for _, name := range o.Fields {
			_, e := b.find(name, keyHash(name))
			if e == nil {
				return fmt.Errorf("%w: %.64q", errNoElem, name)
			}
			b.put(p, newField(name, e.field(), o.At), uint64(o.At))
		}
		return nil
	})
}

// live returns how many fields of a hash have not expired.
func (b *body) live(now int64) int {
	return b.names.len() - b.ranks.search(uint64(max(now, -1)+1), "", beforeEqual)
}

// soonest returns the first deadline of a hash's fields, 0 for none.
func (b *body) soonest() int64 {
	if b.typ != HashType || b.ranks.root == nil {
		return 0
	}
	at, _ := b.ranks.at(0)
	return int64(at)
}

// Hash is a hash at one moment. It stays good after the view has ended, and
// shows no fields that had expired by then. The zero Hash is empty.
type Hash struct {
	b   *body
	now int64
}

// Hash returns what key holds. A key that is not there is empty.
func (v *View) Hash(key []byte) (Hash, error) {
	b, err := v.bodyOf(key, HashType)
	return Hash{b, v.now}, err
}

// Len returns the number of fields.
func (h Hash) Len() int {
	if h.b == nil {
		return 0
	}
	if h.b.ranks.root == nil {
		return h.b.names.len()
	}
	return h.b.live(h.now)
}

// shows reports whether a field is there and has not expired.
func (h Hash) shows(e *block) bool {
	return e != nil && (e.val&elemTimed == 0 || e.deadline() > h.now)
}

func (h Hash) get(field []byte) *block {
	_, e := h.b.find(unsafeString(field), keyHash(unsafeString(field)))
	if !h.shows(e) {
		return nil
	}
	return e
}

// Get returns a field's value.
func (h Hash) Get(field []byte) (string, bool) {
	if e := h.get(field); e != nil {
		return e.field(), true
	}
	return "", false
}

// Deadline returns a field's deadline in Unix milliseconds, 0 for none, and
// whether the field is there.
func (h Hash) Deadline(field []byte) (at int64, ok bool) {
	if e := h.get(field); e != nil {
		return e.deadline(), true
	}
	return 0, false
}

// Direct reports whether At finds a field without looking at those before it:
// none has expired that is not removed yet.
func (h Hash) Direct() bool { return h.b == nil || h.Len() == h.b.names.len() }

// Timed reports whether any field has a deadline.
func (h Hash) Timed() bool { return h.b != nil && h.b.ranks.root != nil }

// At returns the i-th field and its value.
func (h Hash) At(i int) (field, value string) {
	if h.Direct() {
		_, e := h.b.names.at(i)
		return e.name(), e.field()
	}
	for f, v := range h.All() {
		if i == 0 {
			return f, v
		}
		i--
	}
	panic("replay: hash field out of range")
}

// All yields fields and values: as they were added while the hash is small, in
// no particular order once it is wide.
func (h Hash) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if h.b == nil {
			return
		}
		h.b.names.each(0, func(_ uint64, e *block) bool {
			return !h.shows(e) || yield(e.name(), e.field())
		})
	}
}

// Scan is View.Scan for fields. A small hash comes whole.
func (h Hash) Scan(cursor uint64, count int, fn func(field, value string)) uint64 {
	show := func(e *block) {
		if h.shows(e) {
			fn(e.name(), e.field())
		}
	}
	switch {
	case h.b == nil:
		return 0
	case h.b.wide:
		return scanNames(&h.b.names, cursor, count, show)
	}
	h.b.names.each(0, func(_ uint64, e *block) bool { show(e); return true })
	return 0
}

// Wide reports whether Redis would keep the hash in a hash table.
func (h Hash) Wide() bool { return h.b != nil && h.b.wide }

// SetFields sets fields of a hash, names and values in turn, with a deadline; 0
// is none. It returns how many fields are new.
func (d *Draft) SetFields(key []byte, at int64, pairs [][]byte) (added int, err error) {
	if err := d.fitsAll(key, pairs); err != nil {
		return 0, err
	}
	b, err := d.fresh(key, HashType)
	if err != nil {
		return 0, err
	}
	before := Hash{b, d.now}.Len() // a field that has expired counts as new
	op := &journal.HashSet{DB: d.db, Key: string(key), At: at, Pairs: copies(pairs)}
	if err := d.emit(op); err != nil {
		return 0, err
	}
	return Hash{made(op), d.now}.Len() - before, nil
}

// RemoveFields removes fields of a hash and returns how many were there.
func (d *Draft) RemoveFields(key []byte, fields [][]byte) (int, error) {
	h, err := d.Hash(key)
	if err != nil || h.b == nil {
		return 0, err
	}
	gone := removal(h.b, fields, h.shows)
	switch len(gone) {
	case 0:
		return 0, nil
	case h.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return len(gone), d.emit(&journal.HashRemove{DB: d.db, Key: string(key), Fields: gone})
}

// ExpireFields gives fields of a hash, which must be there, another deadline; 0
// takes it away. A deadline that has passed removes them.
func (d *Draft) ExpireFields(key []byte, at int64, fields [][]byte) error {
	if at != 0 && at <= d.now {
		_, err := d.RemoveFields(key, fields)
		return err
	}
	return d.emit(&journal.HashExpire{DB: d.db, Key: string(key), At: at, Fields: copies(fields)})
}

// sweepFields removes up to most expired fields of a hash and returns how many.
func (d *Draft) sweepFields(n journal.DB, key string, most int) (int, error) {
	r, ok := d.overlay.get(n, key)
	if !ok || r.typ != HashType {
		return 0, nil
	}
	var gone []string
	r.body.ranks.each(0, func(at uint64, e *block) bool {
		if int64(at) > d.now || len(gone) == most {
			return false
		}
		gone = append(gone, e.name())
		return true
	})
	if len(gone) == 0 {
		return 0, nil
	}
	var op journal.Op = &journal.HashRemove{DB: n, Key: key, Fields: gone}
	all := len(gone) == r.body.names.len()
	if all {
		op = &journal.KeyDelete{DB: n, Key: key}
	}
	if err := d.emit(op); err != nil {
		return 0, err
	}
	d.Select(n)
	d.Notify(HashEvent, "hexpired", []byte(key))
	if all {
		d.Notify(GenericEvent, "del", []byte(key))
	}
	return len(gone), nil
}
