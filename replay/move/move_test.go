package move_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/writer"
)

// fill writes keys of all types.
func fill(t *testing.T, s *shard, keys int) {
	t.Helper()
	n, _ := s.up()
	for i := range keys {
		n.Must(func(d *replay.Draft) error { return write(d, fmt.Sprint("k", i), i) })
	}
}

// write writes a key of a type that goes by v.
func write(d *replay.Draft, key string, v int) error {
	k, val := []byte(key), fmt.Append(nil, "v", v)
	if _, err := d.Delete(k); err != nil {
		return err
	}
	many := make([][]byte, 0, 2*(v%40+1))
	for i := range 2 * (v%40 + 1) {
		many = append(many, fmt.Append(nil, "e", i, v))
	}
	switch v % 7 {
	case 0:
		return d.SetString(k, val, 0)
	case 1:
		return d.SetString(k, val, 5_000_000_000_000)
	case 2:
		_, err := d.Push(k, false, many)
		return err
	case 3:
		_, err := d.AddMembers(k, many)
		return err
	case 4:
		return d.SetScores(k, []value.Scored{{Score: float64(v), Member: many[0]}, {Score: -1, Member: many[1]}})
	}
	if _, err := d.SetFields(k, 0, many); err != nil || v%7 < 6 {
		return err
	}
	return d.ExpireFields(k, 5_000_000_000_000+int64(v%3), many[:1])
}

// rows returns what a shard holds in slots that it owns, or in those that it does not.
func rows(t *testing.T, s *shard, owned bool) map[string]string {
	t.Helper()
	n, _ := s.up()
	held := make(map[string]string)
	n.Read(t, func(v *replay.View) {
		v.Rows(0, func(_ uint64, key string, r value.Record) bool {
			if n.Custody().Owns(value.Slot(key)) == owned {
				held[key] = fmt.Sprint(replaytest.Show(t, v, key), r.At)
			}
			return true
		})()
	})
	return held
}

var someSlots = []journal.SlotRange{{First: 100, Last: 4999}, {First: 9000, Last: 12000}}

// begin begins a move.
func begin(t *testing.T, from, to *shard, ranges []journal.SlotRange) journal.MoveID {
	t.Helper()
	_, mover := from.up()
	id, err := mover.Begin(context.Background(), ranges, to.lineage)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Slots that have come are moved on at once, though the shard that has them does not know yet
// that the move which has brought them is over.
func TestMoveOn(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 200)
	all := []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}
	told := make(chan struct{})
	fails := func(subject string, _ bool) error {
		select {
		case <-told:
		default:
			if subject == move.SubjectTaken {
				return errAway
			}
		}
		return nil
	}
	w.fails.Store(&fails)
	first := begin(t, a, b, all)
	n, _ := b.up()
	until(t, "taken", func() bool { owns, _, _ := n.Custody().OwnsAll(all); return owns }, func() any { return standing([]*shard{a, b}) })
	time.AfterFunc(300*time.Millisecond, func() { close(told) })
	second := begin(t, b, a, all)
	moved(t, first, a, b)
	moved(t, second, a, b)
	holds(t, a, true)
	holds(t, b, false)
}

// Slots move with all that they hold, and nothing is left behind.
func TestMove(t *testing.T) {
	_, a, b := pair(t)
	fill(t, a, 2000)
	before := rows(t, a, true)
	moved(t, begin(t, a, b, someSlots), a, b)
	there, here := rows(t, b, true), rows(t, a, true)
	if len(there)+len(here) != len(before) || len(there) == 0 {
		t.Errorf("%d keys moved and %d stayed; want %d", len(there), len(here), len(before))
	}
	for key, val := range before {
		in := here
		if cluster := (&cluster.Move{Ranges: someSlots}); cluster.Has(value.Slot(key)) {
			in = there
		}
		if in[key] != val {
			t.Fatalf("%s = %s; want %s", key, in[key], val)
		}
	}
	if hidden := len(rows(t, a, false)) + len(rows(t, b, false)); hidden > 0 {
		t.Errorf("%d keys are left in slots that nobody owns there; want none", hidden)
	}
	moved(t, begin(t, b, a, someSlots), a, b)
	if back := rows(t, a, true); fmt.Sprint(back) != fmt.Sprint(before) {
		t.Errorf("%d keys after moving back; want what there was, %d", len(back), len(before))
	}
	if e := custodyEpochs(a); e != "map[1:8483 3:7901]" {
		t.Errorf("epochs of slots %s; want 1 of those that stayed, 3 of the others", e)
	}
}

func custodyEpochs(s *shard) string {
	n, _ := s.up()
	count := make(map[uint64]int)
	for _, o := range n.Custody().Owned {
		count[o.Epoch] += o.Len()
	}
	return fmt.Sprint(count)
}

// writing has a shard's clients write at random, until stop is called, which returns what
// they know to be written.
func writing(t *testing.T, keys int, owners ...*shard) (stop func() map[string]int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	known := make(map[string]int)
	done, wrote := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		rng := rand.New(rand.NewPCG(7, 8))
		for i := 0; ctx.Err() == nil; i++ {
			key := fmt.Sprint("k", rng.IntN(keys))
			for !writeAt(owners, key, i) {
				if time.Sleep(time.Millisecond); ctx.Err() != nil {
					delete(known, key) // it may be written or not
					return
				}
			}
			if known[key] = i; i == 0 {
				close(wrote)
			}
		}
	}()
	return func() map[string]int {
		select {
		case <-wrote:
		case <-time.After(30 * time.Second): // check says that nothing was written
		}
		cancel()
		<-done
		return known
	}
}

// writeAt writes a key where it is owned, and reports whether that was acknowledged.
func writeAt(owners []*shard, key string, v int) bool {
	for _, s := range owners {
		n, _ := s.up()
		if n == nil || !n.Custody().Owns(value.Slot(key)) {
			continue
		}
		var err error
		p := replaytest.NewGroup(func(d *replay.Draft) error {
			if !d.Custody().Owns(value.Slot(key)) {
				err = errAway
				return err
			}
			err = write(d, key, v)
			return err
		})
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if perr := n.Writer.Propose(ctx, p); perr == nil && p.Err() == nil && err == nil {
			cancel()
			return true
		}
		cancel()
	}
	return false
}

// While slots move to and fro clients write, and nothing that was acknowledged is lost.
func TestMoveUnderWrites(t *testing.T) {
	_, a, b := pair(t)
	fill(t, a, 1000)
	stop := writing(t, 1000, a, b)
	for i := range 6 {
		from, to := a, b
		if i%2 == 1 {
			from, to = b, a
		}
		moved(t, begin(t, from, to, someSlots), a, b)
	}
	check(t, stop(), a, b)
}

// check looks whether each key is where its slot is owned, with what was written last.
func check(t *testing.T, known map[string]int, a, b *shard) {
	t.Helper()
	if len(known) == 0 {
		t.Fatal("nothing was written")
	}
	want := make(map[string]string)
	scratch := replaytest.Open(t, 1, writer.Config{})
	for key, v := range known {
		scratch.Must(func(d *replay.Draft) error { return write(d, key, v) })
		scratch.Read(t, func(view *replay.View) { want[key] = replaytest.Show(t, view, key) })
	}
	got := rows(t, a, true)
	for key, val := range rows(t, b, true) {
		if _, twice := got[key]; twice {
			t.Errorf("%s is at both", key)
		}
		got[key] = val
	}
	for key, val := range want {
		if at := "0"; got[key] != val+at && got[key] != val+"5000000000000" {
			t.Errorf("%s = %.80s; want %.80s", key, got[key], val)
		}
	}
}
