package replay

import (
	"fmt"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/events"
	"ledge/replay/value"
)

// Draft evaluates commands. What they do is seen by the draft itself and by
// nothing else, until the journal has it and Apply is called. One draft serves
// a whole group: each command sees what those before it did.
//
// The life of a command. Mark; then it reads through the View, and each change that
// it makes is an effect (emit), which is applied to the overlay at once and added
// to the entry under way; then Seal makes an entry of its effects, and with it the
// command stands. If it fails before, Undo goes back to the mark and leaves the
// rest of the group. A transaction or a script is one entry of many commands, each
// with a mark of its own.
//
// What is promised.
//   - A command sees the state as it is below, and what the commands before it in
//     the group did. What it sees is what Apply will do: both run apply.
//   - The state is not touched. Whatever happens to a draft, be it dropped for a
//     failed append or for a panic in the midst of a change, costs the group alone.
//   - What is sealed is what is journaled, and in that order. Its effects are never
//     changed again: the frame is encoded after the draft has let go of its locks.
//   - A draft holds a bounded amount of memory, whatever commands are given.
//
// What has to hold for that. The state below stands still from begin to end, which
// holds its lock for reading: views go on beside it, Apply waits. made has one
// record for each effect, in their order, of those that are sealed and of those
// that are not; so it is cut back with ops, and never without them. torn is set
// while the overlay is half changed.
//
// Who owns what. A draft belongs to its Group, and to the goroutine that evaluates.
// The entries, and what was made for them, are good until the next reset, that is
// until the append's outcome is known; an append in doubt keeps the Group.
//
// What was tried. A map of changed rows with a list of what they were, made anew
// for each group, was a fifth of evaluating one. A SET's block is made here and
// put in place by Apply: key and value were copied into the effect and again into
// the row before. With the prefetching of Apply that took SET, by interval with a
// pipeline of 16, from 1.01 of Redis to 1.08, INCR from 0.71 to 0.83 and MSET from
// 0.82 to 1.03.
type Draft struct {
	View
	at       time.Time
	limit    int // longest value
	overlay  *overlay
	ops      []journal.Op // of the entry being drafted; the end of a longer array
	made     []made       // for each effect of entries, and then of ops
	opBytes  int
	sizer    journal.Sizer
	entries  []journal.Entry
	bytes    int // bound on the encoded size of entries
	held     int // memory that the draft takes, about; see hold
	asked    int // for how much of held and of what is on its way there was room
	setSlabs []journal.StringSet
	text     effectText
	wanted   events.Class   // classes that somebody listens to
	events   []events.Event // since the last append
	looked   int            // entries that Ready has looked at
	joined   []Proposal     // see Join
	// torn is set while an effect is applied to the overlay or taken back. A
	// panic leaves it set: nobody knows what the overlay holds then. Such a
	// draft takes nothing more, even if somebody has caught the panic.
	torn, undoing bool
}

// Mark is a point in a draft that Undo goes back to. The zero Mark is none.
type Mark struct {
	taken      bool
	overlay    overlayMark
	ops, bytes int
	held       int
	asked      int
	events     int
	entries    int
	made       int
}

// reset makes d an empty draft over the state. What the entries of the one before
// were made of must not be used any more. The view is locked by begin.
func (d *Draft) reset(s *State, now time.Time, maxValue int) {
	clear(d.entries)
	clear(d.made)
	entries, ms := d.entries[:0], d.made[:0]
	if cap(entries) > keepRows {
		entries = nil
	}
	if cap(ms) > keepRows {
		ms = nil
	}
	*d = Draft{View: View{s: s, now: now.UnixMilli()}, at: now, limit: maxValue,
		overlay: d.overlay, entries: entries, made: ms, text: d.text}
}

// begin locks the state below the draft and lays an overlay over it.
func (d *Draft) begin() {
	d.s.drafting.Lock()
	d.lock()
	base := &View{s: d.s, now: d.now}
	if d.overlay == nil {
		d.overlay = newOverlay(base)
	}
	d.overlay.base = base
	d.overlay.cat.Begin(d.s.cat)
	d.overlay.ink.Begin(&d.s.gen, &d.s.nodes)
	d.over = d.overlay
	d.overlay.births, d.overlay.began = births{}, 0
	if d.wanted&(events.NewKey|events.Expired) != 0 {
		d.overlay.births.d = d
	}
}

// end lets go of the state and of what was drafted, but for the entries.
func (d *Draft) end() {
	if d.torn {
		d.overlay, d.s.nodes = nil, value.Pool{}
	} else {
		d.overlay.empty()
	}
	d.unlock()
	d.s.drafting.Unlock()
}

// Mark returns the point that the draft has come to.
func (d *Draft) Mark() Mark {
	d.overlay.began = len(d.overlay.rows)
	return Mark{true, d.overlay.mark(), len(d.ops), d.opBytes, d.held, d.asked, len(d.events), len(d.entries), len(d.made)}
}

