package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// Set returns what key holds. A key that is not there is empty.
func (v *View) Set(key []byte) (value.Set, error) {
	b, err := v.bodyOf(key, value.SetType)
	return value.SetOf(b), err
}

// AddMembers adds members to a set and returns how many are new. It writes
// nothing when none is.
func (d *Draft) AddMembers(key []byte, members [][]byte) (int, error) {
	if err := d.fitsAll(key, members); err != nil {
		return 0, err
	}
	b, err := d.fresh(key, value.SetType)
	if err != nil {
		return 0, err
	}
	s := value.SetOf(b)
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
	add := new(struct {
		op   journal.SetAdd
		room [1]string
	})
	add.op.DB = d.db
	add.op.Key, add.op.Members = d.text.copies(add.room[:0], key, fresh)
	if err := d.emit(&add.op); err != nil {
		return 0, err
	}
	return d.overlay.made.Len() - before, nil
}

// RemoveMembers removes members of a set and returns how many were there.
func (d *Draft) RemoveMembers(key []byte, members [][]byte) (int, error) {
	s, err := d.Set(key)
	if err != nil {
		return 0, err
	}
	gone := s.Present(members)
	switch len(gone) {
	case 0:
		return 0, nil
	case s.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return len(gone), d.emit(&journal.SetRemove{DB: d.db, Key: d.text.copyOf(key), Members: gone})
}

// DropMembers removes members that a Set of the draft's has given, each once.
func (d *Draft) DropMembers(key []byte, members []string) error {
	s, err := d.Set(key)
	switch {
	case err != nil || len(members) == 0:
		return err
	case len(members) == s.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return d.emit(&journal.SetRemove{DB: d.db, Key: d.text.copyOf(key), Members: members})
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
	if _, err := d.fresh(key, value.SetType); err != nil {
		return err
	}
	return d.emit(&journal.SetAdd{DB: d.db, Key: d.text.copyOf(key), Members: members})
}
