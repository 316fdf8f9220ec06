package appliance_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/journal/freeport"
)

// memberIDs returns what the nodes that a node knows of are called, in order.
func (p *peer) memberIDs() (ids []string) {
	for line := range strings.Lines(p.c.ClusterNodes(p.t.Context()).Val()) {
		ids = append(ids, line[:40])
	}
	slices.Sort(ids)
	return ids
}

// refusal returns what a SET is refused with, "" for nothing.
func (p *peer) refusal() string {
	if err := p.c.Set(p.t.Context(), "k", "v", 0).Err(); err != nil {
		return err.Error()
	}
	return ""
}

// A cluster that is founded is served by its leader, told of by a replica, and goes on
// with the replica when that leads.
func TestClusterOfOneShard(t *testing.T) {
	const notServed = "CLUSTERDOWN Hash slot not served"
	dirs, ctx, yes := directories(t, "a", "b"), t.Context(), []string{"--cluster", "yes"}
	a := lead(t, dirs[0], yes...)
	if got := a.refusal(); got != notServed {
		t.Errorf("SET before the cluster is founded: %q; want %q", got, notServed)
	}
	if got := run(t, "cluster", "found", "--dir", dirs[0]); got.code != 0 || !strings.Contains(got.stdout, "16384 slots 0-16383") {
		t.Fatalf("cluster found: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if got := run(t, "cluster", "found", "--dir", dirs[0]); got.code == 0 || !strings.Contains(got.stderr, "belongs to a cluster already") {
		t.Errorf("cluster found again: exit code %d, %s; want it refused", got.code, got.stderr)
	}
	if got := a.refusal(); got != "" {
		t.Errorf("SET once it is founded: %q", got)
	}
	b := follow(t, dirs[1], a, yes...)
	within(t, 20*time.Second, "the replica names its leader", func() bool { return b.refusal() == "MOVED 7629 "+a.addr })
	within(t, 20*time.Second, "the leader names its replica", func() bool {
		shards := a.c.ClusterShards(ctx).Val()
		return len(shards) == 1 && len(shards[0].Nodes) == 2 && shards[0].Nodes[1].Role == "replica" &&
			net.JoinHostPort(shards[0].Nodes[1].IP, fmt.Sprint(shards[0].Nodes[1].Port)) == b.addr
	})
	cc := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{b.addr}, DisableIdentity: true, MaintNotificationsConfig: plainly})
	defer cc.Close()
	for i := range 100 {
		if err := cc.Set(ctx, fmt.Sprint("key", i), i, 0).Err(); err != nil {
			t.Fatalf("SET by a client of clusters: %v", err)
		}
	}
	b.equal(a)
	ids := a.memberIDs()
	a.end(syscall.SIGKILL)
	if got := run(t, "promote", "--dir", dirs[1]); got.code != 0 {
		t.Fatalf("promote: exit code %d, %s", got.code, got.stderr)
	}
	if got := b.refusal(); got != "" {
		t.Errorf("SET at the replica once it leads: %q", got)
	}
	if n := len(b.c.Keys(ctx, "key*").Val()); n != 100 {
		t.Errorf("%d keys; want 100", n)
	}
	// What was the leader comes back as a replica, under the id that it had.
	a = follow(t, dirs[0], b, yes...)
	within(t, 20*time.Second, "the former leader names the new one", func() bool { return a.refusal() == "MOVED 7629 "+b.addr })
	within(t, 20*time.Second, "both know both", func() bool {
		return slices.Equal(a.memberIDs(), ids) && slices.Equal(b.memberIDs(), ids)
	})
}

// A node that was started for a cluster does not follow one that wasn't, nor the other
// way round: one would send clients away, the other serve what is not its own.
func TestClusterModesDiffer(t *testing.T) {
	for _, yes := range []string{"the leader", "the replica"} {
		dirs := directories(t, "a", "b")
		opts := map[bool][]string{true: {"--cluster", "yes"}, false: {"--databases", "1"}}
		a := lead(t, dirs[0], opts[yes == "the leader"]...)
		b := follow(t, dirs[1], a, opts[yes == "the replica"]...)
		within(t, 20*time.Second, "the replica says what is wrong", func() bool {
			l := b.link()
			return l.Class == "operator" && strings.Contains(l.LastError, "--cluster yes")
		})
	}
}

// A node whose journal is in a cluster does not start outside of it, and leaves all as it
// is.
func TestClusterLeft(t *testing.T) {
	dir := t.TempDir()
	n := lead(t, dir, "--cluster", "yes")
	if got := run(t, "cluster", "found", "--dir", dir); got.code != 0 {
		t.Fatalf("cluster found: exit code %d, %s", got.code, got.stderr)
	}
	if got := n.refusal(); got != "" {
		t.Errorf("SET: %s", got)
	}
	n.end(syscall.SIGTERM)
	got := run(t, append(serving(t, dir), "--databases", "1")...)
	if got.code == 0 || !strings.Contains(got.stderr, "start the node with --cluster yes") {
		t.Errorf("exit code %d, %s; want it refused, and what to do", got.code, got.stderr)
	}
	n = lead(t, dir, "--cluster", "yes")
	if got := n.c.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("GET = %q; want v", got)
	}
}

// A start with fewer databases than the journal concerns is refused, and takes nothing for
// damage, whatever on-damage says: a start with as many as before has all.
func TestFewerDatabases(t *testing.T) {
	dir := t.TempDir()
	n := lead(t, dir)
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.addr, DB: 3, MaintNotificationsConfig: plainly})
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	n.end(syscall.SIGTERM)
	for _, opts := range [][]string{{"--databases", "2"}, {"--cluster", "yes"}} {
		got := run(t, append([]string{"serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off", "--on-damage", "serve-good"}, opts...)...)
		if got.code == 0 || !strings.Contains(got.stderr, "database 3") || strings.Contains(got.stderr, "repair") {
			t.Errorf("%v: exit code %d, %s; want a refusal that names database 3 and no repair", opts, got.code, got.stderr)
		}
		if got := run(t, "journal", "repair", "--dir", dir); got.code != 0 || !strings.Contains(got.stdout, "nothing is damaged") {
			t.Errorf("%v: journal repair after it: exit code %d, %s%s; want nothing to repair", opts, got.code, got.stdout, got.stderr)
		}
	}
}

// A promotion beside a leader that lives says so, and a node does not follow one whose
// password it does not have: it would take no writes for nothing.
func TestRashOrders(t *testing.T) {
	dirs := directories(t, "a", "b")
	a := lead(t, dirs[0])
	b := follow(t, dirs[1], a)
	b.equal(a)
	if got := run(t, "promote", "--dir", dirs[1]); got.code != 0 || !strings.Contains(got.stdout, "if it leads still, both take writes") {
		t.Errorf("promote: exit code %d, %s; want it to say that the leader lives", got.code, got.stdout)
	}
	if got := run(t, "follow", "--dir", dirs[0], b.nats()); got.code == 0 || !strings.Contains(got.stderr, "copy auth/replica") {
		t.Errorf("follow without a password: exit code %d, %s; want it refused, and what to do", got.code, got.stderr)
	}
	if got := a.refusal(); got != "" {
		t.Errorf("SET after it: %s", got)
	}
}