// Undo takes back all that was done since m, which must be of this entry.
func (d *Draft) Undo(m Mark) {
	d.mustBeWhole()
	d.torn, d.undoing = true, true
	d.overlay.revert(m.overlay)
	d.torn, d.undoing = false, false
	for _, op := range d.ops[m.ops:] {
		drop(op)
	}
	clear(d.ops[m.ops:])
	d.ops, d.opBytes, d.held, d.asked = d.ops[:m.ops], m.bytes, m.held, m.asked
	d.events = d.events[:m.events]
	clear(d.made[m.made:])
	d.made = d.made[:m.made]
}

// Abandon is Undo for a command that has panicked; one that has not begun to write has
// the zero Mark. It reports false, and does nothing, if the command can't be undone by
// itself: the panic came while the draft was being changed, or what the command did is
// sealed and others may have had a part in it. Then the whole draft has to go, which is
// what the Writer does with a Step that panics.
func (d *Draft) Abandon(m Mark) bool {
	switch {
	case d.torn:
		return false
	case !m.taken:
		return true
	case len(d.entries) != m.entries:
		return false
	}
	d.Undo(m)
	return true
}

// mustBeWhole keeps a command that has caught a panic, as scripts can, from going on
// with an overlay that is half changed.
func (d *Draft) mustBeWhole() {
	if d.torn {
		panic("replay: a draft goes on that is half changed")
	}
}

// void drops everything that was drafted, and its overlay with it.
func (d *Draft) void() {
	clear(d.entries)
	clear(d.made)
	d.entries, d.made, d.ops, d.events = d.entries[:0], d.made[:0], nil, nil
	d.bytes, d.opBytes, d.held, d.asked, d.looked = 0, 0, 0, 0, 0
	d.torn = true
}

// Seal makes one journal entry of everything since the last Seal. The entry says who it
// was; nil is nobody. The same who may be given for many entries, and must not be changed
// any more.
func (d *Draft) Seal(who *journal.Who) {
	d.mustBeWhole()
	if len(d.ops) == 0 {
		return
	}
	if who != nil {
		d.ops, d.made = append(d.ops, who), append(d.made, made{})
		d.opBytes += d.sizer.Size(who)
	}
	n := len(d.ops)
	d.entries = append(d.entries, journal.Entry{At: d.at, Ops: d.ops[:n:n]})
	d.bytes += d.opBytes + journal.EntryOverhead
	// The next entry's effects may stand after these in the same array.
	d.ops, d.opBytes = d.ops[len(d.ops):], 0
}

// opsRoom is how many effects get an array together: nearly all entries have
// one.
const opsRoom = 64

// full reports whether the group has grown large enough for an append.
func (d *Draft) full() bool {
	return d.bytes >= journal.SoftBatch || int64(d.held) >= d.s.mostHeld()/softShare
}

// emit applies op to the overlay and adds it to the entry.
func (d *Draft) emit(op journal.Op) error { return d.emitMade(op, nil) }

// emitMade is emit for an effect whose block is made already.
func (d *Draft) emitMade(op journal.Op, block *value.Block) error {
	n := d.sizer.Size(op)
	d.mustBeWhole()
	if err := d.check(n+opHeld, n); err != nil {
		return err
	}
	if h := d.s.heldSlots.Load(); h != nil && h.holds(op) {
		return ErrHeld
	}
	d.held += n + opHeld
	d.torn, d.overlay.made = true, nil
	if err := apply(d.overlay, op, made{}); err != nil {
		// The command checked before it emitted, so this is a bug.
		panic("replay: draft: " + err.Error())
	}
	d.torn = false
	if cap(d.ops) == 0 {
		d.ops = make([]journal.Op, 0, opsRoom)
	}
	d.ops = append(d.ops, op)
	d.made = append(d.made, made{block, d.overlay.made})
	d.opBytes += n
	return nil
}

// fits refuses a value that is too long for one key.
func (d *Draft) fits(key, val int) error {
	if key+val > d.limit {
		return tooLarge("string exceeds maximum allowed size: %d bytes of name and value; max-value is %d",
			key+val, d.limit)
	}
	return nil
}

// tooLarge refuses what would not fit a value or a journal entry.
func tooLarge(format string, args ...any) error {
	return fault.With(fault.Refused, fmt.Errorf("ERR "+format, args...))
}

// newStringSet returns an empty effect from a slab: most entries are one SET,
// and one allocation in many is cheaper than many.
func (d *Draft) newStringSet() *journal.StringSet {
	if len(d.setSlabs) == 0 {
		d.setSlabs = make([]journal.StringSet, 64)
	}
	op := &d.setSlabs[0]
	d.setSlabs = d.setSlabs[1:]
	return op
}

// drop has an effect from a slab let go of what it was made with: the slab lives until the
// draft ends, and 20 refused values of 3 MB with it.
func drop(op journal.Op) {
	if set, ok := op.(*journal.StringSet); ok {
		*set = journal.StringSet{}
	}
}

// recycle gives the nodes that the draft's group has replaced to the next, once
// what the draft has made is put in place.
func (d *Draft) recycle() {
	d.overlay.ink.Recycle(d.s.walk.Load() == nil && d.s.pinned.Load() == 0)
}
