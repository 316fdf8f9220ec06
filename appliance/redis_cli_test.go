package appliance_test

import (
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/replay/standing"
)

// redisCLI runs Redis's own tool for clusters.
func redisCLI(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "redis-cli", append([]string{"--cluster"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli --cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Redis's own tool looks at a cluster, has a node join it, and moves slots between shards, by
// the commands that it has for Redis.
func TestRedisCLI(t *testing.T) {
	a, b := memberWith(t, "a", "s3cret", nil), memberWith(t, "b", "s3cret", nil)
	a.found()
	run := func(args ...string) string {
		t.Helper()
		return redisCLI(t, args...)
	}
	for i := range 100 {
		a.c.Set(t.Context(), "k"+strings.Repeat("x", i), i, 0)
	}
	run("add-node", b.Status().Listen, a.Status().Listen)
	a.hears(2, 2)
	b.hears(2, 2)
	ids := map[*member]string{a: a.cluster().Node, b: b.cluster().Node}
	run("reshard", a.Status().Listen, "--cluster-from", ids[a], "--cluster-to", ids[b], "--cluster-slots", "40", "--cluster-yes")
	within(t, 10*time.Second, "b has slots", func() bool { return b.cluster().Shards[0].Count == 40 })
	out := run("check", a.Status().Listen)
	if !strings.Contains(out, "[OK] All 16384 slots covered") || !strings.Contains(out, "[OK] All nodes agree about slots configuration") {
		t.Errorf("check says\n%s", out)
	}
	if out := run("info", b.Status().Listen); !strings.Contains(out, "[OK] 100 keys in 2 masters") {
		t.Errorf("info says\n%s", out)
	}
	run("rebalance", a.Status().Listen, "--cluster-weight", ids[a]+"=16300", ids[b]+"=84", "--cluster-threshold", "1")
	within(t, 20*time.Second, "b has its share", func() bool { n := b.cluster().Shards[0].Count; return n >= 80 && n <= 90 })
	if out := run("check", b.Status().Listen); !strings.Contains(out, "[OK] All 16384 slots covered") {
		t.Errorf("check says\n%s", out)
	}
}

// knownWord starts a node that can follow any other started so: all have one password for
// replicas.
func knownWord(t *testing.T, name string) *member {
	t.Helper()
	m := memberWith(t, name, "s3cret", nil)
	const password = "one-for-all-of-them"
	op := m.op()
	defer op.Close()
	if _, err := op.Passwd(t.Context(), name, "replica", password, 0); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, filepath.Join(m.dir, "auth", "leader"), password+"\n")
	return m
}

// Redis's own tool makes a cluster of fresh nodes, with a replica for each leader, and adds
// another replica. Nodes that have something, or no password for the leader, are refused as
// replicas.
func TestRedisCLICreates(t *testing.T) {
	var all []*member
	args := []string{"create"}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		m := knownWord(t, name)
		all, args = append(all, m), append(args, m.Status().Listen)
	}
	run := func(args ...string) string {
		t.Helper()
		return redisCLI(t, args...)
	}
	run(append(args, "--cluster-replicas", "1", "--cluster-yes")...)
	for i, want := range []string{"0-5460", "5461-10922", "10923-16383"} {
		if s := all[i].cluster().Shards[0]; s.Slots != want {
			t.Errorf("%s has slots %s; want %s", all[i].name, s.Slots, want)
		}
	}
	for _, m := range all {
		m.hears(3, 6)
	}
	a, f := all[0], all[5]
	if out := run("check", f.Status().Listen); !strings.Contains(out, "[OK] All 16384 slots covered") || !strings.Contains(out, "agree about slots configuration") {
		t.Errorf("check says\n%s", out)
	}
	g := knownWord(t, "g")
	run("add-node", g.Status().Listen, a.Status().Listen, "--cluster-slave", "--cluster-master-id", a.cluster().Node)
	for _, m := range append(all, g) {
		m.hears(3, 7)
	}
	if got := g.Link(); got.State != standing.LinkStreaming || got.Leader != a.Status().NATS {
		t.Errorf("the node that was added follows %s: %s; want %s", got.Leader, got.State, a.Status().NATS)
	}
	if err := a.c.Set(t.Context(), "k", "v", 0).Err(); err != nil && !strings.HasPrefix(err.Error(), "MOVED") {
		t.Error(err)
	}
	out, err := exec.CommandContext(t.Context(), "redis-cli", "--cluster", "del-node", a.Status().Listen, g.cluster().Node).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "stop it, or have its shard leave") {
		t.Errorf("del-node of a node that is there: %v\n%s; want what to do", err, out)
	}
	ids := map[*member]string{a: a.cluster().Node, g: g.cluster().Node}
	for m, wants := range map[*member]map[string]string{
		a: {ids[a]: "ERR Can't replicate myself", ids[g]: "ERR I can only replicate a master, not a replica.", "x": "ERR Unknown node x",
			all[1].cluster().Node: "ERR To set a master the node must be empty and without assigned slots."},
		g: {all[1].cluster().Node: "ERR the node is a replica of another shard", ids[a]: "OK"},
	} {
		for id, want := range wants {
			if got := m.said("cluster", "replicate", id); !strings.HasPrefix(got, want) {
				t.Errorf("%s: CLUSTER REPLICATE %s = %s; want %s", m.name, id, got, want)
			}
		}
	}
}

