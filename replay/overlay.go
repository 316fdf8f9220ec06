package replay

import (
	"hash/maphash"
	"sort"

	"ledge/journal"
	"ledge/replay/catalog"
	"ledge/replay/value"
)

// overlay is the store that a draft writes to: what a group of commands has
// changed so far, over a still view of the trees.
//
// How it is built. rows has every change in the order in which it was made, and
// nothing in it is overwritten. index finds the latest row of a key; each row knows
// the one below it of the same key. Whole databases that are cleared or exchanged
// are moves of layers: a layer is named by the database of the trees that shines
// through it, and says which slots don't. What is in few and ordered tables is the
// catalog's overlay, and inside collections the pen notes what has changed.
//
// So a mark is four lengths, and going back to it is cutting four lists short, the
// last change first. A command that succeeds, as nearly all do, costs nothing for
// having been able to fail. An overlay for each command, folded into the group's
// when it succeeds, was the first design: it copies what each command did.
//
// What has to hold.
//   - A key enters the index after all keys that were covered before it, when it is
//     first covered and when the index grows. So those that are cut off were pushed
//     on by nobody that stays, and their places are simply freed (revert).
//   - Two layers never have the same base: exchanging databases exchanges layers.
//   - A removed key has a row that is not live, since the state may have the key.
//
// Each command of each client goes through here, so it is a table of its own
// and not a map: it is emptied and not freed between groups, and needs no second
// list to take changes back. With a map, and undo records of 120 bytes beside it,
// a fifth of an MSET's time was spent here.
//
// It belongs to its draft. Between groups it holds on to nothing, but for room.
type overlay struct {
	base  *View
	dbs   []*layer
	rows  []cover
	index []int32 // open addressing by hash: the latest of a key in rows, plus one
	moves []move
	ink   value.Pen
	cat   catalog.Overlay
	made  value.Body // what the effect under way has changed, if a collection
	// births is told of every row that is put; its draft is nil if nobody
	// wants to know.
	births births
	began  int // rows when the command under way began
}

// layer is one database of an overlay.
type layer struct {
	base    journal.DB // the database of the trees that shines through
	cleared []span     // where nothing shines through
}

// cover is a key that the overlay has changed. A layer is named by its base,
// which no two share.
type cover struct {
	key   string
	hash  uint64
	rec   value.Record
	below int32 // the key's cover before this one in rows, plus one
	layer journal.DB
	live  bool
}

// span is positions in the order of keys, both ends included.
type span struct{ first, last uint64 }

// everything is all positions.
var everything = slotSpan(0, journal.MaxSlot)

// slotSpan returns the positions of some slots.
func slotSpan(first, last uint16) span {
	return span{value.SlotBegin(int(first)), value.SlotBegin(int(last)+1) - 1}
}

// move is a change of whole layers: that l.cleared was something else, or,
// where l is nil, that two databases were exchanged.
type move struct {
	l       *layer
	cleared []span
	a, b    journal.DB
}

// firstIndex is how long the index is at first, and keepRows is for how many
// changes an empty overlay keeps room.
const (
	firstIndex = 256
	keepRows   = 8192
)

// newOverlay returns an overlay in which all of base shines through.
func newOverlay(base *View) *overlay {
	o := &overlay{base: base, dbs: make([]*layer, base.s.Databases()), index: make([]int32, firstIndex)}
	for i := range o.dbs {
		o.dbs[i] = &layer{base: journal.DB(i)}
	}
	return o
}

// empty drops everything but some room for the next group.
func (o *overlay) empty() {
	o.base, o.made = nil, nil
	o.cat.Begin(nil)
	o.ink.Forget()
	if len(o.moves) > 0 {
		for i := range o.dbs {
			*o.dbs[i] = layer{base: journal.DB(i)}
		}
		o.moves = nil
	}
	if len(o.rows) > keepRows {
		o.rows, o.index = nil, make([]int32, firstIndex)
		return
	}
	// A small group after a large one: taking its few rows back costs less than
	// clearing an index of thousands.
	if 16*len(o.rows) < len(o.index) {
		o.revert(overlayMark{ink: o.ink.Mark()})
		return
	}
	clear(o.rows)
	o.rows = o.rows[:0]
	clear(o.index)
}

