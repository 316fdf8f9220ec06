package replay

import (
	"math"
	"runtime"
	"slices"

	"ledge/journal"
	"ledge/replay/value"
)

// restFrom is how many keys have to go for it to be worthwhile to make a database of those
// that stay.
const restFrom = 4096

// manyGo is how many keys that go are too many to be removed one by one while nobody reads,
// however many stay: some 25 ms.
const manyGo = 2 * restFrom

// keepRest clears a span, and with it those that the next effects of its entry clear, as
// FLUSHALL does where hidden keys stay: it has an effect for each range of slots. A new
// database gets the keys that stay, so that it costs what they cost, or nearly nothing if it
// was prepared. It does nothing and reports false if fewer go than stay and it was not, or
// they are not those of whole slots.
func (t *tables) keepRest(n journal.DB, r span) bool {
	t.sumSlots() // the sums say how many keys go, and what stays has them
	db := t.s.dbs[n]
	slots := slotSpan(value.PositionSlot(r.first), value.PositionSlot(r.last))
	if db.slots == nil || db.dict.n < restFrom || r != slots {
		return false
	}
	gone := &layer{cleared: append([]span{r}, clearsIn(t.ahead, n)...)}
	going := 0
	for slot, sum := range db.slots.withKeys() {
		if gone.covers(slotSpan(slot, slot)) == wholly {
			going += int(sum.keys)
		}
	}
	rest := t.rest.made(db, gone)
	switch {
	case going < restFrom || rest == nil && going <= db.dict.n-going:
		return false
	case rest == nil:
		rest = db.without(gone, t.s.loose)
	}
	t.s.watches.TouchAll(n, func(key string) bool { return db.has(key) && !rest.has(key) }, func(string) bool { return false })
	t.s.dbs[n] = rest
	t.undo = append(t.undo, func() { t.s.dbs[n] = db })
	return true
}

// clearsIn returns the spans of slots that effects clear in a database, up to the first
// effect that is another.
func clearsIn(ops []journal.Op, n journal.DB) (spans []span) {
	for _, op := range ops {
		o, ok := op.(*journal.RangeClear)
		if !ok || o.DB != n {
			break
		}
		spans = append(spans, slotSpan(o.First, o.Last))
	}
	return spans
}

// without returns a database with the rows of db in slots that no span clears as a whole.
// db stays as it is: a snapshot in progress may go on reading it.
func (db *database) without(gone *layer, loose bool) *database {
	b := restOf(db, gone)
	for b.some(math.MaxInt, loose) {
	}
	return b.rest
}

// rest is what without returns, as it is made.
type rest struct {
	of   *database
	gone *layer
	rest *database
	slot int
	next rowAt // the row of slot that comes next; the zero one is its first
}

func restOf(db *database, gone *layer) *rest {
	b := &rest{of: db, gone: gone, rest: newDatabase()}
	b.rest.slots = newSums(db.slots.shown)
	return b
}

// stays reports whether the rows of a slot stay, if it has any.
func (b *rest) stays(slot uint16) bool {
	return b.of.slots.at(slot).keys > 0 && b.gone.covers(slotSpan(slot, slot)) != wholly
}

// some takes over the next rows, as many as most. It reports whether there are more.
func (b *rest) some(most int, loose bool) (more bool) {
	for ; b.slot <= journal.MaxSlot; b.slot++ {
		slot := uint16(b.slot)
		if !b.stays(slot) {
			continue
		}
		b.of.ascend(max(b.next.pos, value.SlotBegin(b.slot)), func(pos uint64, row *value.Block) bool {
			at := rowAt{pos, row.Name()}
			switch {
			case value.PositionSlot(pos) != slot:
				return false
			case at.before(b.next):
				return true
			}
			if more = most == 0; more {
				b.next = at
				return false
			}
			b.rest.dict.put(at.key, value.Sum(at.key), row)
			b.rest.order.tree.Load(pos)
			b.rest.index(row, loose)
			most--
			return true
		})
		if more {
			return true
		}
		b.next = rowAt{}
		sum := b.of.slots.at(slot)
		*b.rest.slots.of(slot) = sum
		b.rest.digest += sum.digest
	}
	b.rest.slots.show(b.rest.slots.shown)
	return false
}

