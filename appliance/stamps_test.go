package appliance_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/replay/cluster"
	views "ledge/replay/wire"
)

// Somebody who has the cluster's secret tells nodes that one of them is elsewhere, by stamps
// up to the last there is. Once that ends all nodes know that one again as it says itself, and
// hear of what becomes of it.
func TestHostilePeersStamps(t *testing.T) {
	a, b := twoShards(t)
	c := memberWith(t, "c", "s3cret", b)
	for _, m := range []*member{a, b, c} {
		m.hears(2, 3)
	}
	const elsewhere = "10.9.9.9"
	status := a.cluster()
	says := func(to *member, stamp uint64) {
		t.Helper()
		nc, err := nats.Connect(to.Status().NATS, nats.UserInfo(admin.PeerUser, "s3cret"), nats.CustomInboxPrefix("_INBOX."+admin.PeerUser))
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		q, err := json.Marshal(views.View{Node: views.NodeID(strings.Repeat("e", 40)), Cluster: views.NodeID(status.Cluster), Have: map[views.NodeID]uint64{},
			Records: []views.NodeRecord{{ID: views.NodeID(status.Node), Shard: views.NodeID(status.Shards[0].ID), Host: elsewhere, Port: 1, Leads: true, Stamp: stamp}}})
		if err != nil {
			t.Fatal(err)
		}
		if m, err := nc.Request("ledge.cluster.view", q, 20*time.Second); err != nil || m.Header.Get("Nats-Service-Error") != "" {
			t.Fatalf("%s answers %v, %v; want what it knows", to.name, m, err)
		}
	}
	for i, stamps := range [][2]uint64{{cluster.MaxStamp, cluster.MaxStamp}, {cluster.MaxStamp / 2, cluster.MaxStamp - 1}, {1, cluster.MaxStamp}} {
		for _, stamp := range stamps {
			says(b, stamp)
			says(a, stamp)
		}
		// a comes to have other slots, which the others are to hear of.
		slots := fmt.Sprint(i*10, "-", i*10+9)
		a.moves(slots, b)
		for _, m := range []*member{b, c} {
			within(t, 20*time.Second, m.name+" knows a as it is", func() bool {
				nodes := m.c.ClusterNodes(t.Context()).Val()
				return !strings.Contains(nodes, elsewhere) && strings.Contains(nodes, fmt.Sprintf(" connected %d-", i*10+10))
			})
		}
	}
}
