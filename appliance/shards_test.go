package appliance_test

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/freeport"
	"ledge/replay/standing"
)

// member is a node of a cluster of several shards.
type member struct {
	*appliance.Node
	t    *testing.T
	dir  string
	c    *redis.Client
	name string
	stop func() // safe twice
}

// memberWith starts a node that is one of a cluster's, with that secret.
func memberWith(t *testing.T, name, secret string, follow *member) *member {
	t.Helper()
	return memberSet(t, name, secret, follow, func(*appliance.Config) {})
}

// memberSet is memberWith for a node of which something else is set, too.
func memberSet(t *testing.T, name, secret string, follow *member, set func(*appliance.Config)) *member {
	t.Helper()
	return memberOf(t, appliance.Config{Node: name}, secret, follow, set)
}

// memberOf is memberSet for a node of a configuration, in which what is missing is filled in.
func memberOf(t *testing.T, cfg appliance.Config, secret string, follow *member, sets ...func(*appliance.Config)) *member {
	t.Helper()
	cfg.Dir, cfg.NATSListen, cfg.Cluster = cmp.Or(cfg.Dir, t.TempDir()), cmp.Or(cfg.NATSListen, freeport.Addr(t)), "yes"
	name := cfg.Node
	m := &member{t: t, dir: cfg.Dir, name: name}
	if secret != "" {
		cfg.ClusterSecretFile = filepath.Join(t.TempDir(), "secret")
		replaceFile(t, cfg.ClusterSecretFile, secret+"\n")
	}
	if follow != nil {
		cfg.Follow, cfg.FollowPasswordFile = follow.Status().NATS, filepath.Join(follow.dir, "auth", "replica")
	}
	cfg.Listen, cfg.Reserve = freeport.Addr(t), -1
	for _, set := range sets {
		set(&cfg)
	}
	n, err := appliance.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.Node = n
	ended := make(chan error, 1)
	go func() { ended <- n.Run(context.Background()) }()
	m.stop = sync.OnceFunc(func() {
		n.Shutdown()
		if err := errors.Join(<-ended, n.Close()); err != nil {
			t.Errorf("%s: Run and Close = %v; want nil", name, err)
		}
	})
	t.Cleanup(m.stop)
	m.c = redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: m.Status().Listen, DisableIdentity: true, MaintNotificationsConfig: plainly})
	t.Cleanup(func() { m.c.Close() })
	return m
}

// op returns a connection of an operator, who comes anew each time: a full sync replaces
// the node's broker.
func (m *member) op() *admin.Conn {
	m.t.Helper()
	op, in := knock(m.t, m.Status().NATS, "admin", word(m.t, m.dir, "admin"))
	if !in {
		m.t.Fatal("the operator is not let in")
	}
	return op
}

