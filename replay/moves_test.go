package replay_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// moving returns a command that adds effects on moves.
func moving(ops ...journal.Op) replaytest.Command {
	return func(d *replay.Draft) error {
		for _, op := range ops {
			if err := d.Moving(op); err != nil {
				return err
			}
		}
		return nil
	}
}

var movedSlots = []journal.SlotRange{{First: 10, Last: 20}, {First: 5000, Last: 5000}}

// shortly writes moves in short.
func shortly(list []cluster.Move) string {
	s := ""
	for _, m := range list {
		s += fmt.Sprintf("%d %s at %d/%d @%d %q; ", m.ID, m.Phase, m.Cursor, m.At.Seq, m.Epoch, m.Cause)
	}
	return s
}

// A move takes its steps in order on each side, and what does not apply changes nothing.
func TestMoves(t *testing.T) {
	source, target := replaytest.Open(t, 1, writer.Config{}), replaytest.Open(t, 1, writer.Config{})
	source.Must(found("c1", someSlots...))
	target.Must(moving(&journal.ClusterJoin{Cluster: "c1"}))
	for _, step := range []struct {
		n       *replaytest.Node
		op      journal.Op
		refused bool
		moves   string
		owned   int
	}{
		{source, &journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: []journal.SlotRange{{First: 90, Last: 100}}, Shard: 7}, true, "", 11101},
		{source, &journal.MoveBegin{ID: 1, Side: journal.Target, Ranges: movedSlots, Shard: 7}, true, "", 11101},
		{source, &journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: movedSlots, Shard: 7}, false, `1 copying at 0/0 @0 ""; `, 11101},
		{source, &journal.MoveBegin{ID: 2, Side: journal.Source, Ranges: someSlots, Shard: 7}, true, `1 copying at 0/0 @0 ""; `, 11101},
		{source, &journal.SlotsTake{ID: 1, Epoch: 2}, true, `1 copying at 0/0 @0 ""; `, 11101},
		{source, &journal.MoveTaken{ID: 1}, true, `1 copying at 0/0 @0 ""; `, 11101},
		{source, &journal.SlotsGive{ID: 1, Epoch: 1}, true, `1 copying at 0/0 @0 ""; `, 11101},
		{source, &journal.SlotsGive{ID: 1, Epoch: 2, Seq: 9, Digest: 8}, false, `1 given at 0/0 @2 ""; `, 11089},
		{source, &journal.MoveEnd{ID: 1, Cause: "cancelled"}, true, `1 given at 0/0 @2 ""; `, 11089},
		{source, &journal.ClusterLeave{}, true, `1 given at 0/0 @2 ""; `, 11089},
		{source, &journal.MoveTaken{ID: 1}, false, `1 taken at 0/0 @2 ""; `, 11089},
		{source, &journal.MoveEnd{ID: 1}, false, `1 ended at 0/0 @2 ""; `, 11089},
		{source, &journal.MoveEnd{ID: 1}, true, `1 ended at 0/0 @2 ""; `, 11089},

		{target, &journal.MoveBegin{ID: 1, Side: journal.Source, Ranges: movedSlots, Shard: 7}, true, "", 0},
		{target, &journal.MoveBegin{ID: 1, Side: journal.Target, Ranges: movedSlots, Shard: 7}, false, `1 copying at 0/0 @0 ""; `, 0},
		{target, &journal.MoveAt{ID: 1, Cursor: 5, Seq: 6}, false, `1 copying at 5/6 @0 ""; `, 0},
		{target, &journal.MoveAt{ID: 3, Cursor: 5, Seq: 6}, true, `1 copying at 5/6 @0 ""; `, 0},
		{target, &journal.MoveReady{ID: 1, Seq: 6, Digest: 3}, false, `1 ready at 5/6 @0 ""; `, 0},
		{target, &journal.MoveAt{ID: 1, Cursor: 5, Seq: 7}, false, `1 copying at 5/7 @0 ""; `, 0},
		{target, &journal.SlotsTake{ID: 1}, true, `1 copying at 5/7 @0 ""; `, 0},
		{target, &journal.SlotsTake{ID: 1, Epoch: 2}, false, `1 taken at 5/7 @2 ""; `, 12},
		{target, &journal.MoveEnd{ID: 1}, false, `1 ended at 5/7 @2 ""; `, 12},
		{target, &journal.MoveBegin{ID: 2, Side: journal.Target, Ranges: movedSlots, Shard: 7}, true, `1 ended at 5/7 @2 ""; `, 12},
		{target, &journal.MoveBegin{ID: 2, Side: journal.Source, Ranges: movedSlots, Shard: 7}, false, `1 ended at 5/7 @2 ""; 2 copying at 0/0 @0 ""; `, 12},
		{target, &journal.MoveEnd{ID: 2}, true, `1 ended at 5/7 @2 ""; 2 copying at 0/0 @0 ""; `, 12},
		{target, &journal.MoveEnd{ID: 2, Cause: "cancelled"}, false, `1 ended at 5/7 @2 ""; 2 ended at 0/0 @0 "cancelled"; `, 12},
	} {
		var err error
		digest := step.n.Pos().Digest
		step.n.Must(func(d *replay.Draft) error { err = moving(step.op)(d); return nil })
		if refused := fault.Of(err) == fault.Refused && err != nil; refused != step.refused {
			t.Fatalf("%s %+v: %v; want refused %v", step.op, step.op, err, step.refused)
		}
		if step.refused && step.n.Pos().Digest != digest {
			t.Errorf("%+v: the digest has changed", step.op)
		}
		owned := 0
		for _, o := range step.n.Custody().Owned {
			owned += o.Len()
		}
		if got := shortly(step.n.Moves()); got != step.moves || owned != step.owned {
			t.Errorf("%+v: moves %s, %d slots; want %s, %d", step.op, got, owned, step.moves, step.owned)
		}
	}
	sameAfterwards(t, source)
	sameAfterwards(t, target)
}

