package appliance_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/replay/standing"
)

// ruled starts a node whose slots a controller gives.
func ruled(t *testing.T, cfg appliance.Config, follow *member) *member {
	t.Helper()
	return memberOf(t, cfg, "s3cret", follow, func(cfg *appliance.Config) { cfg.ClusterAuthority = "external" })
}

// controllerID is what a controller calls the node of a name.
func controllerID(name string) string { return strings.Repeat("k", 40-len(name)) + name }

// lineFor writes a node's line of a document.
func lineFor(m *member, rest string) string {
	host, port, _ := strings.Cut(m.Status().Listen, ":")
	return fmt.Sprintf("%s %s %s %s", controllerID(m.name), host, port, rest)
}

// clusterX has the node do something, and returns what it says.
func (m *member) clusterX(args ...any) string {
	m.t.Helper()
	val, err := m.c.Do(m.t.Context(), append([]any{"CLUSTERX"}, args...)...).Text()
	if err != nil {
		return err.Error()
	}
	return val
}

// saying is what CLUSTERX says to some arguments.
type saying struct {
	args []any
	want string
}

// answers has the node do one thing after the other.
func (m *member) answers(list []saying) {
	m.t.Helper()
	for _, tt := range list {
		if got := m.clusterX(tt.args...); got != tt.want {
			m.t.Errorf("CLUSTERX %v: %s; want %s", tt.args, got, tt.want)
		}
	}
}

// has looks for some texts in another.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// givesNames has the controller give the nodes their ids.
func givesNames(t *testing.T, nodes ...*member) {
	t.Helper()
	for _, m := range nodes {
		if got := m.clusterX("SETNODEID", controllerID(m.name)); got != "OK" {
			t.Fatalf("%s: SETNODEID: %s", m.name, got)
		}
	}
}

// tells gives all nodes a document. Each is told again, as a controller does, while its
// disk is late.
func tells(t *testing.T, document string, version int, nodes ...*member) {
	t.Helper()
	for _, m := range nodes {
		within(t, time.Minute, m.name+" takes the document", func() bool {
			got := m.clusterX("SETNODES", document, version)
			if got != "OK" && !strings.Contains(got, "the journal has not taken it in time") {
				t.Fatalf("%s: SETNODES at %d: %s", m.name, version, got)
			}
			return got == "OK"
		})
	}
}

// Before the first document a node says that it knows of none, in Kvrocks's words, and what is no
// document is none.
func TestExternalUndocumented(t *testing.T) {
	t.Parallel()
	a := ruled(t, appliance.Config{Node: "a"}, nil)
	a.answers([]saying{
		{[]any{"VERSION"}, "-1"},
		{[]any{"MYID"}, "CLUSTERDOWN The cluster is not initialized"},
		{[]any{"SETNODEID", "abc"}, "ERR Invalid cluster node id"},
		{[]any{"SETSLOT", "1", "NODE", controllerID("a"), "0"}, "ERR Invalid cluster version"},
		{[]any{"MIGRATE", "1", controllerID("b")}, "ERR Can't find the destination node id"},
		{[]any{"SETNODES", "x", "-1"}, "ERR Invalid cluster version"},
		{[]any{"SETNODES", "x", "y"}, "ERR Invalid version"},
		{[]any{"SETNODES", "x", "1"}, "ERR Invalid cluster nodes info"},
		{[]any{"SETNODES", "x", "1", "SOON"}, "ERR Invalid setnodes options"},
	})
	for _, sub := range []string{"INFO", "NODES", "SLOTS"} {
		if err := a.c.Do(t.Context(), "CLUSTER", sub).Err(); err == nil || err.Error() != "CLUSTERDOWN The cluster is not initialized" {
			t.Errorf("CLUSTER %s before a document: %v", sub, err)
		}
	}
	tells(t, lineFor(a, "master - 0-5"), 1, a)
	a.answers([]saying{{[]any{"MYID"}, controllerID("a")}}) // by its address
}