// prepareRows is how many rows are taken over at a time while clients read, and how many
// have to stay for that to be worthwhile.
const prepareRows = 256

// prepareRest makes what keepRest puts in place for some batches, as far as it is a matter of
// many rows, while others read the state: nobody else changes it meanwhile. It returns nil if
// there is nothing of that kind.
func (s *State) prepareRest(cs []journal.Committed) *rest {
	if s.Custody().Cluster == "" || !clearsAny(cs) {
		return nil
	}
	n, gone := clearsMany(cs)
	if gone == nil {
		return nil
	}
	b, loose := s.beginRest(n, gone)
	for more := b != nil; more; {
		runtime.Gosched() // a client is more important
		s.mu.RLock()
		more = b.some(prepareRows, loose)
		s.mu.RUnlock()
	}
	return b
}

// beginRest begins to make the rest of a database, if that is worthwhile.
func (s *State) beginRest(n journal.DB, gone *layer) (b *rest, loose bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed || s.loose || int(n) >= len(s.dbs) || s.dbs[n].slots == nil {
		return nil, s.loose
	}
	db := s.dbs[n]
	b = restOf(db, gone)
	stay := 0
	for slot, sum := range db.slots.withKeys() {
		if b.stays(slot) {
			stay += int(sum.keys)
		}
	}
	if going := db.dict.n - stay; stay < prepareRows || going < restFrom || going <= stay && going < manyGo {
		return nil, false
	}
	return b, s.loose
}

// clearsAny reports whether an effect of some batches clears slots. Nearly none does, so this
// is looked at first: each batch is asked for it.
func clearsAny(cs []journal.Committed) bool {
	for _, c := range cs {
		for _, e := range c.Batch().Entries {
			for _, op := range e.Ops {
				if _, ok := op.(*journal.RangeClear); ok {
					return true
				}
			}
		}
	}
	return false
}

// clearsMany returns the spans that the first effect clears which clears slots, with those
// after it; nil if there is none, or one before it may change what stays.
func clearsMany(cs []journal.Committed) (n journal.DB, gone *layer) {
	var before []journal.Op
	for _, c := range cs {
		for _, e := range c.Batch().Entries {
			for i, op := range e.Ops {
				o, ok := op.(*journal.RangeClear)
				if !ok {
					before = append(before, op)
					continue
				}
				gone = &layer{cleared: append([]span{slotSpan(o.First, o.Last)}, clearsIn(e.Ops[i+1:], o.DB)...)}
				if slices.ContainsFunc(before, func(op journal.Op) bool { return changesMore(op, o.DB, gone) }) {
					return 0, nil
				}
				return o.DB, gone
			}
		}
	}
	return 0, nil
}

// changesMore reports whether an effect may change rows of a database that no span clears.
func changesMore(op journal.Op, n journal.DB, gone *layer) bool {
	if _, ok := op.(*journal.SpanClear); ok {
		return true
	}
	return slices.ContainsFunc(journal.Places(op), func(p journal.Place) bool {
		slot := value.Slot(p.Key)
		return p.All || p.DB == n && gone.covers(slotSpan(slot, slot)) != wholly
	})
}

// made returns what was prepared if it is the rest of a database as it is now, or nil.
func (b *rest) made(db *database, gone *layer) *database {
	if b == nil || b.of != db || !slices.Equal(b.gone.cleared, gone.cleared) {
		return nil
	}
	for slot, sum := range db.slots.withKeys() {
		if now := b.rest.slots.at(slot); b.stays(slot) && (sum.keys != now.keys || sum.digest != now.digest) {
			return nil
		}
	}
	return b.rest
}

// index puts a key that is in no index of deadlines into those where it belongs.
func (db *database) index(b *value.Block, loose bool) {
	r := value.RecordOf(b)
	if r.Body != nil {
		db.fields.exchange(0, r.Body.Soonest(), b.Name())
	}
	switch {
	case r.At != 0 && loose:
		db.untime(b)
	case r.At != 0:
		db.dead.add(r.At, b.Name())
	}
}
