package replay_test

import (
	"errors"
	"fmt"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/watch"
	"ledge/replay/writer"
)

// manyOwned gives a node many keys of slots that it comes to own and so many of others, with
// deadlines and collections among both, and returns the hidden ones.
func manyOwned(t *testing.T, n *replaytest.Node, most int) (hidden map[string]bool) {
	t.Helper()
	hidden = make(map[string]bool)
	var cmds []replaytest.Command
	put := func(key string, i int) {
		at := int64(0)
		if i%3 == 0 {
			at = n.Clock.Now().UnixMilli() + 50_000
		}
		if i%10 > 0 {
			cmds = append(cmds, setUntil(0, key, at))
			return
		}
		cmds = append(cmds, func(d *replay.Draft) error {
			_, err := d.SetFields([]byte(key), at, [][]byte{[]byte("f"), []byte("v")})
			return err
		})
	}
	for i, owns := 0, 0; owns < 3*replay.RestFrom || len(hidden) < most; i++ {
		key := fmt.Sprintf("k%d", i)
		switch {
		case owned(key) && owns < 3*replay.RestFrom:
			owns++
			put(key, i)
		case !owned(key) && len(hidden) < most:
			hidden[key] = true
			put(key, i)
		}
	}
	n.Must(append(cmds, found("c1", someSlots...))...)
	return hidden
}

// stayed is how many keys stay in the tests that follow: few, so many that what stays is
// prepared, and more than go.
var stayed = []int{100, 2 * replay.PrepareRows, 4 * replay.RestFrom}

// The keys that stay are put into a database of their own, which is like one that the
// others were taken out of: the state's Check and a replica say so, and whoever watches.
func TestClearMostOfMany(t *testing.T) {
	for _, stay := range stayed {
		t.Run(fmt.Sprint(stay), func(t *testing.T) { clearsMost(t, stay) })
	}
}

func clearsMost(t *testing.T, stay int) {
	n := replaytest.Open(t, 1, writer.Config{})
	hidden := manyOwned(t, n, stay)
	gone, stays := named("k", true), named("k", false)
	watched := make(map[string]*watch.Watch)
	n.Read(t, func(v *replay.View) {
		for _, key := range []string{gone, stays} {
			watched[key] = v.Watch([]byte(key))
		}
	})
	_, load := saved(t, n)
	n.Must(set(0, named("early", true)), set(0, named("early", false)), clearDB(0), set(0, named("new", true)), set(0, named("new", false)), del(stays))
	want := len(hidden) - 1 + 3
	n.Read(t, func(v *replay.View) {
		if v.Len(0) != 1 || n.Keys() != want {
			t.Errorf("%d keys are shown of %d; want 1 of %d", v.Len(0), n.Keys(), want)
		}
	})
	replica := n.Replay(t, n.Pos().Seq)
	if replica.Keys() != n.Keys() || replica.Pos() != n.Pos() {
		t.Errorf("a replica has %d keys at %v; want %d at %v", replica.Keys(), replica.Pos(), n.Keys(), n.Pos())
	}
	b, _ := saved(t, n)
	s, err := load(b)
	if err != nil || s.Pos() != n.Pos() || s.Keys() != n.Keys() {
		t.Fatalf("a snapshot: %v", err)
	}
	replaytest.CheckAtEnd(t, s)
	if !watched[gone].Dirty() || !watched[stays].Dirty() {
		t.Errorf("the key that went is dirty: %v, the deleted one: %v; want both", watched[gone].Dirty(), watched[stays].Dirty())
	}
}

// A key that stays has not changed for whoever watches it, and all is taken back with a
// batch that does not apply.
func TestClearMostOfManyRollsBack(t *testing.T) {
	for _, stay := range stayed {
		t.Run(fmt.Sprint(stay), func(t *testing.T) { clearingRollsBack(t, stay) })
	}
}

