package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// List returns what key holds. A key that is not there is empty.
func (v *View) List(key []byte) (value.List, error) {
	b, err := v.bodyOf(key, value.ListType)
	return value.ListOf(b), err
}

// Push adds items to an end of a list, one after the other, and returns its
// length.
func (d *Draft) Push(key []byte, left bool, items [][]byte) (int, error) {
	if err := d.fitsAll(key, items); err != nil {
		return 0, err
	}
	if _, err := d.fresh(key, value.ListType); err != nil {
		return 0, err
	}
	push := new(struct {
		op   journal.ListPush
		room [1]string
	})
	push.op.DB, push.op.Left = d.db, left
	push.op.Key, push.op.Items = d.text.copies(push.room[:0], key, items)
	if err := d.emit(&push.op); err != nil {
		return 0, err
	}
	return d.overlay.made.Len(), nil
}

// RemoveItems takes count items out of a list, which must be there, from the
// first on.
func (d *Draft) RemoveItems(key []byte, first, count int) error {
	l, err := d.List(key)
	switch {
	case err != nil || count == 0:
		return err
	case count == l.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return d.emit(&journal.ListRemove{DB: d.db, Key: d.text.copyOf(key),
		First: uint64(first), Count: uint64(count)})
}

// SetItem replaces the i-th item of a list, which must be there.
func (d *Draft) SetItem(key []byte, i int, item []byte) error {
	if err := d.fits(len(key), len(item)); err != nil {
		return err
	}
	return d.emit(&journal.ListSet{DB: d.db, Key: d.text.copyOf(key), Index: uint64(i), Item: d.text.copyOf(item)})
}

// InsertItem puts an item into a list, which must be there, before the
// i-th.
func (d *Draft) InsertItem(key []byte, i int, item []byte) error {
	if err := d.fits(len(key), len(item)); err != nil {
		return err
	}
	return d.emit(&journal.ListInsert{DB: d.db, Key: d.text.copyOf(key), Index: uint64(i), Item: d.text.copyOf(item)})
}
