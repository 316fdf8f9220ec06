package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// Scan calls fn with at least count keys from cursor on, in the order of their
// positions, and returns where to go on, 0 at the end. A cursor is a position
// and nothing else: keys that are there from the first call to the last are
// seen exactly once, whatever is written between. If count is large it pauses
// like Each.
func (v *View) Scan(cursor uint64, count int, fn func(key string, t value.Type)) uint64 {
	for count > 8*slice { // less is no longer than others wait at any time
		count -= slice
		if cursor = v.scanSlice(cursor, slice, fn); cursor == 0 {
			return 0
		}
		v.pause()
	}
	return v.scanSlice(cursor, count, fn)
}

// scanSlice is Scan without a pause.
func (v *View) scanSlice(cursor uint64, count int, fn func(key string, t value.Type)) uint64 {
	seen, next := 0, uint64(0)
	last := cursor
	v.scan(cursor, func(at uint64, key string, r value.Record) bool {
		// Keys that share a position are never parted.
		if seen >= count && at != last {
			next = at
			return false
		}
		last = at
		seen++
		if !r.Expired(v.now) {
			fn(key, r.Type)
		}
		return true
	})
	return next
}

// Each calls fn with every key until it returns false. Outside a draft it
// pauses every so often, so that a long walk holds up no writer; a key written
// meanwhile may then be seen or not.
func (v *View) Each(fn func(key string, t value.Type) bool) {
	for cursor, more := uint64(0), true; more; {
		cursor = v.scanSlice(cursor, slice, func(key string, t value.Type) {
			more = more && fn(key, t)
		})
		if more = more && cursor != 0; more {
			v.pause()
		}
	}
}

// scan calls fn with the rows of the selected database from a position on, expired
// ones too, until it returns false.
func (v *View) scan(from uint64, fn func(pos uint64, key string, r value.Record) bool) {
	if v.over == nil {
		v.scanTree(v.db, v.s.shown, from, fn)
		return
	}
	l := v.over.dbs[v.db]
	shown := v.shown()
	rows := v.over.sorted(v.db, shown, from)
	stopped := false
	v.scanTree(l.base, shown, from, func(pos uint64, key string, r value.Record) bool {
		for len(rows) > 0 && rows[0].before(rowAt{pos, key}) {
			if stopped = !fn(rows[0].pos, rows[0].key, rows[0].rec); stopped {
				return false
			}
			rows = rows[1:]
		}
		if l.clears(pos) || v.over.covers(l, key) {
			return true
		}
		stopped = !fn(pos, key, r)
		return !stopped
	})
	for _, c := range rows {
		if stopped || !fn(c.pos, c.key, c.rec) {
			return
		}
	}
}

// scanTree is scan past any overlay, of the slots that are shown. It does not go over the
// rows of others: it seeks what comes after them.
func (v *View) scanTree(n journal.DB, shown *shownSlots, from uint64, fn func(pos uint64, key string, r value.Record) bool) {
	db := v.s.dbs[n]
	for more := true; more; {
		more = false
		db.ascend(from, func(pos uint64, b *value.Block) bool {
			slot := value.PositionSlot(pos)
			if shown.has(slot) {
				return fn(pos, b.Name(), value.RecordOf(b))
			}
			var next uint16
			if next, more = shown.after(slot); more {
				from = value.SlotBegin(int(next))
			}
			return false
		})
	}
}
