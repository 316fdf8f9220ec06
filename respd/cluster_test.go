package respd_test

// Where clients of a cluster are sent, by a map that the test makes. That the texts are
// Redis's is compared in respd/compat.

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ledge/journal"
	"ledge/journal/certtest"
	"ledge/replay/cluster"
	"ledge/respd"
)

// Slots of keys: "a" has 15495, "b" 3300, "c" 7365.
const aSlot, bSlot, cSlot = 15495, 3300, 7365

func slotsOf(first, last uint16) []journal.OwnedRange {
	return []journal.OwnedRange{{SlotRange: journal.SlotRange{First: first, Last: last}, Epoch: 1}}
}

// inCluster returns what makes a server a node of a cluster: of shard me, which has b's
// slot, while another has c's and nobody a's.
func inCluster(t *testing.T, nodes ...cluster.Node) func(*respd.Config) {
	t.Helper()
	m, err := cluster.New("c1", "me1",
		cluster.Shard{ID: "me", Slots: slotsOf(0, cSlot-1), Nodes: nodes},
		cluster.Shard{ID: "other", Slots: slotsOf(cSlot, aSlot-1),
			Nodes: []cluster.Node{{ID: "other1", Host: "10.0.0.7", Port: 6379, Leads: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return func(cfg *respd.Config) { cfg.Cluster = func() *cluster.Map { return m } }
}

const (
	moved     = "(error) MOVED 7365 10.0.0.7:6379"
	notServed = "(error) CLUSTERDOWN Hash slot not served"
	crossed   = "(error) CROSSSLOT Keys in request don't hash to the same slot"
)

func TestMoved(t *testing.T) {
	n := start(t, inCluster(t, cluster.Node{ID: "me1", Host: "::1", Port: 7, Leads: true}))
	c := n.dial()
	c.want("SET b 1", "OK")
	c.want("SET c 1", moved)
	c.want("GET c", moved)
	c.want("GET a", notServed)
	c.want("MGET c b", crossed)
	c.want("EVAL return{} 1 c", moved)
	c.want("SPUBLISH c x", moved)
	c.want("PUBLISH c x", "(integer) 0")
	c.want("READONLY", "OK")
	c.want("GET c", moved)
	c.want("MULTI", "OK")
	c.want("GET c", moved)
	c.want("EXEC", "(error) EXECABORT Transaction discarded because of previous errors.")
	c.want("MULTI", "OK")
	c.want("SET b 2", "QUEUED")
	c.want("EXEC", "[OK]")
	c.want("GET b", `"2"`)
	c.want("CLUSTER NODES", `"me1 ::1:7@0 myself,master - 0 0 1 connected 0-7364\nother1 10.0.0.7:6379@0 master - 0 0 1 connected 7365-15494\n"`)
	c.want("CLUSTER ADDSLOTS 1", "(error) ERR Slot 1 is already busy")
	c.want("CLUSTER DELSLOTS 1", "(error) ERR CLUSTER DELSLOTS is not for clients here: operators change a cluster, by the commands of ledge cluster")
}

// A replica sends clients to its leader, but for reads of those that have said READONLY.
func TestReplicaInCluster(t *testing.T) {
	n := start(t, inCluster(t, cluster.Node{ID: "me0", Host: "h", Port: 5, Leads: true}, cluster.Node{ID: "me1", Host: "h", Port: 6}))
	const toLeader = "(error) MOVED 3300 h:5"
	c := n.dial()
	c.want("GET b", toLeader)
	c.want("READONLY", "OK")
	c.want("GET b", "(nil)")
	c.want("EVAL_RO return{} 1 b", "[]")
	c.want("SET b 1", toLeader)
	c.want("EVAL return{} 1 b", "[]")
	c.want("SORT b", "[]")
	c.want("SORT b STORE b", toLeader)
	c.want("GET c", moved)
	c.want("MULTI", "OK")
	c.want("GET b", "QUEUED")
	c.want("EXEC", "[(nil)]")
	c.want("READWRITE", "OK")
	c.want("GET b", toLeader)
	c.want("CLUSTER REPLICAS me0", `["me1 h:6@0 myself,slave me0 0 0 1 connected"]`)
	c.want("CLUSTER REPLICAS me1", "(error) ERR The specified node is not a master")
}

// A shard whose leader nobody knows is served by nobody.
func TestNoLeader(t *testing.T) {
	n := start(t, inCluster(t, cluster.Node{ID: "me1", Host: "h", Port: 6}))
	c := n.dial()
	c.want("GET b", notServed)
	c.want("READONLY", "OK")
	c.want("GET b", "(nil)")
}

// Who came by TLS is sent to ports for that, and others to the others.
func TestMovedByTLS(t *testing.T) {
	ours := certtest.New(t, "ours")
	m, err := cluster.New("c1", "me1",
		cluster.Shard{ID: "me", Slots: slotsOf(0, cSlot-1), Nodes: []cluster.Node{{ID: "me1", Host: "10.0.0.6", Port: 1, Leads: true}}},
		cluster.Shard{ID: "other", Slots: slotsOf(cSlot, aSlot), Nodes: []cluster.Node{{ID: "other1", Host: "10.0.0.7", Port: 2, TLSPort: 3, Leads: true}}})
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, secure(ours.Sign(t, "server", "127.0.0.1"), ours, tls.NoClientCert),
		func(cfg *respd.Config) { cfg.Cluster = func() *cluster.Map { return m } })
	for _, tt := range []struct {
		opts  redis.Options
		moved string
		port  int64
	}{
		{redis.Options{Addr: n.srv.Addr().String()}, "MOVED 7365 10.0.0.7:2", 2},
		{redis.Options{Addr: n.srv.TLSAddr().String(), TLSConfig: ours.Client()}, "MOVED 7365 10.0.0.7:3", 3},
	} {
		tt.opts.MaxRetries = -1
		c := redis.NewClient(&tt.opts)
		defer c.Close()
		if err := c.Set(t.Context(), "c", "v", 0).Err(); err == nil || err.Error() != tt.moved {
			t.Errorf("SET = %v; want %s", err, tt.moved)
		}
		nodes, err := c.ClusterNodes(t.Context()).Result()
		if want := fmt.Sprintf(" 10.0.0.7:%d@", tt.port); err != nil || !strings.Contains(nodes, want) {
			t.Errorf("CLUSTER NODES = %q, %v; want %q in it", nodes, err, want)
		}
		slots, err := c.Do(t.Context(), "CLUSTER", "SLOTS").Slice()
		if err != nil || len(slots) != 2 {
			t.Fatalf("CLUSTER SLOTS = %v, %v; want two ranges", slots, err)
		}
		if got := slots[1].([]any)[2].([]any)[1]; got != tt.port {
			t.Errorf("CLUSTER SLOTS names port %v; want %d", got, tt.port)
		}
	}
}
