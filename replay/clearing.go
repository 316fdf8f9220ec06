package replay

import (
	"context"
	"errors"
	"time"

	"ledge/journal"
	"ledge/replay/value"
)

// Rows that are hidden are removed in steps of a few: however many there are, no entry
// takes long to be applied, and clients are served between two.
const (
	clearRows = 2048 // in one step
	// clearRanges bounds the effects of one step.
	clearRanges = 64
	// clearWait is how long a step waits that is refused.
	clearWait = 100 * time.Millisecond
	// The time between two steps is clearParts times what the first took, so that clients
	// have most of the writer's, and within these bounds: what takes long is a sync, in
	// which clients' writes have a part. Each step delays the writes beside it, whether it
	// removes 100 rows or 2,000: so steps are few rather than small.
	clearParts     = 40
	leastClearRest = time.Millisecond
	mostClearRest  = 200 * time.Millisecond
)

// ClearStep removes about as many rows of some slots of database n as it is told. Once no
// more are left it is done. It costs what it removes, whatever the database holds, and is
// an effect of constant size for each range. It is refused for slots that another shard was
// given and has not taken yet.
func (d *Draft) ClearStep(n journal.DB, ranges []journal.SlotRange, most int) (removed int, done bool, err error) {
	if err := d.passing(ranges); err != nil {
		return 0, false, err
	}
	l, effects := d.overlay.dbs[n], 0
	for _, r := range ranges {
		whole := slotSpan(r.First, r.Last)
		drafted := d.overlay.hasIn(l, whole)
		if !drafted && d.s.dbs[l.base].noneIn(r) {
			continue
		}
		if effects++; removed >= most || effects > clearRanges {
			return removed, false, nil
		}
		found, last := d.countUpTo(l, whole, most-removed)
		removed += found
		switch {
		case last < whole.last:
			return removed, false, d.emit(&journal.SpanClear{DB: n,
				First: journal.Position(whole.first), Last: journal.Position(last)})
		case found > 0 || drafted:
			if err := d.ClearSlots(n, r.First, r.Last); err != nil {
				return removed, false, err
			}
		}
	}
	return removed, true, nil
}

// errUncleared keeps a shard in its cluster while it has rows that are hidden there.
var errUncleared = errors.New("what is left of slots that the shard had is not cleared yet")

// cleared returns errUncleared if the database of a shard that owns nothing has rows.
func (d *Draft) cleared() error {
	_, none, err := d.ClearStep(0, []journal.SlotRange{{Last: journal.MaxSlot}}, 0)
	if err == nil && !none {
		err = errUncleared
	}
	return err
}

// countUpTo counts the rows that shine through a layer in a span, until there are as many
// as most. It returns the position that it has come to, the span's end if there are no
// more. Rows at one position are never parted.
func (v *View) countUpTo(l *layer, r span, most int) (found int, last uint64) {
	db := v.s.dbs[l.base]
	for from, more := r.first, true; more; {
		more = false
		db.ascend(from, func(pos uint64, _ *value.Block) bool {
			if pos > r.last || found >= most && pos != last {
				more = false
				return false
			}
			if end, cleared := l.clearedAt(pos); cleared {
				from, more = end+1, end < r.last
				return false
			}
			found, last = found+1, pos
			return true
		})
	}
	if found < most {
		return found, r.last
	}
	return found, last
}

// clearedAt returns the end of a span that is cleared and has a position in it.
func (l *layer) clearedAt(pos uint64) (end uint64, ok bool) {
	for _, r := range l.cleared {
		if r.first <= pos && pos <= r.last {
			end, ok = max(end, r.last), true
		}
	}
	return end, ok
}

// hasIn reports whether the overlay itself has keys in a span.
func (o *overlay) hasIn(l *layer, r span) bool {
	for at := range o.rows {
		c := &o.rows[at]
		if !c.live || c.layer != l.base {
			continue
		}
		if pos := value.Position(c.key, c.hash); r.first <= pos && pos <= r.last && o.shows(at, l) {
			return true
		}
	}
	return false
}

// noneIn reports whether a database is known to have no keys in some slots.
func (db *database) noneIn(r journal.SlotRange) bool {
	if db.slots == nil {
		return false
	}
	for slot := int(r.First); slot <= int(r.Last); slot++ {
		if db.slots.at(uint16(slot)).keys > 0 {
			return false
		}
	}
	return true
}

// hiddenOf returns the parts of some ranges of slots that are not shown.
func (s *shownSlots) hiddenOf(ranges []journal.SlotRange) (hidden []journal.SlotRange) {
	for _, r := range ranges {
		open := false // the last of hidden goes on
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			switch {
			case s.has(uint16(slot)):
				open = false
			case open:
				hidden[len(hidden)-1].Last = uint16(slot)
			default:
				hidden = append(hidden, journal.SlotRange{First: uint16(slot), Last: uint16(slot)})
				open = true
			}
		}
	}
	return hidden
}

// ClearHidden removes the rows of some slots from database 0, the one that there is in a
// cluster, in steps, until none is left or ctx ends. Only rows that are hidden are removed:
// a slot that comes to be owned meanwhile keeps what it has. A step that is refused is tried
// again, but for slots that another shard was given and has not taken yet: that is an error.
// It returns how many rows it has removed.
func (s *State) ClearHidden(ctx context.Context, w proposer, ranges []journal.SlotRange) (removed int, err error) {
	for {
		p, began := &clearing{ranges: ranges}, time.Now()
		pause := clearWait
		if w.Refusal(true) == nil && w.Propose(ctx, p) == nil && p.err == nil {
			if p.passing != nil {
				return removed, p.passing
			}
			if removed += p.removed; p.done {
				return removed, nil
			}
			pause = min(max(leastClearRest, clearParts*time.Since(began)), mostClearRest)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return removed, ctx.Err()
		}
	}
}

// clearing is the proposal that is one step of ClearHidden.
type clearing struct {
	ranges  []journal.SlotRange
	removed int
	done    bool
	passing error // some of the slots are not to be cleared
	err     error
}

func (p *clearing) Step(d *Draft) bool {
	m := d.Mark()
	var err error
	if p.removed, p.done, err = d.ClearStep(0, d.shown().hiddenOf(p.ranges), clearRows); err != nil {
		d.Undo(m)
		p.removed, p.done = 0, false
		if errors.Is(err, errPassing) {
			p.passing = err
		}
		return false
	}
	d.Seal(nil)
	return false
}

func (p *clearing) Settle(err error) { p.err = err }

func (p *clearing) Done() {}