func (o *overlay) databases() int { return len(o.dbs) }

// find returns the place in the index of a layer's key, and the key's latest
// cover there, or nil. Keys of one hash, which somebody may make on purpose, are spread
// by another one from the ninth on: those before it are in the index as long as it is.
func (o *overlay) find(layer journal.DB, key string, hash uint64) (int, *cover) {
	mask, alike := len(o.index)-1, 0
	i := int(hash) & mask
	for ; o.index[i] != 0; i = (i + 1) & mask {
		c := &o.rows[o.index[i]-1]
		if c.hash != hash {
			continue
		}
		if c.layer == layer && c.key == key {
			return i, c
		}
		if alike++; alike == crowdFrom {
			i = (int(maphash.String(crowdSeed, key)) - 1) & mask // the loop goes on with the next
		}
	}
	return i, nil
}

// crowdSeed is nobody's to know.
var crowdSeed = maphash.MakeSeed()

// get reads through the overlay. The key is not kept.
func (o *overlay) get(n journal.DB, key string) (value.Record, bool) {
	l := o.dbs[n]
	// The last row is the latest of its key. It is worth a look before the index: a
	// command looks its key up twice, and many commands in a row may be for one key.
	if last := len(o.rows) - 1; last >= 0 {
		if c := &o.rows[last]; c.layer == l.base && c.key == key {
			return c.rec, c.live
		}
	}
	hash := value.Sum(key)
	if len(o.rows) > 0 {
		if _, c := o.find(l.base, key, hash); c != nil {
			return c.rec, c.live
		}
	}
	if len(l.cleared) > 0 && l.clears(value.Position(key, hash)) {
		return value.Record{}, false
	}
	return o.base.rawHash(l.base, key, hash)
}

// clears reports whether a position has been cleared.
func (l *layer) clears(pos uint64) bool {
	for _, r := range l.cleared {
		if r.first <= pos && pos <= r.last {
			return true
		}
	}
	return false
}

// clearsKey is clears for a key whose hash is known.
func (l *layer) clearsKey(key string, hash uint64) bool {
	return len(l.cleared) > 0 && l.clears(value.Position(key, hash))
}

// put covers a key with a record. The block that may have been made for it is for
// Apply: here the record is enough.
func (o *overlay) put(n journal.DB, key string, r value.Record, _ *value.Block) {
	if o.births.d != nil {
		o.births.put(n, key)
	}
	o.cover(cover{key: key, hash: value.Sum(key), rec: r, layer: o.dbs[n].base, live: true})
}

// del covers a key with nothing, whether it was there or not.
func (o *overlay) del(n journal.DB, key string) {
	o.cover(cover{key: key, hash: value.Sum(key), layer: o.dbs[n].base})
}

// took reports whether the command under way has itself removed a key that was
// there when it began.
func (o *overlay) took(n journal.DB, key string) bool {
	l, hash := o.dbs[n], value.Sum(key)
	i, c := o.find(l.base, key, hash)
	if c == nil || c.live {
		return false
	}
	at := int(o.index[i]) - 1
	for at >= o.began {
		at = int(o.rows[at].below) - 1
	}
	if at >= 0 {
		return o.rows[at].live
	}
	_, ok := o.base.rawHash(l.base, key, hash)
	return ok && !l.clearsKey(key, hash)
}

// cover adds c, above what covers its key already.
func (o *overlay) cover(c cover) {
	i, _ := o.find(c.layer, c.key, c.hash)
	c.below = o.index[i]
	o.rows = append(o.rows, c)
	o.index[i] = int32(len(o.rows))
	if 4*len(o.rows) > 3*len(o.index) {
		o.grow()
	}
}

// grow doubles the index. Keys enter it in the order in which they were first
// covered, as revert needs.
func (o *overlay) grow() {
	o.index = make([]int32, 2*len(o.index))
	for at := range o.rows {
		c := &o.rows[at]
		i, _ := o.find(c.layer, c.key, c.hash)
		o.index[i] = int32(at) + 1
	}
}

