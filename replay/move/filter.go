package move

import (
	"ledge/journal"
	"ledge/replay/value"
)

// A filter makes of a source's journal what it means for the keys that a target has: those
// of the moving slots whose position is below a cursor.
type filter struct {
	ranges []journal.SlotRange
	cursor uint64
	// again are keys of the moving slots below the cursor whose value has come from a
	// key that the target does not have: they are to be read again.
	again map[string]bool
	// later are further ones, while those of again are being read: what is written to
	// these is in what is read.
	later map[string]bool
	ops   []journal.Op
	size  int
	sizer journal.Sizer
}

// moves reports whether a slot moves.
func (f *filter) moves(slot uint16) bool {
	for _, r := range f.ranges {
		if r.First <= slot && slot <= r.Last {
			return true
		}
	}
	return false
}

// has reports whether the target has what the key holds.
func (f *filter) has(key string) bool { return f.due(key) && !f.again[key] }

// due reports whether the target is to have the key at this cursor.
func (f *filter) due(key string) bool {
	pos, _ := value.RowPos(key)
	return pos < f.cursor && f.moves(value.PositionSlot(pos))
}

func (f *filter) add(op journal.Op) {
	f.ops = append(f.ops, op)
	f.size += f.sizer.Size(op)
}

// take takes in an effect of the source's journal.
func (f *filter) take(op journal.Op) {
	if !journal.OnKeys(op) {
		return
	}
	switch o := op.(type) {
	case *journal.RangeClear:
		f.clear(o)
		return
	case *journal.SpanClear:
		f.clearSpan(o)
		return
	case *journal.KeyRename:
		f.copied(op, o.Key, o.To)
		if f.has(o.Key) && !f.due(o.To) {
			f.add(&journal.KeyDelete{Key: o.Key})
		}
		return
	case *journal.KeyCopy:
		f.copied(op, o.Key, o.To)
		return
	}
	if _, key := journal.KeyOf(op); f.has(key) {
		f.add(op)
	}
}

// copied takes in an effect by which one key gets what another one held.
func (f *filter) copied(op journal.Op, key, to string) {
	switch {
	case !f.due(to):
	case f.has(key):
		f.add(op)
		delete(f.again, to)
		delete(f.later, to)
	default:
		f.add(&journal.KeyDelete{Key: to})
		if f.again == nil {
			f.again = make(map[string]bool)
		}
		f.again[to] = true
		if f.later != nil {
			f.later[to] = true
		}
	}
}

// clear takes in that all keys of some slots were removed.
func (f *filter) clear(o *journal.RangeClear) {
	if o.DB != 0 || f.cursor == 0 {
		return
	}
	last := uint16(min(uint64(journal.MaxSlot), (f.cursor-1)>>slotShift))
	for _, r := range f.ranges {
		first, end := max(r.First, o.First), min(r.Last, o.Last, last)
		if first <= end {
			f.add(&journal.RangeClear{First: first, Last: end})
		}
	}
}

// clearSpan takes in that the keys at some positions were removed.
func (f *filter) clearSpan(o *journal.SpanClear) {
	if o.DB != 0 || f.cursor == 0 {
		return
	}
	for _, r := range f.ranges {
		begin, last := bounds(r)
		first, last := max(begin, uint64(o.First)), min(last, uint64(o.Last), f.cursor-1)
		if first <= last {
			f.add(&journal.SpanClear{First: journal.Position(first), Last: journal.Position(last)})
		}
	}
}

// bounds returns the first and the last position of some slots.
func bounds(r journal.SlotRange) (first, last uint64) {
	return uint64(r.First) << slotShift, uint64(int(r.Last)+1)<<slotShift - 1
}

// slotShift is by how much a slot is shifted to be the first position in it.
const slotShift = 48
