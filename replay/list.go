package replay

import (
	"fmt"
	"iter"

	"ledge/journal"
)

func applyListPush(s store, o *journal.ListPush) error {
	return alter(s, o.DB, o.Key, ListType, o, func(b *body, p *pen) error {
		if b.fills(len(o.Items)) {
			b.fillItems(p, o.Items, o.Left)
			return nil
		}
		for _, item := range o.Items {
			at := b.names.len()
			if o.Left {
				at = 0
			}
			b.insertItem(p, at, newElem(item, ""))
		}
		return nil
	})
}

func applyListRemove(s store, o *journal.ListRemove) error {
	return alter(s, o.DB, o.Key, ListType, o, func(b *body, p *pen) error {
		if n := uint64(b.len()); o.First > n || o.Count > n-o.First || o.Count == 0 {
			return fmt.Errorf("%d items from %d on of %d", o.Count, o.First, n)
		}
		b.removeItems(p, int(o.First), int(o.Count))
		return nil
	})
}

func applyListSet(s store, o *journal.ListSet) error {
	return alter(s, o.DB, o.Key, ListType, o, func(b *body, p *pen) error {
		if o.Index >= uint64(b.len()) {
			return fmt.Errorf("item %d of %d", o.Index, b.len())
		}
		b.setItem(p, int(o.Index), newElem(o.Item, ""))
		return nil
	})
}

func applyListInsert(s store, o *journal.ListInsert) error {
	return alter(s, o.DB, o.Key, ListType, o, func(b *body, p *pen) error {
		if o.Index > uint64(b.len()) {
			return fmt.Errorf("item %d of %d", o.Index, b.len())
		}
		b.insertItem(p, int(o.Index), newElem(o.Item, ""))
		return nil
	})
}

// List is a list at one moment. It stays good after the view has ended. The
// zero List is empty.
type List struct{ b *body }

// List returns what key holds. A key that is not there is empty.
func (v *View) List(key []byte) (List, error) {
	b, err := v.bodyOf(key, ListType)
	return List{b}, err
}

// Len returns the number of items.
func (l List) Len() int { return l.b.len() }

// At returns the i-th item.
func (l List) At(i int) string {
	_, e := l.b.names.at(i)
	return e.name()
}

// From yields items towards the end, from the i-th on.
func (l List) From(i int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if l.b != nil {
			l.b.names.each(i, func(_ uint64, e *block) bool { return yield(e.name()) })
		}
	}
}

// Down yields items towards the first, from the i-th on.
func (l List) Down(i int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if l.b != nil {
			l.b.names.back(i, func(_ uint64, e *block) bool { return yield(e.name()) })
		}
	}
}

// Push adds items to an end of a list, one after the other, and returns its
// length.
func (d *Draft) Push(key []byte, left bool, items [][]byte) (int, error) {
	if err := d.fitsAll(key, items); err != nil {
		return 0, err
	}
	if _, err := d.fresh(key, ListType); err != nil {
		return 0, err
	}
	op := &journal.ListPush{DB: d.db, Key: string(key), Left: left, Items: copies(items)}
	if err := d.emit(op); err != nil {
		return 0, err
	}
	return made(op).len(), nil
}

// RemoveItems takes count items out of a list, which must be there, from the
// first on.
func (d *Draft) RemoveItems(key []byte, first, count int) error {
	l, err := d.List(key)
	switch {
	case err != nil || count == 0:
		return err
	case count == l.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return d.emit(&journal.ListRemove{DB: d.db, Key: string(key),
		First: uint64(first), Count: uint64(count)})
}

// SetItem replaces the i-th item of a list, which must be there.
func (d *Draft) SetItem(key []byte, i int, item []byte) error {
	if err := d.fits(len(key), len(item)); err != nil {
		return err
	}
	return d.emit(&journal.ListSet{DB: d.db, Key: string(key), Index: uint64(i), Item: string(item)})
}

// InsertItem puts an item into a list, which must be there, in front of the
// i-th.
func (d *Draft) InsertItem(key []byte, i int, item []byte) error {
	if err := d.fits(len(key), len(item)); err != nil {
		return err
	}
	return d.emit(&journal.ListInsert{DB: d.db, Key: string(key), Index: uint64(i), Item: string(item)})
}
