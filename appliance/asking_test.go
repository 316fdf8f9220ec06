package appliance_test

import (
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance"
)

// first returns what the node answers to a SET as soon as it does not load any more: nobody
// was answered before.
func (m *member) first() string {
	m.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: m.Status().Listen, DisableIdentity: true, MaxRetries: -1, ReadTimeout: patience(10 * time.Second), MaintNotificationsConfig: plainly})
	defer c.Close()
	answer := ""
	within(m.t, 20*time.Second, m.name+" has its data", func() bool {
		answer = "OK"
		if err := c.Set(m.t.Context(), "k", "v", 0).Err(); err != nil {
			answer = err.Error()
		}
		// Where a wait for slots has outlasted its bound, a client tries again.
		return !strings.HasPrefix(answer, "LOADING") && !strings.HasPrefix(answer, "TRYAGAIN")
	})
	return answer
}

// health returns the node's health.
func (m *member) health() admin.Health {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	h, err := op.Health(m.t.Context(), m.name)
	if err != nil {
		m.t.Fatal(err)
	}
	return h
}

// A node whose directory is set back to before it gave a slot never answers for it, not even
// the first that asks: it has asked who owns it.
func TestClaimsBeforeService(t *testing.T) {
	a := memberWith(t, "a", "s3cret", nil)
	cfg := appliance.Config{Node: "b", Dir: t.TempDir()}
	b := memberOf(t, cfg, "s3cret", nil)
	b.found()
	if err := a.join(b.Status().NATS); err != nil {
		t.Fatal(err)
	}
	b.hears(2, 2)
	b.stop()
	before := t.TempDir()
	if err := os.CopyFS(before, os.DirFS(cfg.Dir)); err != nil {
		t.Fatal(err)
	}
	b = memberOf(t, cfg, "s3cret", nil)
	b.hears(2, 2)
	if mv := b.moves("7600-7700", a); mv.Cause != "" { // k's is 7629
		t.Fatal(mv.Cause)
	}
	b.stop()
	for range 3 {
		cfg.Dir = t.TempDir()
		if err := os.CopyFS(cfg.Dir, os.DirFS(before)); err != nil {
			t.Fatal(err)
		}
		b = memberOf(t, cfg, "s3cret", nil)
		if got, want := b.first(), "MOVED 7629 "+a.Status().Listen; got != want {
			t.Fatalf("the first SET is answered with %q; want %q", got, want)
		}
		b.stop()
	}
}

// silenced is a shard that owns all slots and was stopped, and another one of which only the
// address is left: who connects there is not answered.
func silenced(t *testing.T) (cfg appliance.Config, wake func() *member) {
	a, b := appliance.Config{Node: "a", Dir: t.TempDir()}, appliance.Config{Node: "b", Dir: t.TempDir()}
	owner, other := memberOf(t, a, "s", nil), memberOf(t, b, "s", nil)
	owner.found()
	if err := other.join(owner.Status().NATS); err != nil {
		t.Fatal(err)
	}
	owner.hears(2, 2)
	if !strings.Contains(owner.health().Role, "leader") || owner.health().SlotsWait != "" {
		t.Errorf("a leader that serves waits for %q; want nothing", owner.health().SlotsWait)
	}
	b.NATSListen = strings.TrimPrefix(other.Status().NATS, "nats://")
	owner.stop()
	other.stop()
	frozen, err := net.Listen("tcp", b.NATSListen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { frozen.Close() })
	return a, func() *member { frozen.Close(); return memberOf(t, b, "s", nil) }
}

// A shard that is frozen keeps a node from serving its slots for a bounded time: clients wait,
// and are answered. Meanwhile the node says so.
func TestAskingFrozenShard(t *testing.T) {
	t.Parallel()
	cfg, _ := silenced(t)
	began := time.Now()
	a := memberOf(t, cfg, "s", nil)
	if h, c := a.health(), a.cluster(); !strings.Contains(h.SlotsWait, "0 of 1 have answered") || !strings.Contains(c.Waits, "0 of 1") {
		t.Errorf("the node waits for %q, by its status for %q; want both to say how many shards have answered", h.SlotsWait, c.Waits)
	}
	if got := a.first(); got != "OK" {
		t.Errorf("SET: %s; want OK", got)
	}
	t.Logf("answered after %s", time.Since(began))
	if h, c := a.health(), a.cluster(); h.SlotsWait != "" || c.Waits != "" || h.ReadsRefused != "" {
		t.Errorf("the node waits for %q and %q, and refuses reads with %q; want nothing", h.SlotsWait, c.Waits, h.ReadsRefused)
	}
}

