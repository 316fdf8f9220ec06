package replay

import (
	"maps"
	"sort"

	"ledge/journal"
)

// overlay is the store that a draft writes to: what a group of commands has
// changed so far, over a still view of the trees. It remembers how to take
// each change back, so that a command that fails half-way leaves nothing.
type overlay struct {
	base *View
	dbs  []*layer
	undo []undo
}

// layer is one database of an overlay.
type layer struct {
	base    journal.DB // the database of the trees that shines through
	rows    map[string]covered
	cleared []slotRange // where nothing shines through
}

// covered is a key that the overlay has changed.
type covered struct {
	rec  record
	live bool
}

// slotRange is a range of slots, both ends included.
type slotRange struct{ first, last uint16 }

// undo takes one change back. Exactly one of its three forms is filled.
type undo struct {
	db   journal.DB
	key  string // put and del: the key, and what covered it before
	old  covered
	had  bool
	full *layer // clear: the layer as it was
	with int    // swap: the other database plus one
}

func newOverlay(base *View) *overlay {
	o := &overlay{base: base, dbs: make([]*layer, base.s.Databases())}
	for i := range o.dbs {
		o.dbs[i] = &layer{base: journal.DB(i)}
	}
	return o
}

// keepRows is how many changed keys, and changes, an empty overlay keeps room
// for.
const keepRows = 4096

// empty drops everything but some room for the next group: growing a map anew
// for each cost as much as the look-ups in it.
func (o *overlay) empty() {
	o.base = nil
	for i, l := range o.dbs {
		rows := l.rows
		if len(rows) > keepRows {
			rows = nil
		}
		clear(rows)
		*l = layer{base: journal.DB(i), rows: rows}
	}
	if cap(o.undo) > keepRows {
		o.undo = nil
	}
	clear(o.undo)
	o.undo = o.undo[:0]
}

func (o *overlay) databases() int { return len(o.dbs) }

// get reads through the overlay. The key is not kept.
func (o *overlay) get(n journal.DB, key string) (record, bool) {
	l := o.dbs[n]
	if c, ok := l.rows[key]; ok {
		return c.rec, c.live
	}
	if len(l.cleared) > 0 && l.hidden(Slot(key)) {
		return record{}, false
	}
	return o.base.raw(l.base, key)
}

// hidden reports whether a slot has been cleared.
func (l *layer) hidden(slot uint16) bool {
	for _, r := range l.cleared {
		if r.first <= slot && slot <= r.last {
			return true
		}
	}
	return false
}

func (o *overlay) put(n journal.DB, key string, r record) { o.cover(n, key, covered{r, true}) }

func (o *overlay) del(n journal.DB, key string) { o.cover(n, key, covered{}) }

func (o *overlay) cover(n journal.DB, key string, c covered) {
	l := o.dbs[n]
	if l.rows == nil {
		l.rows = make(map[string]covered)
	}
	old, had := l.rows[key]
	o.undo = append(o.undo, undo{db: n, key: key, old: old, had: had})
	l.rows[key] = c
}

func (o *overlay) clear(n journal.DB, first, last uint16) error {
	l := o.dbs[n]
	saved := &layer{base: l.base, rows: l.rows, cleared: l.cleared}
	o.undo = append(o.undo, undo{db: n, full: saved})
	if first == 0 && last == journal.MaxSlot {
		l.cleared = nil // the other ranges are part of this one
	}
	l.cleared = append(l.cleared[:len(l.cleared):len(l.cleared)], slotRange{first, last})
	l.rows = maps.Clone(l.rows)
	for key := range l.rows {
		if s := Slot(key); first <= s && s <= last {
			l.rows[key] = covered{}
		}
	}
	return nil
}

func (o *overlay) swap(a, b journal.DB) {
	o.dbs[a], o.dbs[b] = o.dbs[b], o.dbs[a]
	o.undo = append(o.undo, undo{db: a, with: int(b) + 1})
}

// mark returns a point that revert goes back to.
func (o *overlay) mark() int { return len(o.undo) }

// revert takes back everything since mark.
func (o *overlay) revert(mark int) {
	for len(o.undo) > mark {
		u := o.undo[len(o.undo)-1]
		o.undo[len(o.undo)-1] = undo{} // it would hold on to a value
		o.undo = o.undo[:len(o.undo)-1]
		switch {
		case u.full != nil:
			*o.dbs[u.db] = *u.full
		case u.with > 0:
			b := journal.DB(u.with - 1)
			o.dbs[u.db], o.dbs[b] = o.dbs[b], o.dbs[u.db]
		case u.had:
			o.dbs[u.db].rows[u.key] = u.old
		default:
			delete(o.dbs[u.db].rows, u.key)
		}
	}
}

// touches reports whether the overlay has changed a key, in the sense of
// WATCH: written, or removed with its database or by exchanging databases.
func (o *overlay) touches(n journal.DB, key string) bool {
	l := o.dbs[n]
	if _, ok := l.rows[key]; ok {
		return true
	}
	there := func(db journal.DB) bool { _, ok := o.base.raw(db, key); return ok }
	if l.base != n {
		return there(n) || there(l.base)
	}
	return len(l.cleared) > 0 && l.hidden(Slot(key)) && there(n)
}

// size returns how many keys a database has in the overlay's eyes.
func (o *overlay) size(n journal.DB) int {
	l := o.dbs[n]
	count := o.base.s.dbs[l.base].dict.n
	for i := range l.cleared {
		count -= o.base.countCleared(l, i)
	}
	for key, c := range l.rows {
		_, under := o.base.raw(l.base, key)
		under = under && !l.hidden(Slot(key))
		switch {
		case c.live && !under:
			count++
		case !c.live && under:
			count--
		}
	}
	return max(count, 0)
}

// sorted returns the row keys of a database's live covered keys that are not
// below pivot, in order, each with its record.
func (o *overlay) sorted(n journal.DB, pivot string) []coveredRow {
	var rows []coveredRow
	for key, c := range o.dbs[n].rows {
		if !c.live {
			continue
		}
		if k, _ := appendRowKey(nil, key); string(k) >= pivot {
			rows = append(rows, coveredRow{string(k), c.rec})
		}
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].k < rows[j].k })
	return rows
}

// coveredRow is a live row of an overlay.
type coveredRow struct {
	k   string
	rec record
}