// A controller gives slots, and what a node says of the cluster is what its newest document
// does, also after a restart. What it is not given it hides, and keeps.
func TestExternal(t *testing.T) {
	t.Parallel()
	cfg := appliance.Config{Node: "a", Dir: t.TempDir()}
	a := ruled(t, cfg, nil)
	givesNames(t, a)
	other := controllerID("b") + " 10.0.0.9 7 master -"
	both := func(mine, its string) string { return lineFor(a, "master - "+mine) + "\n" + other + " " + its }
	tells(t, both("0-16383", ""), 3, a)
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	tells(t, both("0-7000", "7001-16383"), 4, a)
	moved := "MOVED 7629 10.0.0.9:7"
	if err := a.c.Get(t.Context(), "k").Err(); err == nil || err.Error() != moved {
		t.Errorf("GET of a slot that another node has been given: %v; want %s", err, moved)
	}
	if n := a.c.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("DBSIZE = %d; want 0, for the key is hidden", n)
	}
	has(t, a.c.ClusterInfo(t.Context()).Val(), "cluster_current_epoch:4", "cluster_known_nodes:2", "cluster_slots_assigned:16384")
	has(t, a.c.ClusterNodes(t.Context()).Val(), controllerID("a")+" "+a.Status().Listen, "myself,master - 0 0 4 connected 0-7000",
		controllerID("b")+" 10.0.0.9:7@10007 master - 0 0 4 connected 7001-16383")
	a.stop()
	cfg.Listen = a.Status().Listen
	a = ruled(t, cfg, nil)
	a.answers([]saying{
		{[]any{"VERSION"}, "4"},
		{[]any{"MYID"}, controllerID("a")},
		{[]any{"SETNODES", both("0-16383", ""), "3"}, "ERR Invalid cluster version"},
		{[]any{"SETNODES", "whatever", "4"}, "OK"}, // the same version is not looked at
		{[]any{"SETSLOT", "7629", "NODE", controllerID("a"), "4"}, "ERR Invalid cluster version"},
		{[]any{"SETSLOT", "7629", "NODE", controllerID("c"), "5"}, "ERR No this node in the cluster"},
		{[]any{"SETSLOT", "7600-7700", "NODE", controllerID("a"), "5"}, "OK"},
		{[]any{"VERSION"}, "5"},
	})
	if got, err := a.c.Get(t.Context(), "k").Result(); got != "v" {
		t.Errorf("GET after the slot was given back = %q, %v; want v", got, err)
	}
	tells(t, both("0-7000", "7001-16383"), 6, a)
	a.discards("7600-7700")
	if got := a.clusterX("SETNODES", both("0-16383", ""), "2", "FORCE"); got != "OK" || a.clusterX("VERSION") != "2" {
		t.Errorf("FORCE: %s, version %s; want OK, 2", got, a.clusterX("VERSION"))
	}
	if err := a.c.Get(t.Context(), "k").Err(); err != redis.Nil {
		t.Errorf("GET after what was kept has been cleared: %v; want nothing", err)
	}
}

// discards clears what the node has kept of others' slots, and nothing else.
func (m *member) discards(slots string) {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	if _, err := op.ClusterYield(m.t.Context(), m.name, "0-10"); err == nil || !strings.Contains(err.Error(), "slot 0 is this shard's") {
		m.t.Errorf("yield of a slot that the shard has: %v; want it refused", err)
	}
	if _, err := op.ClusterYield(m.t.Context(), m.name, slots); err != nil {
		m.t.Errorf("yield: %v", err)
	}
}

// Who says which slots are whose is one of two: the other's commands say how to change that.
func TestAuthorities(t *testing.T) {
	t.Parallel()
	byJournal, byController := memberWith(t, "j", "s3cret", nil), ruled(t, appliance.Config{Node: "c"}, nil)
	want := "ERR CLUSTERX is not enabled: start the node with --cluster yes and --cluster-authority external"
	for _, args := range [][]any{{"VERSION"}, {"MYID"}, {"SETNODEID", controllerID("j")}, {"SETNODES", "x", "1"},
		{"SETSLOT", "1", "NODE", controllerID("j"), "1"}, {"MIGRATE", "1", controllerID("j")}} {
		if got := byJournal.clusterX(args...); got != want {
			t.Errorf("CLUSTERX %v: %s; want %s", args, got, want)
		}
	}
	op := byController.op()
	defer op.Close()
	for name, do := range map[string]func() error{
		"found":  func() error { _, err := op.ClusterFound(t.Context(), "c"); return err },
		"join":   func() error { _, err := op.ClusterJoin(t.Context(), "c", byJournal.Status().NATS); return err },
		"leave":  func() error { _, err := op.ClusterLeave(t.Context(), "c"); return err },
		"forget": func() error { _, err := op.ClusterForget(t.Context(), "c", "x"); return err },
		"seize":  func() error { _, err := op.ClusterSeize(t.Context(), "c", "1", "x"); return err },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "cluster-authority external") {
			t.Errorf("cluster %s: %v; want it refused", name, err)
		}
	}
	byJournal.found()
	for authority, cfg := range map[string]appliance.Config{"journal": {Node: "c"}, "external": {Node: "j"}} {
		m := byJournal
		if cfg.Node == "c" {
			givesNames(t, byController)
			tells(t, lineFor(byController, "master - 0-5"), 1, byController)
			m = byController
		}
		m.stop()
		cfg.Dir, cfg.Listen, cfg.NATSListen, cfg.Cluster, cfg.ClusterAuthority, cfg.Reserve = m.dir, freeport.Addr(t), freeport.Addr(t), "yes", authority, -1
		if n, err := appliance.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "cluster-authority") {
			t.Errorf("a journal of the other kind with %s: %v; want it refused", authority, err)
			if err == nil {
				n.Close()
			}
		}
	}
}