// A node that is stopped while it asks stops at once.
func TestAskingStopped(t *testing.T) {
	t.Parallel()
	cfg, _ := silenced(t)
	a := memberOf(t, cfg, "s", nil)
	waited := a.health().SlotsWait
	began := time.Now()
	a.stop()
	if took := time.Since(began); waited == "" || took > patience(time.Second) {
		t.Errorf("a node that waits for %q has stopped after %s; want it at once", waited, took)
	}
}

// With cluster-alone refuse a node that has heard of no other shard refuses what concerns data,
// says so, and goes on by itself once one is there, or the option says serve.
func TestAlone(t *testing.T) {
	t.Parallel()
	cfg, wake := silenced(t)
	cfg.ClusterAlone = "refuse"
	for _, end := range []string{"the other shard is there", "the option"} {
		a, stop := memberOf(t, cfg, "s", nil), func() {}
		const want = "CLUSTERDOWN no node of another shard was heard since this one leads, and cluster-alone is refuse"
		if got := a.first(); got != want {
			t.Errorf("SET: %s; want %s", got, want)
		}
		if got := a.c.Get(t.Context(), "k").Err(); got == nil || got.Error() != want {
			t.Errorf("GET: %v; want %s", got, want)
		}
		if h, c := a.health(), a.cluster(); h.ReadsRefused != want || h.WritesRefused != want || c.Refused != want {
			t.Errorf("reads are refused with %q, writes with %q, by the status with %q; want %q", h.ReadsRefused, h.WritesRefused, c.Refused, want)
		}
		if end == "the option" {
			if err := a.c.ConfigSet(t.Context(), "ledge-cluster-alone", "serve").Err(); err != nil {
				t.Fatal(err)
			}
		} else {
			stop = wake().stop
		}
		within(t, 20*time.Second, "SET is taken: "+end, func() bool { return a.c.Set(t.Context(), "k", "v", 0).Err() == nil })
		within(t, 20*time.Second, "events tell of both", func() bool { return a.told(admin.EventSuspended) && a.told(admin.EventResumed) })
		stop()
		a.stop()
	}
}

// told reports whether an event of a kind tells that the node has heard of no other shard, or
// that this is over.
func (m *member) told(kind string) bool {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	list, err := op.PastEvents(m.t.Context(), m.name, time.Time{})
	if err != nil {
		m.t.Fatal(err)
	}
	return slices.ContainsFunc(list.Events, func(e admin.Event) bool {
		return e.Kind == kind && e.Health != nil && (kind == admin.EventResumed || e.Class == "operator" && strings.Contains(e.Cause, "cluster-alone"))
	})
}

// A promotion beside another shard that is frozen has clients wait for a bounded time, and
// answers them then. Nobody is refused, and what it waits for is said meanwhile.
func TestAskingWhilePromoted(t *testing.T) {
	q := newQuartet(t)
	p, other := q.pairs[0], q.pairs[1]
	within(t, 20*time.Second, "the replica knows all four nodes", func() bool {
		return strings.Count(p.nodes[1].client().ClusterNodes(t.Context()).Val(), "\n") == 4
	})
	for _, n := range other.nodes {
		if err := n.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	op := p.admin(t, 1)
	p.nodes[0].end(syscall.SIGKILL)
	promoted := make(chan error, 1)
	go func() { // which looks for the former leader, too
		_, err := op.Promote(t.Context(), names[1])
		promoted <- err
	}()
	within(t, 20*time.Second, "the node waits for the shard that is frozen", func() bool {
		return strings.Contains(p.health(t, 1).SlotsWait, "0 of 1 have answered")
	})
	c := redis.NewClient(&redis.Options{Addr: p.nodes[1].addr, DisableIdentity: true, MaxRetries: -1, ReadTimeout: patience(20 * time.Second), MaintNotificationsConfig: plainly})
	defer c.Close()
	began := time.Now()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("SET: %v; want it answered", err)
	}
	t.Logf("SET is answered after %s", time.Since(began))
	if err := <-promoted; err != nil {
		t.Errorf("promote: %v", err)
	}
	if h := p.health(t, 1); h.SlotsWait != "" || h.ReadsRefused != "" {
		t.Errorf("the node waits for %q, and refuses reads with %q; want nothing", h.SlotsWait, h.ReadsRefused)
	}
	for _, n := range other.nodes {
		if err := n.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	within(t, 20*time.Second, "the shards are connected again", func() bool {
		op := p.admin(t, 1)
		defer op.Close()
		s, err := op.ClusterStatus(t.Context(), names[1])
		return err == nil && len(s.Shards) == 2 && s.Shards[1].Link != nil && s.Shards[1].Link.Up
	})
}