// A shard that is to take slots which its journal has yet, since they were seized, says what to
// do about them.
func TestMoveOfUnyieldedSlots(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(found("c1", journal.SlotRange{First: 0, Last: 99}, journal.SlotRange{First: 200, Last: 299}))
	var err error
	n.Must(func(d *replay.Draft) error {
		err = moving(&journal.MoveBegin{ID: 1, Side: journal.Target, Ranges: []journal.SlotRange{{First: 50, Last: 209}, {First: 250, Last: 400}}, Shard: 7})(d)
		return nil
	})
	if want := "ledge cluster yield 50-99,200-209,250-299,"; err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Refused {
		t.Errorf("%v, of class %v; want it refused, with %q", err, fault.Of(err), want)
	}
}

// sameAfterwards compares what a journal and a snapshot make of custody and moves.
func sameAfterwards(t *testing.T, n *replaytest.Node) {
	t.Helper()
	b, load := saved(t, n)
	loaded, err := load(b)
	if err != nil {
		t.Fatal(err)
	}
	for how, s := range map[string]*replay.State{"replayed": n.Replay(t, n.Pos().Seq), "from a snapshot": loaded} {
		if !reflect.DeepEqual(s.Custody(), n.Custody()) || !reflect.DeepEqual(s.Moves(), n.Moves()) || s.Pos() != n.Pos() {
			t.Errorf("%s: %+v, %+v at %s; want %+v, %+v at %s", how, s.Custody(), s.Moves(), s.Pos(), n.Custody(), n.Moves(), n.Pos())
		}
	}
}

// Of moves that have ended the last are kept, and so many may be under way.
func TestMovesBound(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(found("c1", journal.SlotRange{First: 0, Last: journal.MaxSlot}))
	for id := journal.MoveID(1); id <= 100; id++ {
		n.Must(moving(&journal.MoveBegin{ID: id, Side: journal.Source, Ranges: movedSlots, Shard: 7}, &journal.MoveEnd{ID: id, Cause: "x"}))
	}
	if list := n.Moves(); len(list) != 32 || list[0].ID != 69 || list[31].ID != 100 {
		t.Errorf("%d moves, %s; want 69 to 100", len(list), shortly(list))
	}
	var err error
	for slot := uint16(0); err == nil && slot < 100; slot++ {
		n.Must(func(d *replay.Draft) error {
			err = moving(&journal.MoveBegin{ID: 200 + journal.MoveID(slot), Side: journal.Source,
				Ranges: []journal.SlotRange{{First: slot, Last: slot}}, Shard: 7})(d)
			return nil
		})
	}
	if under := len(n.Moves()) - 32; err == nil || under != 64 {
		t.Errorf("%d moves are under way, %v; want 64 and an error", under, err)
	}
}

// A row that can't be a move is none: a snapshot with one is refused.
func TestMoveRows(t *testing.T) {
	good := cluster.Move{ID: 5, Side: journal.Source, Phase: cluster.Copying, Ranges: movedSlots, Shard: 1 << 63, Order: 1}
	if m, err := cluster.ParseMove(5, good.Text()); err != nil || !reflect.DeepEqual(m, good) {
		t.Errorf("ParseMove(%s) = %+v, %v; want %+v", good.Text(), m, err, good)
	}
	for _, text := range []string{"", "{}", good.Text() + " ", `{"side":3,"phase":"copying","ranges":[{"First":1,"Last":2}],"shard":1,"order":1}`,
		`{"side":1,"phase":"copying","ranges":[{"First":2,"Last":1}],"shard":1,"order":1}`, `{"side":1,"phase":"copying","ranges":null,"shard":1,"order":1}`} {
		if m, err := cluster.ParseMove(5, text); err == nil {
			t.Errorf("ParseMove(%s) = %+v; want an error", text, m)
		}
	}
}

