package move_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
)

// A target whose journal ends before it took the slots, as that of a replica may which was
// promoted, takes them once more if it has all that was given: its source has cleared them.
func TestTakenOnceMore(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 300)
	id := begin(t, a, b, someSlots)
	moved(t, id, a, b)
	had := rows(t, b, true)
	b.kill()
	cut(t, b, lastWith(t, b, "SlotsTake")-1)
	b.start()
	moved(t, id, a, b)
	if kept := rows(t, b, true); fmt.Sprint(kept) != fmt.Sprint(had) || len(had) == 0 {
		t.Errorf("%d keys are there of the slots; want the %d that were given", len(kept), len(had))
	}
	custody(t, w)
	cleared(t, a, b)
}

// If it has not all that was given it says so, and what to do: a person says that the rest is
// lost, and then the slots are its own, without anything.
func TestTakenAndLost(t *testing.T) {
	_, a, b := pair(t)
	fill(t, a, 300)
	id := begin(t, a, b, someSlots)
	moved(t, id, a, b)
	b.kill()
	cut(t, b, lastWith(t, b, "MoveBegin"))
	b.start()
	until(t, "said", func() bool {
		return strings.Contains(b.mover.Moves()[0].Progress.Cause, "--from "+right.String()+" --accept-loss")
	}, func() any { return standing([]*shard{a, b}) })
	if at := b.mover.Lost(someSlots[:1]); at != 0 {
		t.Errorf("a part of the slots of the move was lost at epoch %d; want all of them at once", at)
	}
	at := b.mover.Lost(someSlots)
	if at == 0 {
		t.Fatal("the slots do not count as lost")
	}
	op := &journal.SlotsSeize{Ranges: someSlots, Epoch: at + journal.SeizeEpochs, From: right}
	if kept, err := b.mover.Seize(t.Context(), op); err != nil || kept != nil {
		t.Fatalf("Seize = %v, %v; want all slots without anything", kept, err)
	}
	if all, _, epoch := b.n.Custody().OwnsAll(someSlots); !all || epoch != op.Epoch {
		t.Errorf("all slots are owned: %v, at epoch %d; want all at %d", all, epoch, op.Epoch)
	}
	if left := rows(t, b, true); len(left) > 0 {
		t.Errorf("%d keys are there; want none", len(left))
	}
}

// The source gives up what it has given only once the target's replicas know that it was taken:
// any of them may have to lead the target's shard.
func TestTakenAtReplicas(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 300)
	why := error(errors.New("a replica is behind"))
	b.behind.Store(&why)
	id := begin(t, a, b, someSlots)
	until(t, "waiting for a replica", func() bool {
		_, mover := b.up()
		moves := mover.Moves()
		return len(moves) == 1 && moves[0].Phase == cluster.Taken && strings.Contains(moves[0].Progress.Cause, "replicas do not know yet")
	}, func() any { return standing([]*shard{a, b}) })
	var looks atomic.Int64 // of the source, for whoever has the slots from the target
	later := b.n.Moves()[0].Epoch + 1
	asked := func(epoch uint64) {
		if epoch == later {
			looks.Add(1)
		}
	}
	w.asked.Store(&asked)
	until(t, "looked for", func() bool { return looks.Load() > 1 }, func() any { return standing([]*shard{a, b}) })
	if mv := a.n.Moves()[0]; mv.Phase != cluster.Given {
		t.Errorf("the move is %s at the source; want it given", mv.Phase)
	}
	if kept := rows(t, a, false); len(kept) == 0 {
		t.Error("the source has cleared what the target's replicas need not have")
	}
	b.behind.Store(nil)
	moved(t, id, a, b)
	custody(t, w)
	cleared(t, a, b)
}

// A document that gives a third shard slots which were given to another one, that died before it
// took them, does not have the source clear them: the third shard has nothing of what they hold.
func TestGivenAndDocumentForThird(t *testing.T) {
	const third journal.Lineage = 0xc
	w := newWorld(t, left, right, third)
	all := []*shard{w.shards[left], w.shards[right], w.shards[third]}
	tell := func(version uint64, force bool, owned [3]string, to ...int) {
		t.Helper()
		var lines []string
		for i := range all {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s h %d master - %s", masterID(i), i+1, owned[i])))
		}
		for _, i := range to {
			n, _ := all[i].up()
			err := n.Do(func(d *replay.Draft) error {
				return d.Moving(&journal.ClusterDocument{Version: version, Master: masterID(i), Text: strings.Join(lines, "\n"), Force: force})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	tell(1, false, [3]string{"0-16383"}, 0, 1, 2)
	a, b := all[0], all[1]
	fill(t, a, 300)
	killAt(b, point{"SlotsTake", 1, false})
	if _, err := a.mover.Begin(t.Context(), quarter(0), right); err != nil {
		t.Fatal(err)
	}
	died(t, b)
	b.kill()
	had := len(rows(t, a, false))
	for version := uint64(2); version < 6; version++ { // the epochs of later ones are above the move's
		tell(version, false, [3]string{"4096-16383", "", "0-4095"}, 0, 2)
	}
	offers := w.calls.Load() // the source offers the move to who is not there, once it has looked
	until(t, "offered twice", func() bool { return w.calls.Load() > offers+1 }, func() any { return standing([]*shard{a}) })
	if kept := len(rows(t, a, false)); kept != had || had == 0 {
		t.Errorf("the source has %d keys of what nobody has taken; want %d", kept, had)
	}
	tell(9, true, [3]string{"0-16383"}, 0, 2)
	if mine, _, _ := a.n.Custody().OwnsAll(quarter(0)); !mine {
		t.Error("a document has not brought the slots back")
	}
}
