package appliance_test

import (
	"strings"
	"testing"
	"time"

	"ledge/admin"
)

// allMoves returns the moves of all shards of a node's cluster.
func (m *member) allMoves() admin.MoveList {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	list, err := op.ClusterAllMoves(m.t.Context(), m.name)
	if err != nil {
		m.t.Fatal(err)
	}
	return list
}

// moveIn returns a move of a list.
func moveIn(list admin.MoveList, id string) (mv admin.Move, ok bool) {
	for _, mv := range list.Moves {
		if mv.ID == id {
			return mv, true
		}
	}
	return mv, false
}

// An operator who has the password of one node moves slots between two other shards, sees
// how it goes, and cancels moves there.
func TestMovesAreAskedAnywhere(t *testing.T) {
	a, b := twoShards(t)
	c := memberWith(t, "c", "s3cret", nil)
	if err := c.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{a, b, c} {
		m.hears(3, 3)
	}
	op := c.op()
	defer op.Close()
	mv, err := op.ClusterMove(t.Context(), "c", "0-99", b.Status().Listen)
	if err != nil || mv.Side != "source" || mv.By == "" {
		t.Fatalf("c has a's slots moved: %+v, %v; want the part of a", mv, err)
	}
	within(t, 20*time.Second, "c hears that the move is over", func() bool {
		mv, ok := moveIn(c.allMoves(), mv.ID)
		return ok && mv.Phase == "ended" && mv.Cause == "" && mv.By != ""
	})
	if list, err := op.ClusterMoves(t.Context(), "c"); err != nil || len(list) != 0 {
		t.Errorf("c's own moves are %v, %v; want none", list, err)
	}
	if _, err := op.ClusterMove(t.Context(), "c", "0-199", c.Status().Listen); err == nil || !strings.Contains(err.Error(), "not all one shard's") {
		t.Errorf("slots of two shards are moved: %v; want it refused", err)
	}
	b.stop()
	if mv, err = op.ClusterMove(t.Context(), "c", "100-199", b.Status().Listen); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "c misses b", func() bool { return len(c.allMoves().Missing) == 1 })
	if mv, err = op.ClusterCancel(t.Context(), "c", mv.ID); err != nil || mv.Phase != "ended" || mv.Cause != "cancelled" {
		t.Errorf("c cancels a's move: %+v, %v; want it ended", mv, err)
	}
	if _, err := op.ClusterCancel(t.Context(), "c", "00000000000000aa"); err == nil {
		t.Error("a move that there is not is cancelled; want an error")
	}
}
