package catalog

import (
	"maps"
	"slices"
	"strings"
)

// Overlay has changes over a catalog, in order. They are seen through the Overlay
// and nowhere else, and taken back by cutting them short. There are few: a look-up
// goes over all of them. The catalog must not change meanwhile.
type Overlay struct {
	base  Reader
	edits []edit
}

// edit is one change. The key of one that clears a table is of no meaning.
type edit struct {
	t        *Table
	what     verb
	key, val string
	version  Version // of the table, with this change
}

type verb uint8

const (
	set verb = iota
	remove
	clearAll
)

// Begin drops all changes and lays the overlay over base.
func (o *Overlay) Begin(base Reader) {
	clear(o.edits)
	o.base, o.edits = base, o.edits[:0]
}

// Mark returns the point that the overlay has come to.
func (o *Overlay) Mark() int { return len(o.edits) }

// Revert takes back all changes since a mark.
func (o *Overlay) Revert(mark int) {
	clear(o.edits[mark:])
	o.edits = o.edits[:mark]
}

// Set makes val the value of a row.
func (o *Overlay) Set(t *Table, key, val string) error {
	o.edits = append(o.edits, edit{t, set, key, val, newVersion()})
	return nil
}

// Delete removes a row.
func (o *Overlay) Delete(t *Table, key string) error {
	if _, ok := o.Get(t, key); ok {
		o.edits = append(o.edits, edit{t, remove, key, "", newVersion()})
	}
	return nil
}

// Clear removes all rows.
func (o *Overlay) Clear(t *Table) error {
	o.edits = append(o.edits, edit{t, clearAll, "", "", newVersion()})
	return nil
}

// Get returns the value of a row.
func (o *Overlay) Get(t *Table, key string) (string, bool) {
	for _, e := range slices.Backward(o.edits) {
		if e.t == t && (e.key == key || e.what == clearAll) {
			return e.val, e.what == set
		}
	}
	return o.base.Get(t, key)
}

// Version returns the table's version.
func (o *Overlay) Version(t *Table) Version {
	for _, e := range slices.Backward(o.edits) {
		if e.t == t {
			return e.version
		}
	}
	return o.base.Version(t)
}

// Each calls fn with rows in order; see Reader.
func (o *Overlay) Each(t *Table, index string, fn func(key, val string) bool) {
	if o.Version(t) == o.base.Version(t) {
		o.base.Each(t, index, fn)
		return
	}
	rows := o.rows(t)
	keys := slices.Sorted(maps.Keys(rows))
	if index != "" {
		less := t.Indexes[index]
		slices.SortStableFunc(keys, func(a, b string) int { // equal ones by key, as in a catalog
			switch {
			case less(rows[a], rows[b]):
				return -1
			case less(rows[b], rows[a]):
				return 1
			}
			return strings.Compare(a, b)
		})
	}
	for _, key := range keys {
		if !fn(key, rows[key]) {
			return
		}
	}
}

// rows returns what a table holds.
func (o *Overlay) rows(t *Table) map[string]string {
	rows := make(map[string]string)
	o.base.Each(t, "", func(key, val string) bool {
		rows[key] = val
		return true
	})
	for _, e := range o.edits {
		switch {
		case e.t != t:
		case e.what == set:
			rows[e.key] = e.val
		case e.what == remove:
			delete(rows, e.key)
		default:
			clear(rows)
		}
	}
	return rows
}