// clear covers a span of a database, and what the overlay has in it. Keys of the
// state cost nothing; those of the overlay get a row each, so that it can be undone.
func (o *overlay) clear(n journal.DB, r span) error {
	l := o.dbs[n]
	o.moves = append(o.moves, move{l: l, cleared: l.cleared})
	if r == everything {
		l.cleared = nil // the other spans are part of this one
	}
	l.cleared = append(l.cleared[:len(l.cleared):len(l.cleared)], r)
	for at := range len(o.rows) { // what is appended meanwhile is dead
		c := o.rows[at]
		if pos := value.Position(c.key, c.hash); o.shows(at, l) && c.live && r.first <= pos && pos <= r.last {
			o.cover(cover{key: c.key, hash: c.hash, layer: c.layer})
		}
	}
	return nil
}

// shows reports whether the cover at this place is the latest of a key of l.
func (o *overlay) shows(at int, l *layer) bool {
	c := &o.rows[at]
	if c.layer != l.base {
		return false
	}
	i, _ := o.find(c.layer, c.key, c.hash)
	return int(o.index[i]) == at+1
}

// swap exchanges two databases. Rows need not be looked at: they go with their
// layers.
func (o *overlay) swap(a, b journal.DB) {
	o.dbs[a], o.dbs[b] = o.dbs[b], o.dbs[a]
	o.moves = append(o.moves, move{a: a, b: b})
}

// overlayMark is a point that revert goes back to.
type overlayMark struct {
	rows, moves int
	ink         value.Mark
	cat         int
}

// mark returns the point that the overlay has come to.
func (o *overlay) mark() overlayMark {
	return overlayMark{len(o.rows), len(o.moves), o.ink.Mark(), o.cat.Mark()}
}

// revert takes back everything since m. No key that is left came into the index
// after one that goes, so none was pushed on by it: its place is simply freed.
func (o *overlay) revert(m overlayMark) {
	o.ink.Revert(m.ink)
	for at := len(o.rows) - 1; at >= m.rows; at-- {
		c := &o.rows[at]
		i, _ := o.find(c.layer, c.key, c.hash)
		o.index[i] = c.below
		*c = cover{} // it would hold on to a value
	}
	o.rows = o.rows[:m.rows]
	for at := len(o.moves) - 1; at >= m.moves; at-- {
		if v := o.moves[at]; v.l != nil {
			v.l.cleared = v.cleared
		} else {
			o.dbs[v.a], o.dbs[v.b] = o.dbs[v.b], o.dbs[v.a]
		}
	}
	o.moves = o.moves[:m.moves]
	o.cat.Revert(m.cat)
}

// touches reports whether the overlay has changed a key, in the sense of
// WATCH: written, or removed with its database or by exchanging databases.
func (o *overlay) touches(n journal.DB, key string) bool {
	l := o.dbs[n]
	if o.covers(l, key) {
		return true
	}
	there := func(db journal.DB) bool { _, ok := o.base.raw(db, key); return ok }
	if l.base != n {
		return there(n) || there(l.base)
	}
	return l.clearsKey(key, value.Sum(key)) && there(n)
}

// covers reports whether the overlay has a row of its own for a key.
func (o *overlay) covers(l *layer, key string) bool {
	_, c := o.find(l.base, key, value.Sum(key))
	return c != nil
}

// sorted returns a database's live covered rows that are shown and stand at a position or
// after it, in order.
func (o *overlay) sorted(n journal.DB, shown *shownSlots, from uint64) []coveredRow {
	var rows []coveredRow
	for at := range o.rows {
		c := &o.rows[at]
		if !c.live || !o.shows(at, o.dbs[n]) || !shown.hasKey(c.key) {
			continue
		}
		if pos := value.Position(c.key, c.hash); pos >= from {
			rows = append(rows, coveredRow{rowAt{pos, c.key}, c.rec})
		}
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].before(rows[j].rowAt) })
	return rows
}

// coveredRow is a live row of an overlay.
type coveredRow struct {
	rowAt
	rec value.Record
}
