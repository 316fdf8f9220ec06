package replay

import (
	"fmt"

	"ledge/journal"
	"ledge/replay/value"
)

// applyStringEdit overwrites part of a string; see journal.StringEdit.
func applyStringEdit(s store, o *journal.StringEdit) error {
	if err := checkDB(s, o.DB); err != nil {
		return err
	}
	r, ok := s.get(o.DB, o.Key)
	if ok && r.Type != value.String {
		return fmt.Errorf("edit of a %s as a string: %.64q", r.Type, o.Key)
	}
	r.Type = value.String
	r.Val = splice(r.Val, o.Offset, o.Data)
	s.put(o.DB, o.Key, r, nil)
	return nil
}

// splice returns s with data written over it at off, zeros filling a gap.
func splice(s string, off int64, data string) string {
	n := max(len(s), int(off)+len(data))
	b := make([]byte, n)
	copy(b, s)
	copy(b[off:], data)
	return string(b)
}

// GetString returns the string that key holds. A key that is not there is "",
// false; one of another type is value.ErrWrongType.
func (v *View) GetString(key []byte) (string, bool, error) {
	r, ok := v.lookup(key)
	if !ok {
		return "", false, nil
	}
	if r.Type != value.String {
		return "", false, value.ErrWrongType
	}
	return r.Val, true, nil
}

// StringAt is GetString with the key's deadline, 0 for none, for commands that
// write the string anew and must keep it. A key of another type is there too:
// ok is true beside value.ErrWrongType.
func (v *View) StringAt(key []byte) (val string, at int64, ok bool, err error) {
	r, ok := v.lookup(key)
	if ok && r.Type != value.String {
		return "", r.At, true, value.ErrWrongType
	}
	return r.Val, r.At, ok, nil
}

// SetString makes key a string with this value and deadline, whatever it was.
// A deadline of 0 is none.
func (d *Draft) SetString(key, val []byte, at int64) error {
	if err := d.StringFits(key, len(val)); err != nil {
		return err
	}
	op := d.newStringSet()
	b := value.RecordBlock(unsafeString(key), value.Record{Type: value.String, At: at, Val: unsafeString(val)})
	op.DB, op.At = d.db, at
	row := b.Value()
	op.Key, op.Value = b.Name(), row[len(row)-len(val):]
	err := d.emitMade(op, b)
	if err != nil {
		drop(op)
	}
	return err
}

// EditString writes data over key's string at off, filling a gap with zeros,
// and keeps its deadline.
func (d *Draft) EditString(key []byte, off int64, data []byte) error {
	r, ok := d.lookup(key)
	if ok && r.Type != value.String {
		return value.ErrWrongType
	}
	if err := d.fits(len(key), max(len(r.Val), int(off)+len(data))); err != nil {
		return err
	}
	if !ok {
		// An expired row may still stand there; what it held is no longer
		// the value.
		if err := d.StringFits(key, int(off)+len(data)); err != nil {
			return err
		}
		return d.SetString(key, []byte(splice("", off, string(data))), 0)
	}
	if err := d.hold(max(len(r.Val), int(off)+len(data))); err != nil {
		return err
	}
	k, v := pair(key, data)
	return d.emit(&journal.StringEdit{DB: d.db, Key: k, Offset: off, Data: v})
}

// pair copies a key and a value into one string each that share an allocation.
func pair(key, val []byte) (string, string) {
	b := make([]byte, 0, len(key)+len(val))
	b = append(append(b, key...), val...)
	s := unsafeString(b)
	return s[:len(key)], s[len(key):]
}