// What was joined can be left while nothing is owned, and another cluster be joined then.
func TestJoinAndLeave(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	n.Must(moving(&journal.ClusterJoin{Cluster: "c1"}))
	if c := n.Custody(); c.Cluster != "c1" || len(c.Owned) > 0 {
		t.Errorf("custody = %+v; want none in c1", c)
	}
	n.Must(func(d *replay.Draft) error {
		if err := errors.Join(d.Moving(&journal.ClusterJoin{Cluster: "c2"}), d.FoundSlots("c2", someSlots)); fault.Of(err) != fault.Refused {
			t.Errorf("joining again = %v; want it refused", err)
		}
		return nil
	})
	n.Must(moving(&journal.ClusterLeave{}))
	n.Must(moving(&journal.ClusterJoin{Cluster: "c2"}))
	if c := n.Custody(); c.Cluster != "c2" {
		t.Errorf("custody = %+v; want c2", c)
	}
	sameAfterwards(t, n)
}

// Slots that the shard has not can be seized, at an epoch that no move comes to, and those
// that it has can be yielded; neither while they move.
func TestSeizeAndYield(t *testing.T) {
	n := replaytest.Open(t, 1, writer.Config{})
	seized := &journal.SlotsSeize{Ranges: movedSlots, Epoch: journal.SeizeEpochs + 1, From: 7}
	refuses := func(why string, op journal.Op) {
		t.Helper()
		before := n.State.Custody()
		var err error
		n.Must(func(d *replay.Draft) error { err = moving(op)(d); return nil })
		if err == nil || fault.Of(err) != fault.Refused || n.State.Custody() != before {
			t.Errorf("%s: %T = %v, with the custody %+v; want it refused, and %+v", why, op, err, n.State.Custody(), before)
		}
	}
	refuses("in no cluster", seized)
	n.Must(moving(&journal.ClusterJoin{Cluster: "c1"}))
	refuses("the epoch is one of moves", &journal.SlotsSeize{Ranges: movedSlots, Epoch: journal.SeizeEpochs - 1, From: 7})
	refuses("they are not the shard's", &journal.SlotsYield{Ranges: movedSlots})
	n.Must(moving(&journal.MoveBegin{ID: 1, Side: journal.Target, Ranges: movedSlots, Shard: 7}))
	refuses("they move", seized)
	n.Must(moving(&journal.MoveEnd{ID: 1, Cause: "its shard is gone"}, seized))
	if all, _, epoch := n.State.Custody().OwnsAll(movedSlots); !all || epoch != journal.SeizeEpochs+1 {
		t.Errorf("after a seizure the shard owns %+v; want %v at the epoch of the seizure", n.State.Custody(), movedSlots)
	}
	refuses("it has them", seized)
	back := &journal.SlotsSeize{Ranges: movedSlots, Epoch: 2*journal.SeizeEpochs + 3, From: 8}
	n.Must(moving(&journal.MoveBegin{ID: 2, Side: journal.Source, Ranges: movedSlots, Shard: 8}, &journal.SlotsGive{ID: 2, Epoch: journal.SeizeEpochs + 2}))
	refuses("they were given to another shard", &journal.SlotsSeize{Ranges: movedSlots, Epoch: back.Epoch, From: 7})
	refuses("others were given with them", &journal.SlotsSeize{Ranges: movedSlots[:1], Epoch: back.Epoch, From: 8})
	n.Must(moving(back))
	if all, _, epoch := n.State.Custody().OwnsAll(movedSlots); !all || epoch != back.Epoch || !n.Moves()[1].Failed(journal.Source) {
		t.Errorf("after what was given is seized the shard owns %+v, and the move is %+v; want %v, and it ended with a cause", n.State.Custody(), n.Moves()[1], movedSlots)
	}
	n.Must(moving(&journal.SlotsYield{Ranges: movedSlots[:1]}))
	if _, any, _ := n.State.Custody().OwnsAll(movedSlots[:1]); any || !n.State.Custody().Owns(5000) {
		t.Errorf("after slots were yielded the shard owns %+v; want slot 5000 alone", n.State.Custody())
	}
	sameAfterwards(t, n)
}