// A node that has no password for a leader does not give anything up to follow it, and one
// that is reset is in no cluster.
func TestReplicateWithoutPasswordAndReset(t *testing.T) {
	a, b := twoShards(t)
	aID := a.cluster().Node
	if got := b.said("cluster", "replicate", aID); !strings.Contains(got, "leader's password can't be read") || !strings.Contains(got, "auth/replica") {
		t.Errorf("CLUSTER REPLICATE without a password = %s; want what to do", got)
	}
	if c := b.cluster(); len(c.Shards) != 2 {
		t.Errorf("the node that was refused knows %d shards; want 2, as before", len(c.Shards))
	}
	for line, want := range map[string]string{"reset foo": "ERR syntax error", "addslots 1": "ERR Slot 1 is already busy", "addslotsrange 1 2 2 3": "ERR Slot 2 specified multiple times",
		"addslotsrange 1 2 3": "ERR wrong number of arguments for 'cluster|addslotsrange' command"} {
		args := []any{"cluster"}
		for _, word := range strings.Fields(line) {
			args = append(args, word)
		}
		if got := b.said(args...); got != want {
			t.Errorf("CLUSTER %s = %s; want %s", line, got, want)
		}
	}
	if got := a.said("cluster", "reset"); !strings.Contains(got, "owns 16384 slots") {
		t.Errorf("CLUSTER RESET of a shard that owns slots = %s; want it refused", got)
	}
	if got := b.said("cluster", "reset", "hard"); got != "OK" {
		t.Errorf("CLUSTER RESET HARD = %s; want OK", got)
	}
	a.hears(1, 1)
	if c := b.cluster(); c.Cluster != "" {
		t.Errorf("the node that was reset is in cluster %s; want none", c.Cluster)
	}
	if got := b.said("cluster", "reset"); got != "OK" {
		t.Errorf("CLUSTER RESET of a node that is in no cluster = %s; want OK", got)
	}
}

// meets has a node meet another one, as Redis's tool has it, and returns what it answers.
func (m *member) meets(with *member) string {
	m.t.Helper()
	_, port, err := net.SplitHostPort(with.Status().Listen)
	bus, err2 := url.Parse(with.Status().NATS)
	if err != nil || err2 != nil {
		m.t.Fatal(err, err2)
	}
	return m.said("cluster", "meet", "127.0.0.1", port, bus.Port())
}

// Of nodes that are told which slots they are to have, the one with slot 0 founds the cluster,
// and the others get theirs as they meet it, as far as no other has them. Two that found one
// each stay two.
func TestAddSlotsAndMeet(t *testing.T) {
	a, b, c, d := memberWith(t, "a", "s", nil), memberWith(t, "b", "s", nil), memberWith(t, "c", "s", nil), memberWith(t, "d", "s", nil)
	for m, slots := range map[*member][]any{a: {0, 99}, b: {300, 349, 100, 199}, c: {150, 250}, d: {0, 0}} {
		if got := m.said(append([]any{"cluster", "addslotsrange"}, slots...)...); got != "OK" {
			t.Fatalf("%s: ADDSLOTSRANGE = %s; want OK", m.name, got)
		}
	}
	for slot := 350; slot < 400; slot++ { // as scripts do
		if got := b.said("cluster", "addslots", slot); got != "OK" {
			t.Fatalf("ADDSLOTS %d = %s; want OK", slot, got)
		}
	}
	if c := b.cluster(); c.Cluster != "" {
		t.Errorf("a node without slot 0 is in cluster %s before it meets another; want none", c.Cluster)
	}
	if got := b.said("cluster", "addslots", 100, 101, 100); got != "ERR Slot 100 specified multiple times" {
		t.Errorf("ADDSLOTS of a slot twice = %s", got)
	}
	if got := b.meets(a); got != "OK" {
		t.Fatalf("MEET = %s; want OK", got)
	}
	if s := b.cluster().Shards[0]; s.Slots != "100-199,300-399" {
		t.Errorf("b has slots %s; want those that it was told", s.Slots)
	}
	if got := c.meets(a); !strings.Contains(got, "has joined, but has not got slots 150-250") || !strings.Contains(got, "not all one shard's") {
		t.Errorf("MEET of a node that is to have slots of two shards = %s; want why not", got)
	}
	if got := d.meets(a); !strings.Contains(got, "two clusters can't become one") {
		t.Errorf("MEET of two clusters = %s; want it refused", got)
	}
	if s := a.cluster().Shards[0]; s.Slots != "0-99,200-299,400-16383" {
		t.Errorf("a has slots %s; want all that no other has", s.Slots)
	}
}
