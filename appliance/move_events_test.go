package appliance_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/admin"
)

// moveEvents returns what a node has told of a move, in order, once it has told so much.
func (m *member) moveEvents(id string, want ...string) (got []string) {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	within(m.t, 20*time.Second, fmt.Sprintf("%s: events %v of move %s", m.name, want, id), func() bool {
		list, err := op.PastEvents(m.t.Context(), m.name, time.Time{})
		if err != nil {
			m.t.Fatal(err)
		}
		got = nil
		for _, e := range list.Events {
			if e.Kind == admin.EventMove && e.Move.Move.ID == id {
				got = append(got, strings.TrimSpace(e.Move.What+" "+e.Cause))
			}
		}
		return slices.Equal(got, want)
	})
	return got
}

// Both sides of a move tell that it was begun, given, taken and has ended, and count it; a
// move that is cancelled tells that.
func TestMovesAreTold(t *testing.T) {
	a, b := twoShards(t)
	mv := a.moves("0-99", b)
	a.moveEvents(mv.ID, "begun", "given", "taken", "ended")
	b.moveEvents(mv.ID, "begun", "taken", "ended")
	for _, m := range []*member{a, b} {
		within(t, 20*time.Second, m.name+" counts the move", func() bool {
			text := m.Metrics()
			return strings.Contains(text, `ledge_cluster_moves_ended_total{outcome="moved"} 1`) && strings.Contains(text, `ledge_cluster_moves{state="copying"} 0`) &&
				strings.Contains(text, "ledge_cluster_clear_pending_keys 0")
		})
	}
	b.stop()
	op := a.op()
	defer op.Close()
	gone, err := op.ClusterMove(t.Context(), a.name, "100-199", b.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.ClusterCancel(t.Context(), a.name, gone.ID); err != nil {
		t.Fatal(err)
	}
	a.moveEvents(gone.ID, "begun", "ended cancelled")
	if text := a.Metrics(); !strings.Contains(text, `ledge_cluster_moves_ended_total{outcome="cancelled"} 1`) {
		t.Errorf("a move was cancelled, and the metrics don't have it:\n%s", text)
	}
}