// cluster returns what the node knows.
func (m *member) cluster() admin.Cluster {
	m.t.Helper()
	op := m.op()
	defer op.Close()
	c, err := op.ClusterStatus(m.t.Context(), m.name)
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// calls tells whether the node calls all nodes by the names that operators have for them.
func (m *member) calls(want ...string) {
	m.t.Helper()
	var got []string
	for _, s := range m.cluster().Shards {
		for _, n := range s.Nodes {
			got = append(got, n.Name)
		}
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		m.t.Errorf("%s calls the nodes %v; want %v", m.name, got, want)
	}
}

func (m *member) found() {
	m.t.Helper()
	if _, err := m.op().ClusterFound(m.t.Context(), m.name); err != nil {
		m.t.Fatal(err)
	}
}

// join has the node join the cluster of another one.
func (m *member) join(at string) error {
	_, err := m.op().ClusterJoin(m.t.Context(), m.name, at)
	return err
}

// hears waits until the node knows so many shards and nodes, and is connected to all the
// other shards if it leads.
func (m *member) hears(shards, nodes int) {
	m.t.Helper()
	within(m.t, 20*time.Second, m.name+" knows the others", func() bool {
		c, n, up := m.cluster(), 0, 1
		for _, s := range c.Shards {
			if n += len(s.Nodes); s.Link != nil && s.Link.Up {
				up++
			}
		}
		return len(c.Shards) == shards && n == nodes && (m.Link().State != standing.LinkNone || up == shards)
	})
}

// moved waits until the node sends whoever asks for a key elsewhere.
func (m *member) moved(to *member) {
	m.t.Helper()
	want := "MOVED 7629 " + to.Status().Listen
	within(m.t, 20*time.Second, m.name+" sends clients to "+to.name, func() bool {
		err := m.c.Set(m.t.Context(), "k", "v", 0).Err()
		return err != nil && err.Error() == want
	})
}

// Three shards, two with a replica, hear of each other though each has joined at one of
// them alone. All send clients to whoever leads the shard that owns the slot, replicas too,
// also after a promotion there. A shard that leaves is listed by nobody, and neither is a
// node that is forgotten.
func TestShards(t *testing.T) {
	t.Parallel()
	a, b, c := memberWith(t, "a", "s", nil), memberWith(t, "b", "s", nil), memberWith(t, "c", "s", nil)
	a.found()
	a2, b2 := memberWith(t, "a2", "s", a), memberWith(t, "b2", "s", b)
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	if err := c.join(b.Status().NATS); err != nil { // which owns nothing, and knows who does
		t.Fatal(err)
	}
	for _, m := range []*member{a, b, c, a2, b2} {
		m.hears(3, 5)
	}
	for _, m := range []*member{b, c, a2, b2} {
		m.moved(a)
	}
	b2.calls("a", "a2", "b", "b2", "c")
	if slots, err := c.c.Do(t.Context(), "CLUSTER", "SLOTS").Slice(); err != nil || len(slots) != 1 || len(slots[0].([]any)) != 4 {
		t.Errorf("CLUSTER SLOTS = %+v, %v; want the one shard that owns some", slots, err)
	}
	if shards := c.c.ClusterShards(t.Context()).Val(); len(shards) != 3 {
		t.Errorf("CLUSTER SHARDS has %d shards; want 3", len(shards))
	}
	if err := b.join(a.Status().NATS); err != nil {
		t.Errorf("join once more: %v; want no error", err)
	}

	// The leader of the shard that owns all hands over.
	if _, err := a.op().Switchover(t.Context(), "a", "a2"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{a, b, c, b2} {
		m.moved(a2)
	}

	if _, err := a2.op().ClusterLeave(t.Context(), "a2"); err == nil || !strings.Contains(err.Error(), "owns 16384 slots") {
		t.Errorf("leave with slots: %v; want it refused, with their number", err)
	}
	left, err := c.op().ClusterLeave(t.Context(), "c")
	if err != nil || left.Cluster != "" || len(left.Shards) != 1 {
		t.Errorf("leave: %+v, %v; want the node to be in no cluster", left, err)
	}
	for _, m := range []*member{a, b, a2, b2} {
		m.hears(2, 4)
	}
	if err := c.join(a2.Status().NATS); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{a, b, c, a2, b2} {
		m.hears(3, 5)
	}
	if err := a.c.ConfigSet(t.Context(), "cluster-node-timeout", "20000").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.op().ClusterForget(t.Context(), "a", c.cluster().Node); err == nil || !strings.Contains(err.Error(), "was heard of less than 20s ago") {
		t.Errorf("forget one that is there: %v; want it refused", err)
	}
}

// What is in the way of joining is said, and what to do.
func TestJoinRefused(t *testing.T) {
	t.Parallel()
	a, b := memberWith(t, "a", "s", nil), memberWith(t, "b", "s", nil)
	a.found()
	b.found()
	wrong, none, empty := memberWith(t, "wrong", "other", nil), memberWith(t, "none", "", nil), memberWith(t, "empty", "s", nil)
	follows := memberWith(t, "follows", "s", empty)
	redisPort := "nats://" + a.Status().Listen
	within(t, 20*time.Second, "the replica follows", func() bool { return follows.Link().State == standing.LinkStreaming })
	page := httpPort(t)
	for name, tt := range map[string]struct {
		m    *member
		at   string
		want []string
	}{
		"another secret":        {wrong, a.Status().NATS, []string{"does not take the cluster's secret", "--cluster-secret-file"}},
		"no secret":             {none, a.Status().NATS, []string{"no cluster secret", "auth/peer"}},
		"the other has none":    {empty, none.Status().NATS, []string{"does not take the cluster's secret"}},
		"a node of no cluster":  {empty, follows.Status().NATS, []string{"is in no cluster"}},
		"two clusters":          {b, a.Status().NATS, []string{a.cluster().Cluster, b.cluster().Cluster, "can't become one"}},
		"a replica":             {follows, a.Status().NATS, []string{"follows another", "at its leader"}},
		"nobody there":          {empty, "nats://127.0.0.1:1", []string{"refused"}},
		"a port for Redis":      {empty, redisPort, []string{"speaks Redis's protocol"}},
		"a port for browsers":   {empty, "nats://" + page, []string{"HTTP server"}},
		"no URL":                {empty, "http://h:1", []string{"neither nats nor tls"}},
		"a URL with a password": {empty, "nats://u:p@127.0.0.1:1", []string{"may not have a password"}},
	} {
		err := tt.m.join(tt.at)
		if err == nil {
			t.Errorf("%s: joined", name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q in it", name, err, want)
			}
		}
	}
	if _, err := empty.op().ClusterLeave(t.Context(), "empty"); err == nil || !strings.Contains(err.Error(), "in no cluster") {
		t.Errorf("leave without a cluster: %v", err)
	}
}

// httpPort is where somebody answers who speaks HTTP.
func httpPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// A shard whose only node is frozen costs nobody else anything: what operators ask of the
// others has its answer as fast as ever, and so have clients. Once it has been silent for
// long it can be forgotten.
func TestFrozenShard(t *testing.T) {
	t.Parallel()
	a, b := memberWith(t, "a", "s", nil), memberWith(t, "b", "s", nil)
	a.found()
	if err := b.join(a.Status().NATS); err != nil {
		t.Fatal(err)
	}
	a.hears(2, 2)
	at := strings.TrimPrefix(b.Status().NATS, "nats://")
	b.stop()
	frozen, err := net.Listen("tcp", at) // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	down := func() bool { l := a.cluster().Shards[1].Link; return l != nil && !l.Up && l.Cause != "" }
	within(t, 20*time.Second, "the shard is not connected", down)
	for what, do := range map[string]func() error{
		"status":  func() error { _, err := a.op().Status(t.Context(), "a"); return err },
		"cluster": func() error { _, err := a.op().ClusterStatus(t.Context(), "a"); return err },
		"promote": func() error { _, err := a.op().Promote(t.Context(), "a"); return err },
		"SET":     func() error { return a.c.Set(t.Context(), "k", "v", 0).Err() },
	} {
		began := time.Now()
		err := do()
		took := time.Since(began)
		if err != nil || took > patience(2*time.Second) {
			t.Errorf("%s: %v after %s; want an answer at once, and not after what a shard is waited for", what, err, took)
		}
		t.Logf("%s took %s", what, took)
	}
	if err := a.c.ConfigSet(t.Context(), "cluster-node-timeout", "3000").Err(); err != nil {
		t.Fatal(err)
	}
	within(t, 40*time.Second, "nothing moves to a shard whose leader is gone", func() bool {
		mv, err := a.op().ClusterMove(t.Context(), "a", "0-99", "b")
		if err == nil { // it was heard of a moment ago
			_, err = a.op().ClusterCancel(t.Context(), "a", mv.ID)
		}
		return err != nil && strings.Contains(err.Error(), "nothing was heard for 3s of node b at ")
	})
	within(t, 40*time.Second, "the shard can be forgotten, by its node's name", func() bool {
		_, err := a.op().ClusterForget(t.Context(), "a", "b")
		return err == nil
	})
	if c := a.cluster(); len(c.Shards) != 1 {
		t.Errorf("%d shards once it is forgotten; want 1", len(c.Shards))
	}
}
