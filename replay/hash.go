package replay

import (
	"ledge/journal"
	"ledge/replay/events"
	"ledge/replay/value"
)

// Hash returns what key holds. A key that is not there is empty.
func (v *View) Hash(key []byte) (value.Hash, error) {
	b, err := v.bodyOf(key, value.HashType)
	return value.HashOf(b, v.now), err
}

// SetFields sets fields of a hash, names and values in turn, with a deadline; 0
// is none. It returns how many fields are new.
func (d *Draft) SetFields(key []byte, at int64, pairs [][]byte) (added int, err error) {
	if err := d.fitsAll(key, pairs); err != nil {
		return 0, err
	}
	b, err := d.fresh(key, value.HashType)
	if err != nil {
		return 0, err
	}
	before := value.HashOf(b, d.now).Len() // a field that has expired counts as new
	set := new(struct {
		op   journal.HashSet
		room [2]string
	})
	set.op.DB, set.op.At = d.db, at
	set.op.Key, set.op.Pairs = d.text.copies(set.room[:0], key, pairs)
	if err := d.emit(&set.op); err != nil {
		return 0, err
	}
	return value.HashOf(d.overlay.made, d.now).Len() - before, nil
}

// RemoveFields removes fields of a hash and returns how many were there.
func (d *Draft) RemoveFields(key []byte, fields [][]byte) (int, error) {
	h, err := d.Hash(key)
	if err != nil {
		return 0, err
	}
	gone := h.Present(fields)
	switch len(gone) {
	case 0:
		return 0, nil
	case h.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return len(gone), d.emit(&journal.HashRemove{DB: d.db, Key: d.text.copyOf(key), Fields: gone})
}

// ExpireFields gives fields of a hash, which must be there, another deadline; 0
// takes it away. A deadline that has passed removes them.
func (d *Draft) ExpireFields(key []byte, at int64, fields [][]byte) error {
	if at != 0 && at <= d.now {
		_, err := d.RemoveFields(key, fields)
		return err
	}
	op := &journal.HashExpire{DB: d.db, At: at}
	op.Key, op.Fields = d.text.copies(nil, key, fields)
	return d.emit(op)
}

// sweepFields removes up to most expired fields of a hash and returns how many.
func (d *Draft) sweepFields(n journal.DB, key string, most int) (int, error) {
	r, ok := d.overlay.get(n, key)
	if !ok || r.Type != value.HashType {
		return 0, nil
	}
	gone, all := value.HashOf(r.Body, d.now).Expired(most)
	if len(gone) == 0 {
		return 0, nil
	}
	var op journal.Op = &journal.HashRemove{DB: n, Key: key, Fields: gone}
	if all {
		op = &journal.KeyDelete{DB: n, Key: key}
	}
	if err := d.emit(op); err != nil {
		return 0, err
	}
	d.Select(n)
	d.Notify(events.Hash, "hexpired", []byte(key))
	if all {
		d.Notify(events.Generic, "del", []byte(key))
	}
	return len(gone), nil
}
