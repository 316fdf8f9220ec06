package move_test

import (
	"bytes"
	"sync/atomic"
	"testing"

	"ledge/replay"
	"ledge/replay/move"
)

// Both sides of a move say how far it has come: the source what it has sent and of how much,
// the target what it has.
func TestProgressAtBothSides(t *testing.T) {
	w, a, b := pair(t)
	const keys = 60
	for _, key := range inSlots("much", keys) {
		a.n.Must(func(d *replay.Draft) error { return d.SetString([]byte(key), bytes.Repeat([]byte("m"), 64<<10), 0) })
	}
	var asked atomic.Int64
	fails := func(subject string, done bool) error {
		if subject == move.SubjectFetch && !done && asked.Add(1) > 8 {
			return errAway
		}
		return nil
	}
	w.fails.Store(&fails)
	id := begin(t, a, b, someSlots)
	show := func() any { return standing([]*shard{a, b}) }
	until(t, "refused", func() bool { return asked.Load() > 8 && len(b.n.Moves()) == 1 && b.n.Moves()[0].Cursor > 0 }, show)
	at := func(s *shard) (st move.Status, copied, all int) {
		_, mover := s.up()
		st = mover.Moves()[0]
		copied, all = mover.Keys(&st)
		return st, copied, all
	}
	if st, copied, all := at(a); copied == 0 || copied >= keys || all != keys || st.Bytes == 0 || st.Cursor == 0 || st.Began.IsZero() {
		t.Errorf("the source has sent %d of %d keys: %+v; want some of %d, with bytes, a cursor, and when it began", copied, all, st, keys)
	}
	if st, copied, all := at(b); copied == 0 || copied >= keys || all != 0 || st.Bytes == 0 || st.Began.IsZero() {
		t.Errorf("the target has %d of %d keys: %+v; want some of %d, and not of how many", copied, all, st, keys)
	}
	w.fails.Store(nil)
	moved(t, id, a, b)
	for _, s := range []*shard{a, b} {
		if st, copied, all := at(s); copied != 0 || all != 0 || st.Turned.Before(st.Began) || st.Bytes < keys*64<<10 {
			t.Errorf("once the move is over: %d of %d keys, %+v; want no keys, and all bytes", copied, all, st)
		}
	}
}
