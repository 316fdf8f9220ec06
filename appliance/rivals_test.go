package appliance_test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
)

// health returns the health of a node of a pair.
func (p *pair) health(t *testing.T, i int) admin.Health {
	t.Helper()
	op := p.admin(t, i)
	defer op.Close()
	h, err := op.Health(t.Context(), names[i])
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// answers returns what a node answers to a SET of a key in a slot of its pair's.
func (p *pair) answers(t *testing.T, i int) string {
	t.Helper()
	if err := p.nodes[i].client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		return err.Error()
	}
	return "OK"
}

// outdone waits until a node refuses everything, for it counts less than the other one, and
// says so.
func (p *pair) outdone(t *testing.T, i int) {
	t.Helper()
	const want = "leads this shard, too, and counts more"
	within(t, 20*time.Second, "the node serves nothing beside one that counts more", func() bool { return strings.Contains(p.answers(t, i), want) })
	if err := p.nodes[i].client().Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN") {
		t.Errorf("GET: %v; want it refused, too", err)
	}
	if err := p.nodes[i].client().FlushAll(t.Context()).Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN") {
		t.Errorf("FLUSHALL: %v; want it refused, too", err)
	}
	if h := p.health(t, i); !strings.Contains(h.ReadsRefused, want) || !strings.Contains(h.WritesRefused, want) {
		t.Errorf("the health refuses reads with %q, writes with %q; want both to say why", h.ReadsRefused, h.WritesRefused)
	}
	if got := run(t, "health", "--dir", p.dirs[i]); got.code == 0 {
		t.Errorf("ledge health: exit code 0, %s; want a failure", got.stdout)
	}
	if got := run(t, "cluster", "status", "--dir", p.dirs[i]); !strings.Contains(got.stdout, want) {
		t.Errorf("ledge cluster status: %s; want it to say why nothing is served", got.stdout)
	}
	p.showsRival(t, i)
}

// showsRival checks that clients whom a node tells who serves its slots go to the other one, and
// that the cluster is not well there.
func (p *pair) showsRival(t *testing.T, i int) {
	t.Helper()
	c := p.nodes[i].client()
	masters := 0
	for _, s := range c.ClusterShards(t.Context()).Val() {
		for _, n := range s.Nodes {
			switch _, port, _ := net.SplitHostPort(p.nodes[i].addr); {
			case n.Role != "master" || len(s.Slots) == 0:
			case strconv.FormatInt(n.Port, 10) == port:
				t.Errorf("CLUSTER SHARDS has the node itself as the master of %v", s.Slots)
			default:
				masters++
			}
		}
	}
	if masters != 1 {
		t.Errorf("CLUSTER SHARDS has %d masters with slots beside the node; want the other one", masters)
	}
	if got := c.ClusterNodes(t.Context()).Val(); !strings.Contains(got, "myself,slave") {
		t.Errorf("CLUSTER NODES:\n%s\nwant the node not to be a master", got)
	}
	if got := c.ClusterInfo(t.Context()).Val(); !strings.Contains(got, "cluster_state:fail") {
		t.Errorf("CLUSTER INFO:\n%s\nwant cluster_state:fail", got)
	}
	if got := run(t, "cluster", "status", "--dir", p.dirs[i]); !strings.Contains(got.stdout, "this node, leads the shard, too, and counts less") {
		t.Errorf("ledge cluster status:\n%s\nwant the node not to be the leader", got.stdout)
	}
}

// restarts kills a node and starts it again, as the leader that it was.
func (p *pair) restarts(t *testing.T, i int, opts ...string) {
	t.Helper()
	p.nodes[i].end(syscall.SIGKILL)
	args := append([]string{"--node", names[i], "--nats-listen", strings.TrimPrefix(p.urls[i], "nats://")}, opts...)
	p.nodes[i] = start(t, p.dirs[i], args...)
}

// A replica that is promoted while its leader lives has that one serve nothing, also when it
// is started again and again, until it follows; or, if it is the other one that is gone, until
// that is forgotten. So it is beside another shard, and in a cluster of one.
func TestRivals(t *testing.T) {
	for _, shards := range []string{"one shard", "two shards"} {
		t.Run(shards, func(t *testing.T) {
			secret := t.TempDir() + "/secret"
			replaceFile(t, secret, "s3cret\n")
			opts := []string{"--cluster", "yes", "--cluster-secret-file", secret, "--on-divergence", "resync", "--cluster-node-timeout", "3s"}
			p := leadAndFollow(t, opts...)
			op := p.admin(t, 0)
			if _, err := op.ClusterFound(t.Context(), names[0]); err != nil {
				t.Fatal(err)
			}
			if shards == "two shards" {
				m := memberWith(t, "m", "s3cret", nil)
				if err := m.join(p.urls[0]); err != nil {
					t.Fatal(err)
				}
				m.hears(2, 3)
			}
			within(t, 20*time.Second, "the replica knows the cluster", func() bool {
				return strings.HasPrefix(p.answers(t, 1), "MOVED")
			})
			promote := func(i int) {
				t.Helper()
				op := p.admin(t, i)
				defer op.Close()
				if _, err := op.Promote(t.Context(), names[i]); err != nil {
					t.Fatal(err)
				}
				if got := p.answers(t, i); got != "OK" {
					t.Fatalf("SET at a node that was promoted: %s; want OK", got)
				}
			}
			promote(1)
			p.outdone(t, 0)
			for range 3 { // each start raises the epoch of its journal
				p.restarts(t, 0, opts...)
				if got := p.answers(t, 0); !strings.HasPrefix(got, "CLUSTERDOWN") {
					t.Fatalf("the first SET of a leader that was replaced: %s; want it refused", got)
				}
			}
			p.outdone(t, 0)
			if got := p.answers(t, 1); got != "OK" {
				t.Errorf("SET at the node that was promoted: %s; want OK", got)
			}
			if n := strings.Count(p.nodes[0].stderr.String(), "are not served"); n != 1 {
				t.Errorf("the log says %d times that nothing is served; want once", n)
			}
			p.givesIn(t)
			p.forgets(t, promote)
		})
	}
}

