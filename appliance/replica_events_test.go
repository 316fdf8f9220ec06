package appliance

import (
	"fmt"
	"testing"
	"time"

	"ledge/admin"
	"ledge/replay/standing"
)

// A replica comes when it streams, and is lost once it has not counted for a while; one
// that is back before that is neither.
func TestReplicaEvents(t *testing.T) {
	t.Parallel()
	began := time.Unix(1e9, 0)
	r := newRoll()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	replica := func(node string, state standing.LinkState, heard int) standing.Replica {
		return standing.Replica{Node: node, Redis: node + ":6379", State: state.String(), Heard: at(heard)}
	}
	b := func(heard int) standing.Replica { return replica("b", standing.LinkStreaming, heard) }
	for _, step := range []struct {
		at   int
		list []standing.Replica
		want string
	}{
		{0, nil, "[]"},
		{1, []standing.Replica{replica("b", standing.LinkHandshake, 1)}, "[]"},
		{2, []standing.Replica{b(2)}, "[b streaming]"},
		{3, []standing.Replica{b(3), replica("c", standing.LinkStreaming, 3)}, "[c streaming]"},
		{4, []standing.Replica{b(4)}, "[]"},
		{8, []standing.Replica{b(8)}, "[]"},
		{9, []standing.Replica{b(9)}, "[c lost: nothing was heard of it for 6s]"},
		{10, nil, "[]"},
		{14, nil, "[]"},
		{15, []standing.Replica{replica("b", standing.LinkConnecting, 15)}, "[]"}, // restarted
		{16, nil, "[]"},
		{20, nil, "[]"},
		{21, nil, "[b lost: nothing was heard of it for 6s]"},
		{30, nil, "[]"},
		{31, []standing.Replica{b(31)}, "[b streaming]"},
	} {
		got := []string{}
		for _, ev := range r.look(step.list, at(step.at)) {
			if ev.Kind != admin.EventReplica {
				t.Errorf("kind = %s", ev.Kind)
			}
			if ev.Cause == "" {
				got = append(got, ev.Replica.Node+" "+ev.Replica.State)
			} else {
				got = append(got, ev.Replica.Node+" lost: "+ev.Cause)
			}
		}
		if fmt.Sprint(got) != step.want {
			t.Errorf("at %d s: %v; want %s", step.at, got, step.want)
		}
	}
}
