package replay

import (
	"fmt"

	"ledge/journal"
	"ledge/replay/value"
)

// alter applies an effect to the collection that its key holds, a new one if there
// is none. A body that a draft has made is put in place, so that Apply need not do
// the same again.
func alter(s store, op journal.Op, made value.Body) error {
	db, key := journal.KeyOf(op)
	if err := checkDB(s, db); err != nil {
		return err
	}
	b, err := s.edit(db, key, journal.Gives(op), made)
	if b == nil || err != nil {
		return err
	}
	if err := b.Apply(s.pen(), op); err != nil {
		return fmt.Errorf("%s %.64q: %w", b.Type(), key, err)
	}
	s.leave(db, key)
	return nil
}

// wrongBody says that an effect is for another type than the key holds.
func wrongBody(r value.Record, typ value.Type, key string) error {
	return fmt.Errorf("effect on a %s; %.64q is a %s", typ, key, r.Type)
}

// edit returns the body of that type that key holds in the overlay, for
// changing, and notes it as what the draft makes for the effect.
func (o *overlay) edit(n journal.DB, key string, typ value.Type, _ value.Body) (value.Body, error) {
	r, ok := o.get(n, key)
	switch {
	case ok && r.Type != typ:
		return nil, wrongBody(r, typ, key)
	case !ok:
		r = value.Record{Type: typ, Body: value.NewBody(typ, &o.ink, false)}
		o.put(n, key, r, nil)
	case !r.Body.Mine(&o.ink):
		r.Body = r.Body.Own(&o.ink)
		o.put(n, key, r, nil)
	}
	r.Body.Begin(&o.ink)
	o.made = r.Body
	return r.Body, nil
}

// leave is told that what edit gave has been changed. A draft deletes a key
// instead of emptying it, so there is nothing to see to.
func (o *overlay) leave(journal.DB, string) {}

func (o *overlay) pen() *value.Pen { return &o.ink }

// opened is the collection that Apply is changing in place.
type opened struct {
	block  *value.Block // nil if it is not in place yet
	rec    value.Record
	digest journal.Digest // of the block before
	soon   int64          // its first deadline of a field before
}

// edit is overlay.edit for the tables. When a draft has made the body, that is put
// in place and there is nothing to change.
//
// A pipeline may well change one collection hundreds of times in a row, and all those
// effects have one body. The first of them has put it in place. It is there yet: a
// draft goes on with a body only where it finds it, and makes another if it does not.
func (t *tables) edit(n journal.DB, key string, typ value.Type, made value.Body) (value.Body, error) {
	if made != nil && made == t.placed {
		return nil, nil
	}
	db, hash := t.s.dbs[n], value.Sum(key)
	at := db.dict.get(key, hash)
	r := value.Record{Type: typ}
	if at != nil {
		if r = value.RecordOf(at); r.Type != typ {
			return nil, wrongBody(r, typ, key)
		}
	}
	if made != nil {
		if r.Body != made {
			r.Body = made
			t.put(n, key, r, nil)
		}
		t.placed = made
		return nil, nil
	}
	t.open = opened{rec: r}
	switch {
	case at == nil:
		t.open.rec.Body = value.NewBody(typ, &t.ink, false)
	case r.Body.Mine(&t.ink):
		t.open.block, t.open.digest, t.open.soon = at, value.BlockDigest(at, hash), r.Body.Soonest()
	default:
		t.open.rec.Body = r.Body.Own(&t.ink)
	}
	return t.open.rec.Body, nil
}

// leave puts in place what edit gave.
func (t *tables) leave(n journal.DB, key string) {
	o := t.open
	t.open = opened{}
	if o.block == nil {
		if o.rec.Body.Len() > 0 {
			t.put(n, key, o.rec, nil)
		} else {
			t.del(n, key)
		}
		return
	}
	db := t.s.dbs[n]
	t.sum(db, key, 0, value.BlockDigest(o.block, value.Sum(key))-o.digest)
	if soon := o.rec.Body.Soonest(); soon != o.soon {
		db.timeFields(o.soon, soon, o.block.Name())
	}
	t.s.watches.Touch(n, key, true)
	if o.rec.Body.Len() == 0 {
		t.del(n, key)
	}
}

func (t *tables) pen() *value.Pen { return &t.ink }

// fresh begins a collection's effect in a draft: it returns what key holds, nil
// if it is not there. What has expired under the key is deleted first; a key of
// another type is refused.
func (d *Draft) fresh(key []byte, typ value.Type) (value.Body, error) {
	r, ok := d.rawIn(d.db, key)
	switch {
	case !ok:
		return nil, nil
	case r.Expired(d.now):
		return nil, d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	case r.Type != typ:
		return nil, value.ErrWrongType
	}
	return r.Body, nil
}

// bodyOf returns what key holds if it is of a type, nil if it is not there.
func (v *View) bodyOf(key []byte, typ value.Type) (value.Body, error) {
	r, ok := v.lookup(key)
	if ok && r.Type != typ {
		return nil, value.ErrWrongType
	}
	return r.Body, nil
}

// fitsAll refuses elements of which one is too long.
func (d *Draft) fitsAll(key []byte, elems [][]byte) error {
	for _, e := range elems {
		if err := d.fits(len(key), len(e)); err != nil {
			return err
		}
	}
	return nil
}
