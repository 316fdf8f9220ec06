package replay

import (
	"iter"

	"ledge/journal"
)

func applySetAdd(s store, o *journal.SetAdd) error {
	return alter(s, o.DB, o.Key, SetType, o, func(b *body, p *pen) error {
		if b.fills(len(o.Members)) {
			b.fillMembers(p, o.Members)
			return nil
		}
		for _, m := range o.Members {
			b.put(p, newElem(m, ""), 0)
		}
		return nil
	})
}

func applySetRemove(s store, o *journal.SetRemove) error {
	return alter(s, o.DB, o.Key, SetType, o, func(b *body, p *pen) error {
		return b.deleteAll(p, o.Members)
	})
}

// Set is a set at one moment. It stays good after the view has ended. The zero
// Set is empty.
type Set struct{ b *body }

// Set returns what key holds. A key that is not there is empty.
func (v *View) Set(key []byte) (Set, error) {
	b, err := v.bodyOf(key, SetType)
	return Set{b}, err
}

// Len returns the number of members.
func (s Set) Len() int { return s.b.len() }

// Has reports whether a member is there.
func (s Set) Has(member []byte) bool {
	_, e := s.b.find(unsafeString(member), keyHash(unsafeString(member)))
	return e != nil
}

// HasName is Has for a name that another collection gave.
func (s Set) HasName(member string) bool {
	_, e := s.b.find(member, keyHash(member))
	return e != nil
}

// At returns the i-th member, in no particular order.
func (s Set) At(i int) string {
	_, e := s.b.names.at(i)
	return e.name()
}

// All yields the members in no particular order.
func (s Set) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		if s.b != nil {
			s.b.names.each(0, func(_ uint64, e *block) bool { return yield(e.name()) })
		}
	}
}

// Scan is View.Scan for members.
func (s Set) Scan(cursor uint64, count int, fn func(member string)) uint64 {
	if s.b == nil {
		return 0
	}
	return scanNames(&s.b.names, cursor, count, func(e *block) { fn(e.name()) })
}

// Wide reports whether Redis would keep the set in a hash table rather than as
// sorted integers.
func (s Set) Wide() bool { return s.b != nil && s.b.wide }

// AddMembers adds members to a set and returns how many are new. It writes
// nothing when none is.
func (d *Draft) AddMembers(key []byte, members [][]byte) (int, error) {
	if err := d.fitsAll(key, members); err != nil {
		return 0, err
	}
	b, err := d.fresh(key, SetType)
	if err != nil {
		return 0, err
	}
	s := Set{b}
	fresh := members[:0:0]
	for i, m := range members {
		if s.Has(m) {
			continue
		}
		if len(members) == 1 {
			fresh = members[i:]
			break
		}
		fresh = append(fresh, m)
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	before := s.Len()
	op := &journal.SetAdd{DB: d.db, Key: string(key), Members: copies(fresh)}
	if err := d.emit(op); err != nil {
		return 0, err
	}
	return made(op).len() - before, nil
}

// RemoveMembers removes members of a set and returns how many were there.
func (d *Draft) RemoveMembers(key []byte, members [][]byte) (int, error) {
	s, err := d.Set(key)
	if err != nil || s.b == nil {
		return 0, err
	}
	gone := removal(s.b, members, anyElem)
	switch len(gone) {
	case 0:
		return 0, nil
	case s.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return len(gone), d.emit(&journal.SetRemove{DB: d.db, Key: string(key), Members: gone})
}

// DropMembers removes members that a Set of the draft's has given, each once.
func (d *Draft) DropMembers(key []byte, members []string) error {
	s, err := d.Set(key)
	switch {
	case err != nil || len(members) == 0:
		return err
	case len(members) == s.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return d.emit(&journal.SetRemove{DB: d.db, Key: string(key), Members: members})
}

// ReplaceSet makes key a set of these members, each named once, whatever it
// was; with none it deletes the key. The names are kept.
func (d *Draft) ReplaceSet(key []byte, members []string) error {
	for _, m := range members {
		if err := d.fits(len(key), len(m)); err != nil {
			return err
		}
	}
	if _, err := d.Delete(key); err != nil || len(members) == 0 {
		return err
	}
	if _, err := d.fresh(key, SetType); err != nil {
		return err
	}
	return d.emit(&journal.SetAdd{DB: d.db, Key: string(key), Members: members})
}
