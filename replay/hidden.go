package replay

import (
	"sync/atomic"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/replay/value"
)

// A node of a cluster may hold rows of slots that its shard does not own: those that are
// on their way to it, and those of slots that were given away and are not cleared yet.
// They are hidden: whoever walks, counts or picks keys is shown owned slots alone, and the
// sweeper leaves them alone. A snapshot, a backup, a replica, the digest and Check have
// all rows.

// shownSlots is the slots of which keys are shown. It does not change once it is made. Nil
// is all slots, as outside of a cluster.
type shownSlots struct {
	ranges []journal.SlotRange // they ascend, with a slot at least between two
	count  int                 // of the slots in ranges
	bits   [(journal.MaxSlot + 1) / 64]uint64
}

// shownOf returns the slots that a custody shows: those that are owned, in a cluster.
func shownOf(c *cluster.Custody) *shownSlots {
	if c.Cluster == "" {
		return nil
	}
	s := new(shownSlots)
	for _, o := range c.Owned {
		if n := len(s.ranges); n > 0 && s.ranges[n-1].Last+1 == o.First {
			s.ranges[n-1].Last = o.Last
		} else {
			s.ranges = append(s.ranges, o.SlotRange)
		}
		for slot := int(o.First); slot <= int(o.Last); slot++ {
			s.bits[slot/64] |= 1 << (slot % 64)
		}
		s.count += o.Len()
	}
	if s.count == journal.MaxSlot+1 {
		return nil
	}
	return s
}

// has reports whether keys of a slot are shown.
func (s *shownSlots) has(slot uint16) bool {
	return s == nil || s.bits[slot/64]&(1<<(slot%64)) != 0
}

// hasKey reports whether a key is shown, if it is there.
func (s *shownSlots) hasKey(key string) bool { return s == nil || s.has(value.Slot(key)) }

// after returns the first slot from one on whose keys are shown; false if there is none.
func (s *shownSlots) after(slot uint16) (uint16, bool) {
	for _, r := range s.ranges {
		if slot <= r.Last {
			return max(slot, r.First), true
		}
	}
	return 0, false
}

// position returns one that is chosen among those of the slots that are shown by a random
// number, each being as likely.
func (s *shownSlots) position(random uint64) uint64 {
	if s == nil || s.count == 0 {
		return random >> 2
	}
	at := int(random >> 50 % uint64(s.count))
	for _, r := range s.ranges {
		if at < r.Len() {
			return value.SlotBegin(int(r.First)+at) + random&(value.SlotBegin(1)-1)
		}
		at -= r.Len()
	}
	panic("replay: fewer slots than were counted")
}

// shown returns the slots of which the view shows keys. A draft that changes the custody
// goes by what it makes of it.
func (v *View) shown() *shownSlots {
	if v.over != nil && v.over.cat.Version(slots) != v.s.custodyAt {
		return shownOf(v.Custody())
	}
	return v.s.shown
}

// hides reports whether a database may hold keys that are not shown.
func (o *overlay) hides(n journal.DB, shown *shownSlots) bool {
	l, s := o.dbs[n], o.base.s
	switch {
	case shown == nil:
		return false
	case shown != s.shown: // the draft changes the custody
		return true
	case s.dbs[l.base].hiddenKeys().keys > 0:
		return true
	}
	for at := range o.rows {
		if c := &o.rows[at]; c.live && c.layer == l.base && !shown.hasKey(c.key) {
			return true
		}
	}
	return false
}

// hiddenSums is what the hidden keys of a database add up to.
type hiddenSums struct {
	keys      int
	timed     int // keys with a deadline
	deadlines int64
}

// timed is told that a key has got a deadline, or with -1 that it has it no more.
func (db *database) timed(key string, more int, at int64) {
	if db.slots != nil {
		db.slots.time(key, more, at)
	}
}

// hiddenKeys returns what the hidden keys of a database add up to.
func (db *database) hiddenKeys() hiddenSums {
	if db.slots == nil {
		return hiddenSums{}
	}
	return db.slots.hidden
}

// timeFields gives a hash another first deadline of its fields; 0 is none.
func (db *database) timeFields(from, to int64, key string) {
	db.fields.exchange(from, to, key)
	db.passedFields.added(db, to, key)
}

// passed is how far into an index of deadlines there is nothing but hidden keys, so that
// the sweeper need not look at them each time. Apply lowers it, with the state's lock held
// alone; the sweeper raises it with the lock shared.
type passed struct{ to atomic.Pointer[deadline] }

// mostPassed bounds how many hidden keys the sweeper passes in one step.
const mostPassed = 8192

// added is told that a key has come into the index.
func (p *passed) added(db *database, at int64, key string) {
	if to := p.to.Load(); to != nil && at != 0 && at <= to.at && db.slots.shown.hasKey(key) {
		p.to.Store(nil)
	}
}

// due calls fn with the keys of an index that are due and shown, earliest first, until it
// returns false. It reports whether it has given up before all that are due were looked
// at, since many are hidden: then it goes on there the next time.
func (db *database) due(index *deadlines, p *passed, now int64, fn func(key string) bool) (more bool) {
	if db.hiddenKeys().keys == 0 || index.set == nil {
		index.due(now, fn)
		return false
	}
	var from deadline
	if to := p.to.Load(); to != nil {
		from = *to
	}
	first, looked := true, 0 // first: nothing but hidden keys so far
	index.set.Ascend(from, func(x deadline) bool {
		if x.at > now {
			return false
		}
		if db.slots.shown.hasKey(x.key) {
			first = false
			return fn(x.key)
		}
		if first {
			from = x
		}
		looked++
		more = looked > mostPassed
		return !more
	})
	if from.at != 0 {
		p.to.Store(&from)
	}
	return more
}
