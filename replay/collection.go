package replay

import (
	"fmt"
	"slices"

	"ledge/journal"
)

// keepsake is an effect with which a draft has left the body that it made.
type keepsake interface {
	Keep(x any)
	Kept() any
}

// alter applies an effect on a collection: do changes the body that key holds,
// a new one if there is none. The body that a draft has made is left with the
// effect, so that Apply puts it in place and need not do the same again.
func alter(s store, db journal.DB, key string, typ Type, k keepsake, do func(*body, *pen) error) error {
	if err := checkDB(s, db); err != nil {
		return err
	}
	b, err := s.edit(db, key, typ, k)
	if b == nil || err != nil {
		return err
	}
	if err := do(b, s.pen()); err != nil {
		return fmt.Errorf("%s %.64q: %w", typ, key, err)
	}
	s.leave(db, key)
	return nil
}

// wrongBody says that an effect is for another type than the key holds.
func wrongBody(r record, typ Type, key string) error {
	return fmt.Errorf("effect on a %s; %.64q is a %s", typ, key, r.typ)
}

// edit returns the body of that type that key holds in the overlay, for
// changing, and leaves it with k.
func (o *overlay) edit(n journal.DB, key string, typ Type, k keepsake) (*body, error) {
	r, ok := o.get(n, key)
	switch {
	case ok && r.typ != typ:
		return nil, wrongBody(r, typ, key)
	case !ok:
		r = record{typ: typ, body: newBody(typ, o.ink.gen)}
		o.put(n, key, r, nil)
	default:
		if b := r.body.own(&o.ink); b != r.body {
			r.body = b
			o.put(n, key, r, nil)
		}
	}
	r.body.begin(&o.ink)
	k.Keep(r.body)
	return r.body, nil
}

// leave is told that what edit gave has been changed. A draft deletes a key
// instead of emptying it, so there is nothing to see to.
func (o *overlay) leave(journal.DB, string) {}

func (o *overlay) pen() *pen { return &o.ink }

// opened is the collection that Apply is changing in place.
type opened struct {
	block  *block // nil if it is not in place yet
	rec    record
	digest journal.Digest // of the block before
	soon   int64          // its first deadline of a field before
}

// edit is overlay.edit for the tables. When a draft has left the body with k,
// that is put in place and there is nothing to change.
func (t *tables) edit(n journal.DB, key string, typ Type, k keepsake) (*body, error) {
	db, hash := t.s.dbs[n], keyHash(key)
	at := db.dict.get(key, hash)
	r := record{typ: typ}
	if at != nil {
		if r = at.record(); r.typ != typ {
			return nil, wrongBody(r, typ, key)
		}
	}
	if b, ok := k.Kept().(*body); ok {
		if r.body != b {
			r.body = b
			t.put(n, key, r, nil)
		}
		return nil, nil
	}
	t.open = opened{rec: r}
	switch {
	case at == nil:
		t.open.rec.body = newBody(typ, t.ink.gen)
	case r.body.gen == t.ink.gen:
		t.open.block, t.open.digest, t.open.soon = at, at.digest(hash), r.body.soonest()
	default:
		t.open.rec.body = r.body.own(&t.ink)
	}
	return t.open.rec.body, nil
}

// leave puts in place what edit gave.
func (t *tables) leave(n journal.DB, key string) {
	o := t.open
	t.open = opened{}
	if o.block == nil {
		if o.rec.body.len() > 0 {
			t.put(n, key, o.rec, nil)
		} else {
			t.del(n, key)
		}
		return
	}
	db := t.s.dbs[n]
	db.digest += o.block.digest(keyHash(key)) - o.digest
	if soon := o.rec.body.soonest(); soon != o.soon {
		db.fields.exchange(o.soon, soon, o.block.name())
	}
	t.s.watches.touch(n, key, true)
	if o.rec.body.len() == 0 {
		t.del(n, key)
	}
}

func (t *tables) pen() *pen { return &t.ink }

// fresh begins a collection's effect in a draft: it returns what key holds, nil
// if it is not there. What has expired under the key is deleted first; a key of
// another type is refused.
func (d *Draft) fresh(key []byte, typ Type) (*body, error) {
	r, ok := d.rawIn(d.db, key)
	switch {
	case !ok:
		return nil, nil
	case r.expired(d.now):
		return nil, d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	case r.typ != typ:
		return nil, ErrWrongType
	}
	return r.body, nil
}

// made returns the body that an effect was left with.
func made(k keepsake) *body {
	b, _ := k.Kept().(*body)
	return b
}

// bodyOf returns what key holds if it is of a type, nil if it is not there.
func (v *View) bodyOf(key []byte, typ Type) (*body, error) {
	r, ok := v.lookup(key)
	if ok && r.typ != typ {
		return nil, ErrWrongType
	}
	return r.body, nil
}

// removal returns the names among those given that a body has, each once, as
// strings of their own.
func removal(b *body, given [][]byte, has func(*block) bool) []string {
	var found []string
	for _, name := range given {
		_, e := b.find(unsafeString(name), keyHash(unsafeString(name)))
		if e != nil && has(e) && (len(given) == 1 || !slices.Contains(found, e.name())) {
			found = append(found, e.name())
		}
		if len(found) > manyNames {
			return distinct(b, given, has)
		}
	}
	return found
}

// manyNames is from how many names on a map finds doubles faster.
const manyNames = 32

// distinct is removal for many names.
func distinct(b *body, given [][]byte, has func(*block) bool) []string {
	var found []string
	seen := make(map[*block]struct{}, len(given))
	for _, name := range given {
		_, e := b.find(unsafeString(name), keyHash(unsafeString(name)))
		if e == nil || !has(e) {
			continue
		}
		if _, twice := seen[e]; !twice {
			seen[e] = struct{}{}
			found = append(found, e.name())
		}
	}
	return found
}

func anyElem(*block) bool { return true }

// copies copies arguments into strings that share one allocation.
func copies(args [][]byte) []string {
	n := 0
	for _, a := range args {
		n += len(a)
	}
	joint := make([]byte, 0, n)
	out := make([]string, len(args))
	for i, a := range args {
		at := len(joint)
		joint = append(joint, a...)
		out[i] = unsafeString(joint[at:])
	}
	return out
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

// cursorOf returns a position among names for a scan's cursor, and the hash that
// a cursor stands for. 0 is the begin and the end.
func cursorOf(hash uint64) uint64 { return hash >> (64 - cursorBits) }

// scanNames calls fn with at least count elements from cursor on, in the order
// of their hashes, and returns where to go on, 0 at the end. Elements that are
// there from the first call to the last are seen whatever is written between.
func scanNames(t *tree, cursor uint64, count int, fn func(*block)) (next uint64) {
	seen, last := 0, cursor
	from := t.search(cursor<<(64-cursorBits), "", beforeEqual)
	t.each(from, func(key uint64, e *block) bool {
		at := cursorOf(key)
		if seen >= count && at != last {
			next = at
			return false
		}
		seen, last = seen+1, at
		fn(e)
		return true
	})
	return next
}
