package appliance_test

import (
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/replay/standing"
)

// Operators hear what clients are refused, and why, though the journal is well: of a
// leader with too few replicas, of a replica, of one that is too far behind, and of one
// whose leader has refused it. Metrics say it as well.
func TestOperatorsHealth(t *testing.T) {
	t.Parallel()
	health := func(n *appliance.Node) admin.Health {
		dir := strings.TrimSuffix(n.Status().Credentials, "/auth/admin")
		op, in := knock(t, n.Status().NATS, "admin", word(t, dir, "admin"))
		if !in {
			t.Fatal("the operator is not let in")
		}
		defer op.Close()
		h, err := op.Health(t.Context(), n.Status().Node)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	leader := appliance.Config{Node: "a", NATSListen: freeport.Addr(t)}
	leader.MinReplicas, leader.MinReplicasLag = 1, time.Minute
	a := serve(t, leader)
	if h := health(a); h.State != admin.StateOK || h.Role != "leader" || !strings.HasPrefix(h.WritesRefused, "NOREPLICAS") || h.ReadsRefused != "" {
		t.Errorf("health of a leader without replicas: %+v; want writes refused with NOREPLICAS", h)
	}
	secret := strings.Replace(a.Status().Credentials, "admin", "replica", 1)
	b := serve(t, appliance.Config{Node: "b", NATSListen: freeport.Addr(t), Follow: a.Status().NATS, FollowPasswordFile: secret})
	within(t, 20*time.Second, "the leader takes writes", func() bool { return health(a).WritesRefused == "" })
	within(t, 20*time.Second, "the replica streams", func() bool { return b.Link().State == standing.LinkStreaming && b.Link().Applied > 0 })
	if h := health(b); h.Role != "replica" || !strings.HasPrefix(h.WritesRefused, "READONLY") || h.ReadsRefused != "" || h.LinkFailed != "" {
		t.Errorf("health of a replica: %+v; want writes refused with READONLY and nothing else", h)
	}
	wrong := appliance.Config{Node: "c", NATSListen: freeport.Addr(t), Follow: a.Status().NATS, FollowPasswordFile: a.Status().Credentials}
	wrong.ReadStaleness = time.Second
	c := serve(t, wrong)
	within(t, 20*time.Second, "the link has failed", func() bool { return c.Link().State == standing.LinkFailed })
	if h := health(c); h.State != admin.StateOK || h.LinkFailed == "" || !strings.HasPrefix(h.ReadsRefused, "LOADING") {
		t.Errorf("health of a replica that was refused: %+v; want the link failed, and reads refused with LOADING", h)
	}
	for n, want := range map[*appliance.Node][]string{a: {"ledge_reads_refused 0", "ledge_writes_refused 0"},
		b: {"ledge_reads_refused 0", "ledge_writes_refused 1"}, c: {"ledge_reads_refused 1", "ledge_writes_refused 1"}} {
		for _, line := range want {
			if got := n.Metrics(); !strings.Contains(got, "\n"+line+"\n") {
				t.Errorf("the metrics of %s lack %s", n.Status().Node, line)
			}
		}
	}
}