func clearingRollsBack(t *testing.T, stay int) {
	n := replaytest.Open(t, 1, writer.Config{})
	manyOwned(t, n, stay)
	s := n.Replay(t, n.Pos().Seq)
	stays := named("k", false)
	var w *watch.Watch
	if err := s.View(n.Clock.Now(), func(v *replay.View) error { w = v.Watch([]byte(stays)); return nil }); err != nil {
		t.Fatal(err)
	}
	pos, keys := s.Pos(), s.Keys()
	var ops []journal.Op
	for _, r := range someSlots {
		ops = append(ops, &journal.RangeClear{First: r.First, Last: r.Last})
	}
	put := &journal.StringSet{Key: stays, Value: "changed", At: 9}
	bad := &journal.KeyDelete{DB: 9, Key: "k"}
	next := func(ops ...journal.Op) error {
		return s.Apply(commit(t, pos.Seq+1, journal.Batch{Epoch: s.Epoch(), Prev: pos.Digest, Entries: entry(ops...)}))
	}
	if err := next(append(append([]journal.Op{put}, ops...), put, bad)...); fault.Of(err) != fault.Fatal {
		t.Errorf("Apply = %v; want it Fatal", err)
	}
	if s.Keys() != keys || s.Pos() != pos || s.Check() != nil {
		t.Errorf("%d keys at %v, %v; want %d at %v", s.Keys(), s.Pos(), s.Check(), keys, pos)
	}
	if err := s.View(n.Clock.Now(), func(v *replay.View) error { w = v.Watch([]byte(stays)); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := next(ops...); err != nil {
		t.Fatal(err)
	}
	if w.Dirty() || s.Keys() != stay {
		t.Errorf("%d keys are left, one that stays is dirty: %v; want %d and clean", s.Keys(), w.Dirty(), stay)
	}
}

// What stays is prepared where that is many keys, unless something before it in the same
// batches may change them; and then it is what it would be otherwise.
func TestPreparedRest(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	manyOwned(t, n, 2*replay.PrepareRows)
	var clear []journal.Op
	for _, r := range someSlots {
		clear = append(clear, &journal.RangeClear{First: r.First, Last: r.Last})
	}
	gone, stays := named("k", true), named("k", false)
	for name, x := range map[string]struct {
		before   []journal.Op
		prepared bool
	}{
		"alone":                     {nil, true},
		"after a key that goes":     {[]journal.Op{&journal.StringSet{Key: gone, Value: "x"}}, true},
		"after a key that stays":    {[]journal.Op{&journal.StringSet{Key: stays, Value: "x"}}, false},
		"after one that is renamed": {[]journal.Op{&journal.KeyRename{Key: stays, To: gone}}, false},
		"after one that is copied":  {[]journal.Op{&journal.KeyCopy{Key: stays, To: gone}}, true},
		"after a span was cleared":  {[]journal.Op{&journal.SpanClear{First: 0, Last: 9}}, false},
		"after other slots":         {[]journal.Op{&journal.RangeClear{First: 4000, Last: 4001}}, false},
		"after an exchange":         {[]journal.Op{&journal.SwapDB{}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, naive := n.Replay(t, n.Pos().Seq), n.Replay(t, n.Pos().Seq)
			pos := s.Pos()
			c := commit(t, pos.Seq+1, journal.Batch{Epoch: s.Epoch(), Prev: pos.Digest, Entries: append(entry(x.before...), entry(clear...)...)})
			if x.before == nil {
				c = commit(t, pos.Seq+1, journal.Batch{Epoch: s.Epoch(), Prev: pos.Digest, Entries: entry(clear...)})
			}
			if got := s.Prepares(c); got != x.prepared {
				t.Errorf("prepared is %v; want %v", got, x.prepared)
			}
			for st, apply := range map[*replay.State]func(...journal.Committed) error{s: s.Apply, naive: naive.ApplyUnprepared} {
				if err := errors.Join(apply(c), st.Check()); err != nil {
					t.Fatal(err)
				}
			}
			if s.Pos() != naive.Pos() || s.Keys() != naive.Keys() {
				t.Errorf("%d keys at %v; want %d at %v", s.Keys(), s.Pos(), naive.Keys(), naive.Pos())
			}
		})
	}
}