// A replica has its leader's documents by replay. One that it is told before its leader is
// keeps, and sends clients by it; once it leads, that is in its journal.
func TestExternalReplica(t *testing.T) {
	t.Parallel()
	a := ruled(t, appliance.Config{Node: "a"}, nil)
	r := ruled(t, appliance.Config{Node: "r"}, a)
	within(t, 20*time.Second, "the replica follows", func() bool { return r.Link().State == standing.LinkStreaming })
	givesNames(t, a, r)
	other := "\n" + controllerID("b") + " 10.0.0.9 7 master -"
	slave := "\n" + lineFor(r, "slave "+controllerID("a"))
	tells(t, lineFor(a, "master - 0-16383")+slave+other, 1, a)
	within(t, 20*time.Second, "the replica has the document", func() bool { return r.clusterX("VERSION") == "1" })
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.moved(a)
	tells(t, lineFor(a, "master - 0-16383")+slave+other, 1, r)
	second := lineFor(a, "master - 0-7000") + slave + other + " 7001-16383"
	tells(t, second, 2, r)
	if err := r.c.Get(t.Context(), "k").Err(); err == nil || err.Error() != "MOVED 7629 10.0.0.9:7" {
		t.Errorf("a replica that is told before its leader: %v; want MOVED by the newest document", err)
	}
	if got := a.clusterX("VERSION"); got != "1" {
		t.Errorf("the leader is at version %s; want 1", got)
	}
	tells(t, second, 2, a)
	swapped := lineFor(a, "slave "+controllerID("r")) + "\n" + lineFor(r, "master - 0-16383") + other
	tells(t, swapped, 3, r, a)
	for _, m := range []*member{a, r} { // neither is what the document says
		if err := m.c.Set(t.Context(), "k", "lost", 0).Err(); err == nil {
			t.Errorf("%s takes a write while it is not what the document says", m.name)
		}
	}
	if _, err := a.op().Switchover(t.Context(), "a", "r"); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the new leader serves", func() bool { return r.c.Set(t.Context(), "k", "new", 0).Err() == nil })
	a.moved(r)
	r.stop()
	if got := a.clusterX("VERSION"); got != "3" {
		t.Errorf("the former leader is at version %s; want 3", got)
	}
}

// A replica that was told a document before its leader, and is promoted without it, has that
// document in its own journal then.
func TestExternalPromoted(t *testing.T) {
	t.Parallel()
	a := ruled(t, appliance.Config{Node: "a"}, nil)
	cfg := appliance.Config{Node: "r", Dir: t.TempDir()}
	r := ruled(t, cfg, a)
	givesNames(t, a, r)
	tells(t, lineFor(a, "master - 0-16383")+"\n"+lineFor(r, "slave "+controllerID("a")), 1, a)
	within(t, 20*time.Second, "the replica has the document", func() bool { return r.clusterX("VERSION") == "1" })
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the replica has the key", func() bool { return r.c.DBSize(t.Context()).Val() == 1 })
	a.stop()
	tells(t, lineFor(r, "master - 0-16383"), 2, r)
	if err := r.c.Set(t.Context(), "k", "x", 0).Err(); err == nil || err.Error() != "CLUSTERDOWN Hash slot not served" {
		t.Errorf("a master that was not promoted: %v; want CLUSTERDOWN", err)
	}
	if _, err := r.op().Promote(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the promoted node serves", func() bool { return r.c.Get(t.Context(), "k").Val() == "v" })
	r.stop()
	r = ruled(t, cfg, nil)
	if got := r.clusterX("VERSION"); got != "2" {
		t.Errorf("VERSION after a restart = %s; want 2", got)
	}
}
