package move_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
)

// A shard that dies while its slots are copied loses them to the target, which seizes them
// without what was copied. When it comes back and yields them, what they hold there is cleared.
func TestSeizeInTheMiddle(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 200)
	all := []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}
	lost := func(subject string, _ bool) error {
		if subject == "ledge.cluster.move.end" { // so that all is copied, and nothing given
			return errAway
		}
		return nil
	}
	w.fails.Store(&lost)
	_, mover := a.up()
	if _, err := mover.Begin(t.Context(), all, right); err != nil {
		t.Fatal(err)
	}
	holds(t, b, true)
	a.kill()
	n, mover := b.up()
	if kept, err := mover.Seize(t.Context(), &journal.SlotsSeize{Ranges: all, Epoch: journal.SeizeEpochs + 1, From: left}); err != nil || kept != nil {
		t.Fatalf("seize: %v, %v kept; want none", err, kept)
	}
	if owns, _, _ := n.Custody().OwnsAll(all); !owns {
		t.Error("the slots are not the target's; want that it has seized them")
	}
	holds(t, b, false)
	a.start()
	_, mover = a.up()
	moves := a.n.Moves()
	id := moves[len(moves)-1].ID
	_ = mover.Cancel(t.Context(), id) // unless the target has told it before that the move is over
	moved(t, id, a)
	if err := mover.Yield(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	holds(t, a, false)
}

// A shard that dies between being given slots and taking them leaves them to nobody. The giver
// has them yet: it seizes them with every row. When the other one comes back it takes nothing.
func TestSeizeWhatWasGiven(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprint("the giver restarts: ", restarts), func(t *testing.T) { seizeGiven(t, restarts) })
	}
}

func seizeGiven(t *testing.T, restarts bool) {
	w, a, b := pair(t)
	fill(t, a, 200)
	before := rows(t, a, true)
	all := []journal.SlotRange{{First: 0, Last: journal.MaxSlot}}
	given := func() bool {
		n, _ := a.up()
		return n != nil && len(n.Moves()) > 0 && n.Moves()[0].Phase == cluster.Given
	}
	gone := func(string, bool) error { // from the entry that gives on, the answer to which gets lost
		if given() {
			return errAway
		}
		return nil
	}
	w.fails.Store(&gone)
	id := begin(t, a, b, all)
	until(t, "given", given, func() any { return standing([]*shard{a, b}) })
	b.kill()
	if restarts { // what was given stands in the journal alone
		a.kill()
		a.start()
	}
	n, mover := a.up()
	seize := func(ranges []journal.SlotRange) ([]journal.SlotRange, error) {
		return mover.Seize(t.Context(), &journal.SlotsSeize{Ranges: ranges, Epoch: journal.SeizeEpochs + 2, From: right})
	}
	if _, err := seize([]journal.SlotRange{{First: 0, Last: 99}}); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), id.String()) {
		t.Errorf("a part of what was given is seized: %v; want it refused, and the move named", err)
	}
	if kept, err := seize(all); err != nil || !slices.Equal(kept, all) {
		t.Fatalf("seize: %v, %v kept; want all", err, kept)
	}
	if m := n.Moves()[0]; !m.Over() || m.Cause == "" {
		t.Errorf("the move is %s with cause %q; want it ended, with a cause", m.Phase, m.Cause)
	}
	if owns, _, _ := n.Custody().OwnsAll(all); !owns {
		t.Error("the slots are not the giver's; want that it has them back")
	}
	w.fails.Store(nil)
	b.start()
	moved(t, id, b)
	holds(t, b, false)
	if bn, _ := b.up(); len(bn.Custody().Owned) > 0 {
		t.Errorf("the shard that came back owns %v; want nothing", bn.Custody().Owned)
	}
	same(t, before, b, a)
}

// holds waits until a shard has rows, or none, whosever slots they are of.
func holds(t *testing.T, s *shard, some bool) {
	t.Helper()
	keys := 0
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		n, _ := s.up()
		n.Read(t, func(v *replay.View) {
			keys = v.Slots([]journal.SlotRange{{First: 0, Last: journal.MaxSlot}}).Keys
		})
		if keys > 0 == some {
			return
		}
	}
	t.Fatalf("shard %s has %d rows; want some: %v", s.lineage, keys, some)
}

// What was given to a shard that died before it took it can't be yielded or seized away, by
// whoever says who owns slots: the shard that gave it has it alone. Once the other one is
// back it takes all of it.
func TestYieldWhatWasGiven(t *testing.T) {
	for _, ruled := range []bool{false, true} {
		t.Run(fmt.Sprint("by documents: ", ruled), func(t *testing.T) {
			var a, b *shard
			if ruled {
				c := ruledPair(t)
				a, b = c.shards[0], c.shards[1]
			} else {
				_, a, b = pair(t)
			}
			yieldGiven(t, a, b, ruled)
		})
	}
}

func yieldGiven(t *testing.T, a, b *shard, ruled bool) {
	fill(t, a, 60)
	before := rows(t, a, true)
	killAt(b, point{"SlotsTake", 1, false})
	id := begin(t, a, b, quarter(0))
	died(t, b)
	n, mover := a.up()
	back := "ledge cluster seize"
	clears := map[string]func() error{
		"Yield": func() error { return mover.Yield(t.Context(), quarter(0)) },
		"Seize": func() error {
			_, err := mover.Seize(t.Context(), &journal.SlotsSeize{Ranges: quarter(0), Epoch: journal.SeizeEpochs + 2, From: 0xd})
			return err
		},
	}
	if ruled {
		back = "FORCE"
		clears["Discard"] = func() error { return mover.Discard(t.Context(), quarter(0)) }
	}
	for what, fn := range clears {
		err := fn()
		if fault.Of(err) != fault.Refused || what != "Seize" && (!strings.Contains(err.Error(), back) || !strings.Contains(err.Error(), id.String())) {
			t.Errorf("%s: %v; want it refused, with the move and %q", what, err, back)
		}
	}
	if m := n.Moves()[0]; m.Phase != cluster.Given {
		t.Fatalf("the move is %s; want given", m.Phase)
	}
	restart(b)
	moved(t, id, a, b)
	holds(t, b, true)
	bn, _ := b.up()
	if all, _, _ := bn.Custody().OwnsAll(quarter(0)); !all {
		t.Errorf("the shard that came back owns %v; want what it was given", bn.Custody().Owned)
	}
	same(t, before, a, b)
}
