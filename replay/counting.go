package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// size returns how many keys a database has in the overlay's eyes, of those that are
// shown. It goes over all that the group has changed, and over what is cleared, so it is
// for commands that are rare.
func (o *overlay) size(n journal.DB, shown *shownSlots) int {
	l := o.dbs[n]
	count := o.base.countBelow(l, shown)
	for at := range o.rows {
		if !o.shows(at, l) || !shown.hasKey(o.rows[at].key) {
			continue
		}
		c := &o.rows[at]
		_, under := o.base.rawHash(l.base, c.key, c.hash)
		under = under && !l.clearsKey(c.key, c.hash)
		switch {
		case c.live && !under:
			count++
		case !c.live && under:
			count--
		}
	}
	return max(count, 0)
}

// countBelow counts the keys that shine through a layer, of those that are shown.
func (v *View) countBelow(l *layer, shown *shownSlots) int {
	db := v.s.dbs[l.base]
	switch {
	case len(l.cleared) > 0 && l.cleared[0] == everything:
		return 0
	case len(l.cleared) == 0 && shown == v.s.shown:
		return db.dict.n - db.hiddenKeys().keys
	case db.slots != nil:
		return v.countSlots(l, shown)
	case shown != nil: // the draft itself makes a cluster of it
		return v.countSpan(l, shown, everything, nil)
	}
	n := db.dict.n
	for i, r := range l.cleared {
		n -= v.countSpan(l, nil, r, l.cleared[:i])
	}
	return n
}

// countSlots is countBelow where the keys of each slot are counted. It walks the keys of
// slots that are cleared in part.
func (v *View) countSlots(l *layer, shown *shownSlots) (n int) {
	for slot, sum := range v.s.dbs[l.base].slots.withKeys() {
		if !shown.has(slot) {
			continue
		}
		whole := slotSpan(slot, slot)
		switch l.covers(whole) {
		case nowhere:
			n += int(sum.keys)
		case partly:
			n += v.countSpan(l, nil, whole, l.cleared)
		}
	}
	return n
}

// coverage is how much of something is cleared.
type coverage uint8

const (
	nowhere coverage = iota
	partly
	wholly
)

// covers returns how much of a span is cleared. Where several spans together clear all of
// it, it says partly.
func (l *layer) covers(r span) coverage {
	most := nowhere
	for _, c := range l.cleared {
		switch {
		case c.first <= r.first && r.last <= c.last:
			return wholly
		case c.first <= r.last && r.first <= c.last:
			most = partly
		}
	}
	return most
}

// countSpan counts the rows below a layer that lie in a span and in none of others.
func (v *View) countSpan(l *layer, shown *shownSlots, r span, others []span) (n int) {
	rest := &layer{cleared: others}
	v.scanTree(l.base, shown, r.first, func(pos uint64, _ string, _ value.Record) bool {
		if pos > r.last {
			return false
		}
		if !rest.clears(pos) {
			n++
		}
		return true
	})
	return n
}
