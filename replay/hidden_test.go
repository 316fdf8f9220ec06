package replay_test

// Rows of slots that a shard does not own are hidden. These tests make such rows by
// founding a cluster with some slots over keys in all of them, and hold what a view shows
// against a model that picks by slot.

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/recovery"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// owned reports whether a key's slot is one of someSlots.
func owned(key string) bool {
	slot := value.Slot(key)
	return slices.ContainsFunc(someSlots, func(r journal.SlotRange) bool { return r.First <= slot && slot <= r.Last })
}

// named returns a name with a prefix whose slot is owned, or is not.
func named(prefix string, wanted bool) string {
	for i := 0; ; i++ {
		if key := fmt.Sprintf("%s%d", prefix, i); owned(key) == wanted {
			return key
		}
	}
}

// shows compares what a view shows with the keys that there are and their deadlines. In a
// draft, keys by slot and deadlines are those of before, so they are not looked at.
func shows(t *testing.T, v *replay.View, all map[string]int64) {
	t.Helper()
	var want []string
	for key := range all {
		if owned(key) {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	walks(t, v, want)
	for range 200 {
		if key, ok := v.RandomKey(); ok != (len(want) > 0) || ok && !owned(key) {
			t.Errorf("RandomKey = %q, %v; want one of %d that are owned", key, ok, len(want))
		}
	}
	for key := range all {
		v.EachInSlot(value.Slot(key), func(k string) bool {
			if !owned(k) {
				t.Errorf("EachInSlot gives %q, which is hidden", k)
			}
			return true
		})
	}
	if !v.Drafting() {
		counts(t, v, all)
	}
}

// walks compares what ways to walk all keys give with the keys that are wanted, and how
// many there are said to be.
func walks(t *testing.T, v *replay.View, want []string) {
	t.Helper()
	if got := v.Len(0); got != len(want) {
		t.Errorf("Len = %d; want %d", got, len(want))
	}
	var each []string
	v.Each(func(key string, _ value.Type) bool { each = append(each, key); return true })
	if slices.Sort(each); !slices.Equal(each, want) {
		t.Errorf("Each gives %d keys; want %d", len(each), len(want))
	}
	for _, count := range []int{1, 7, 10_000} {
		var scanned []string
		for cursor, more := uint64(0), true; more; more = cursor != 0 {
			cursor = v.Scan(cursor, count, func(key string, _ value.Type) { scanned = append(scanned, key) })
		}
		if slices.Sort(scanned); !slices.Equal(scanned, want) {
			t.Errorf("Scan by %d gives %d keys; want %d", count, len(scanned), len(want))
		}
	}
}

// counts compares what is counted by slot, and of deadlines.
func counts(t *testing.T, v *replay.View, all map[string]int64) {
	t.Helper()
	inSlots, shown, timed, sum := 0, 0, 0, int64(0)
	for slot := range uint16(journal.MaxSlot + 1) {
		inSlots += v.SlotKeys(0, slot)
	}
	for key, at := range all {
		if !owned(key) {
			continue
		}
		if shown++; at != 0 {
			timed++
			sum += at
		}
	}
	if inSlots != shown {
		t.Errorf("%d keys in all slots; want %d", inSlots, shown)
	}
	wantAvg := int64(0)
	if timed > 0 {
		wantAvg = sum/int64(timed) - v.Now()
	}
	if keys, avg := v.Expiring(0); keys != timed || avg != wantAvg {
		t.Errorf("Expiring = %d, %d; want %d, %d", keys, avg, timed, wantAvg)
	}
}

// everywhere gives a node keys in many slots, every third with a deadline, and returns
// them.
func everywhere(n *replaytest.Node, many int) map[string]int64 {
	all := make(map[string]int64)
	var cmds []replaytest.Command
	for i := range many {
		key, at := fmt.Sprintf("k%d", i), int64(0)
		if i%3 == 0 {
			at = n.Clock.Now().UnixMilli() + 50_000 + int64(i)
		}
		all[key] = at
		cmds = append(cmds, setUntil(0, key, at))
	}
	n.Must(cmds...)
	return all
}

func TestHiddenRows(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	all := everywhere(n, 3000)
	look := func(s *replay.State) {
		t.Helper()
		if err := s.View(n.Clock.Now(), func(v *replay.View) error { shows(t, v, all); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	n.Must(func(d *replay.Draft) error { // founded in the same draft, and taken back
		m := d.Mark()
		if err := d.FoundSlots("c1", someSlots); err != nil {
			return err
		}
		shows(t, &d.View, all)
		d.Undo(m)
		if d.Len(0) != len(all) {
			t.Errorf("Len = %d after Undo; want %d", d.Len(0), len(all))
		}
		return d.FoundSlots("c1", someSlots)
	})
	look(n.State)
	for i := range 600 { // changes of both kinds of rows, seen by the draft and after it
		key := fmt.Sprintf("k%d", i)
		switch i % 3 {
		case 0:
			delete(all, key)
			n.Must(del(key))
		case 1:
			all[key] = 99_000_000
			n.Must(expire(key, 99_000_000))
		case 2:
			delete(all, key)
			all["new"+key] = 0
			n.Must(rename(key, "new"+key))
		}
	}
	look(n.State)
	look(n.Replay(t, n.Pos().Seq))
	b, load := saved(t, n)
	s, err := load(b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	look(s)
	if s.Keys() != len(all) || n.Keys() != len(all) {
		t.Errorf("%d keys, and %d in a snapshot; want all %d in both", n.Keys(), s.Keys(), len(all))
	}
}

// A draft shows what it has changed itself of both kinds of rows, and has cleared.
func TestHiddenRowsInDraft(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	had := everywhere(n, 2000)
	n.Must(found("c1", someSlots...))
	n.Must(func(d *replay.Draft) error {
		m := d.Mark()
		all := maps.Clone(had)
		for i := range 300 {
			key := fmt.Sprintf("k%d", 1000+i)
			delete(all, key)
			all["late"+key] = 0
			_, err := d.Delete([]byte(key))
			if err = errors.Join(err, d.SetString([]byte("late"+key), []byte("v"), 0)); err != nil {
				return err
			}
		}
		shows(t, &d.View, all)
		if err := d.ClearSlots(0, 50, 9000); err != nil {
			return err
		}
		maps.DeleteFunc(all, func(key string, _ int64) bool { return 50 <= value.Slot(key) && value.Slot(key) <= 9000 })
		shows(t, &d.View, all)
		d.Undo(m)
		shows(t, &d.View, had)
		return nil
	})
}

// What clears a database leaves hidden rows, in the draft's eyes and when it is applied,
// and is one effect if there are none.
func TestClearLeavesHiddenRows(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	all := everywhere(n, 2000)
	n.Must(found("c1", someSlots...))
	hidden, after := 0, named("after", true)
	for key := range all {
		if !owned(key) {
			hidden++
		}
	}
	n.Must(func(d *replay.Draft) error {
		if err := d.Clear(0); err != nil {
			return err
		}
		shows(t, &d.View, nil)
		return d.SetString([]byte(after), nil, 0)
	})
	n.Read(t, func(v *replay.View) { shows(t, v, map[string]int64{after: 0}) })
	if n.Keys() != hidden+1 {
		t.Errorf("%d keys are left; want the %d hidden ones and one", n.Keys(), hidden)
	}
	replica := n.Replay(t, n.Pos().Seq)
	n.Must(func(d *replay.Draft) error { // the hidden rows go
		for _, r := range []journal.SlotRange{{First: 100, Last: 4999}, {First: 16001, Last: journal.MaxSlot}} {
			if err := d.ClearSlots(0, r.First, r.Last); err != nil {
				return err
			}
		}
		return nil
	})
	n.Must(set(0, named("more", true)), clearDB(0))
	if err := recovery.CatchUp(t.Context(), n.Log, replica, n.Pos().Seq); err != nil {
		t.Fatal(err)
	}
	if n.Keys() != 0 || replica.Keys() != 0 {
		t.Errorf("%d keys are left, and %d on a replica; want none", n.Keys(), replica.Keys())
	}
	var clears []string
	for c, err := range n.Log.Read(t.Context(), n.Pos().Seq) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Batch().Entries {
			for _, op := range e.Ops {
				if _, ok := op.(*journal.RangeClear); ok {
					clears = append(clears, fmt.Sprint(journal.Describe(op)))
				}
			}
		}
	}
	if want := "map[DB:0 First:0 Last:16383 op:RangeClear]"; !slices.Equal(clears, []string{want}) {
		t.Errorf("a flush without hidden rows = %q; want %q alone", clears, want)
	}
}

// dueKeys sets so many keys of slots that are not owned, due from 100 to 599 ms after now,
// and of owned ones, due after them.
func dueKeys(now int64, hidden, shown int) (cmds []replaytest.Command) {
	for i := 0; hidden > 0 || shown > 0; i++ {
		key := fmt.Sprintf("k%d", i)
		switch {
		case owned(key) && shown > 0:
			shown--
			cmds = append(cmds, setUntil(0, key, now+900))
		case !owned(key) && hidden > 0:
			hidden--
			cmds = append(cmds, setUntil(0, key, now+100+int64(i%500)))
		}
	}
	return cmds
}

// The sweeper leaves hidden rows and their fields alone, comes to owned ones that are due
// after many of them, and journals nothing once those are gone.
func TestSweepLeavesHiddenRows(t *testing.T) {
	var expired []string
	n := replaytest.Open(t, 1, writer.Config{
		Wanted: func() events.Class { return events.Expired },
		Events: func(es []events.Event) {
			for _, e := range es {
				expired = append(expired, e.Key)
			}
		},
	})
	now := n.Clock.Now().UnixMilli()
	const many, shown = 2*replay.MostPassed + 100, 20
	fields := func(key string) replaytest.Command {
		return func(d *replay.Draft) error {
			_, err := d.SetFields([]byte(key), now+100, [][]byte{[]byte("f"), []byte("v")})
			return err
		}
	}
	theirs, ours := named("h", false), named("h", true)
	cmds := dueKeys(now, many, shown)
	n.Must(append(cmds, fields(theirs), fields(ours), found("c1", someSlots...))...)
	n.Clock.Add(2 * time.Second)
	swept := make(chan int, 1024)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); n.Writer.Sweep(ctx, func(keys int) { swept <- keys }) }()
	for total := 0; total < shown+1; {
		total += <-swept
	}
	cancel()
	<-ended
	if got := n.Keys(); got != many+1 {
		t.Errorf("%d keys are left; want the %d hidden ones", got, many+1)
	}
	if len(expired) != shown {
		t.Errorf("%d keys are said to have expired; want %d", len(expired), shown)
	}
	n.Read(t, func(v *replay.View) { shows(t, v, nil) })
	// Nothing is left to do, and that is known without going over the hidden ones again.
	steps := 0
	for n.State.Due(n.Clock.Now()) && steps < 10 { // each passes some
		steps++
	}
	if steps == 10 {
		t.Error("the sweeper finds something to do again and again")
	}
	if at := n.State.Passed(0); at != now+599 {
		t.Errorf("the sweeper has passed deadlines up to %d; want %d, the last hidden one", at-now, 599)
	}
	// One that is owned and due earlier than those that were passed is found.
	n.Must(func(d *replay.Draft) error { return d.SetString([]byte(ours), nil, now+50) })
	if !n.State.Due(n.Clock.Now()) {
		t.Error("an owned key before the hidden ones is not due")
	}
}

// Whoever listens for keys that come to be, or waits for them, hears of none that is
// hidden.
func TestHiddenRowsMakeNoEvents(t *testing.T) {
	var told []string
	n := replaytest.Open(t, 1, writer.Config{
		Wanted: func() events.Class { return events.NewKey | events.Expired },
		Events: func(es []events.Event) {
			for _, e := range es {
				told = append(told, e.Name+" "+e.Key)
			}
		},
	})
	n.Must(found("c1", someSlots...))
	theirs, ours := named("a", false), named("b", true)
	push := func(key string) replaytest.Command {
		return func(d *replay.Draft) error {
			_, err := d.Push([]byte(key), true, [][]byte{[]byte("x")})
			return err
		}
	}
	var ready []replay.Ready
	n.Must(push(theirs), push(ours), func(d *replay.Draft) error { ready = d.Ready(); return nil })
	if want := []string{"new " + ours}; !slices.Equal(told, want) {
		t.Errorf("events = %q; want %q", told, want)
	}
	if want := []replay.Ready{{Key: ours}}; !slices.Equal(ready, want) {
		t.Errorf("Ready = %+v; want %+v", ready, want)
	}
}