// givesIn has the first node follow the second, which outdid it.
func (p *pair) givesIn(t *testing.T) {
	t.Helper()
	replaceFile(t, p.dirs[0]+"/auth/leader", word(t, p.dirs[1], "replica")+"\n")
	if got := run(t, "follow", "--dir", p.dirs[0], p.urls[1]); got.code != 0 {
		t.Fatalf("follow: exit code %d, %s", got.code, got.stderr)
	}
	within(t, 20*time.Second, "it follows and sends clients on", func() bool { return strings.HasPrefix(p.answers(t, 0), "MOVED") })
	p.streams(t, 0)
	p.same(t)
	within(t, 20*time.Second, "its log says that it refuses nothing any more", func() bool { return strings.Contains(p.nodes[0].stderr.String(), "refuses nothing any more") })
	if log := p.nodes[0].stderr.String(); strings.Contains(log, "are served again") {
		t.Errorf("the log of a node that follows:\n%s\nwant nothing of slots that are served again", log)
	}
}

// forgets has the first node be promoted while the second leads, which ends for good then and
// is forgotten by the one that it outdid.
func (p *pair) forgets(t *testing.T, promote func(int)) {
	t.Helper()
	promote(0)
	p.outdone(t, 1)
	op := p.admin(t, 0)
	c, err := op.ClusterStatus(t.Context(), names[0])
	op.Close()
	if err != nil {
		t.Fatal(err)
	}
	p.nodes[0].end(syscall.SIGKILL)
	within(t, 20*time.Second, "the one that is gone can be forgotten", func() bool {
		op := p.admin(t, 1)
		defer op.Close()
		_, err := op.ClusterForget(t.Context(), names[1], c.Node)
		return err == nil
	})
	within(t, 20*time.Second, "the node serves again", func() bool { return p.answers(t, 1) == "OK" })
}

// Leads that are handed to and fro never have a node serve nothing for a rival, which would be
// said in its log.
func TestSwitchoversWithoutRivals(t *testing.T) {
	q := newQuartet(t)
	rounds := numberOfRounds(25, 5)
	for range rounds {
		for shard := range q.pairs {
			q.switches(shard)
			p := q.pairs[shard]
			p.streams(t, 1-q.leads[shard])
		}
	}
	for _, p := range q.pairs {
		for _, n := range p.nodes {
			if log := n.stderr.String(); strings.Contains(log, "are not served") || strings.Contains(log, "did not say which slots") {
				t.Errorf("%d switchovers; the log:\n%s\nwant nothing refused, and all shards to have answered", 2*rounds, log)
			}
		}
	}
}

// A directory that was copied and is served twice is two nodes with one id at first. One of
// them gets another id, and one serves nothing, so that one leads the shard.
func TestCopiedDirectory(t *testing.T) {
	t.Parallel()
	m := memberWith(t, "m", "s", nil)
	cfg := appliance.Config{Node: "a", Dir: t.TempDir()}
	a := memberOf(t, cfg, "s", nil)
	a.found()
	if err := m.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	a.stop()
	copied := appliance.Config{Node: "copy", Dir: t.TempDir()}
	if err := os.CopyFS(copied.Dir, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	both := []*member{memberOf(t, cfg, "s", nil), memberOf(t, copied, "s", nil)}
	serving := func() (n int) {
		for _, of := range both {
			if of.c.Set(t.Context(), "k", "v", 0).Err() == nil {
				n++
			}
		}
		return n
	}
	within(t, 20*time.Second, "one of two copies serves nothing", func() bool { return serving() == 1 && len(m.cluster().Shards[1].Nodes) == 2 })
	if x, y := both[0].cluster().Node, both[1].cluster().Node; x == y {
		t.Errorf("both are called %s; want two ids", x)
	}
	leads := 0
	for i, of := range both {
		if of.c.Set(t.Context(), "k", "v", 0).Err() == nil {
			leads = i
		}
	}
	m.moved(both[leads])
	for i, cfg := range []appliance.Config{cfg, copied} { // what is decided stays so
		both[i].stop()
		both[i] = memberOf(t, cfg, "s", nil)
	}
	within(t, 20*time.Second, "the same one serves nothing", func() bool { return serving() == 1 })
	if err := both[leads].c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("the one that served does not after both were started again: %v", err)
	}
}
