package appliance_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/appliance"
	"ledge/replay/standing"
)

// bursts has a node be asked by so many connections at the same time for the same version, each
// to give slots of its own to another node. It returns which of them were answered with OK.
func (m *member) bursts(version, size int) (taken []int) {
	m.t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range size {
		all.Go(func() {
			<-begin
			got := m.clusterX("SETSLOT", fmt.Sprint(100+i), "NODE", controllerID("b"), version)
			mu.Lock()
			defer mu.Unlock()
			if got == "OK" {
				taken = append(taken, i)
			} else if !strings.HasPrefix(got, "ERR Invalid cluster version") {
				m.t.Errorf("SETSLOT at %d, with others: %s", version, got)
			}
		})
	}
	close(begin)
	all.Wait()
	return taken
}

// Of orders that are sent at the same time, each to make the same next version, one is answered
// with OK, and that one holds, at a leader and at a replica that is told by itself.
func TestExternalRivals(t *testing.T) {
	t.Parallel()
	a := ruled(t, appliance.Config{Node: "a"}, nil)
	r := ruled(t, appliance.Config{Node: "r"}, a)
	within(t, 20*time.Second, "the replica follows", func() bool { return r.Link().State == standing.LinkStreaming })
	givesNames(t, a, r)
	document := lineFor(a, "master - 0-16383") + "\n" + lineFor(r, "slave "+controllerID("a")) + "\n" + controllerID("b") + " 10.0.0.9 7 master -"
	for _, m := range []*member{r, a} { // what the leader is told comes to the replica, too
		version := 100
		if m == a {
			version = 200
		}
		for range 20 {
			tells(t, document, version, m)
			taken := m.bursts(version+1, 8)
			if len(taken) != 1 {
				t.Errorf("%s: SETSLOT to version %d was answered with OK for slots 100 and %v; want one", m.name, version+1, taken)
				break
			}
			has(t, m.c.ClusterNodes(t.Context()).Val(), fmt.Sprintf("%s 10.0.0.9:7@10007 master - 0 0 %d connected %d\n", controllerID("b"), version+1, 100+taken[0]))
			version += 2
		}
	}
}
