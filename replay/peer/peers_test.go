package peer_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/replay/cluster"
	"ledge/replay/peer"
)

var silent = slog.New(slog.DiscardHandler)

func id(digit string) string { return strings.Repeat(digit, 40) }

// views is what one node knows, for tests.
type views struct {
	mu sync.Mutex
	v  *cluster.View // mu
}

func newViews(node, shard, url string) *views {
	return &views{v: cluster.NewView(id("c"), cluster.Record{Shard: id(shard), NATS: url, Stamp: 1,
		Node: cluster.Node{ID: id(node), Port: 1, Leads: true}})}
}

func (v *views) with(fn func(*cluster.View)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fn(v.v)
}

func (v *views) Cluster() string                    { return id("c") }
func (v *views) Self() (s string)                   { v.with(func(v *cluster.View) { s = v.Own().ID }); return s }
func (v *views) Leaderless() bool                   { return false }
func (v *views) Heard(string, time.Duration)        {}
func (v *views) Silences() map[string]time.Duration { return nil }
func (v *views) Have() (m map[string]uint64) {
	v.with(func(v *cluster.View) { m = v.Have() })
	return m
}
func (v *views) Newer(have map[string]uint64) (l []cluster.Record) {
	v.with(func(v *cluster.View) { l = v.Newer(have) })
	return l
}

func (v *views) Merge(records []cluster.Record) (err error) {
	v.with(func(v *cluster.View) { _, err = v.Merge(records) })
	return err
}

// record returns what is known of a node.
func (v *views) record(node string) (found cluster.Record) {
	v.with(func(v *cluster.View) {
		for _, r := range v.Records() {
			if r.ID == id(node) {
				found = r
			}
		}
	})
	return found
}

// served is a node that answers peers.
type served struct {
	*views
	*admintest.Broker
	server *peer.Server
}

// serve starts a node, which ends with the test. more is what it answers beside views.
func serve(t *testing.T, node, shard string, more map[string]peer.Answer) *served {
	t.Helper()
	b := admintest.Start(t)
	s := &served{newViews(node, shard, b.ClientURL()), b, nil}
	s.server = peer.NewServer(peer.ServerConfig{Views: s.views, Ready: func() error { return nil }, Logger: silent})
	for subject, answer := range more {
		s.server.Serve(subject, answer)
	}
	in, err := b.Connect(admin.ServiceUser)
	if err != nil {
		t.Fatal(err)
	}
	end, err := s.server.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
		in.Close()
	})
	return s
}

func (s *served) node(leads bool) peer.Node {
	return peer.Node{ID: s.Self(), URL: s.ClientURL(), Leads: leads}
}

// running is a node that keeps connections to others.
type running struct {
	*views
	*peer.Peers
	mu     sync.Mutex
	shards []peer.Shard // mu
	end    func()
}

func (r *running) set(shards ...peer.Shard) {
	r.mu.Lock()
	r.shards = shards
	r.mu.Unlock()
	r.Wake()
}

func start(t *testing.T, secrets ...string) *running {
	t.Helper()
	r := &running{views: newViews("9", "9", "")}
	r.Peers = peer.New(peer.Config{Node: "n", User: admin.PeerUser, Views: r.views, TLS: func() *tls.Config { return nil },
		Secrets: func() []string { return secrets }, Clock: time.Now, Logger: silent, Every: 50 * time.Millisecond,
		Others: func() []peer.Shard {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.shards
		}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.end = func() {
		cancel()
		<-done
	}
	t.Cleanup(r.end)
	return r
}

// link returns how a node stands with a shard.
func (r *running) link(shard string) peer.Link {
	for _, l := range r.Links() {
		if l.Shard == id(shard) {
			return l
		}
	}
	return peer.Link{}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

// Two shards learn of each other, of what changes, and of third ones; where there was no
// host stands where the node was reached.
func TestExchange(t *testing.T) {
	b := serve(t, "1", "1", nil)
	a := start(t, "wrong", b.Passwords[admin.PeerUser])
	a.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{b.node(true)}})
	until(t, "both know both", func() bool {
		return a.record("1").Host == "127.0.0.1" && b.record("9").Host == "127.0.0.1" && a.link("1").Up
	})
	if l := a.link("1"); !l.Up || l.Node != b.Self() || l.Cause != "" {
		t.Errorf("the link is %+v; want it up", l)
	}
	a.with(func(v *cluster.View) { r := v.Own(); r.Term = 7; v.SetOwn(r) })
	a.Wake()
	until(t, "the other shard has heard of the change", func() bool { return b.record("9").Term == 7 })
	b.with(func(v *cluster.View) {
		_, _ = v.Merge([]cluster.Record{{Shard: id("3"), Stamp: 1, Node: cluster.Node{ID: id("3"), Host: "h", Port: 1}}})
	})
	until(t, "a third shard is known", func() bool { return a.record("3").Host == "h" })
	a.set()
	until(t, "nobody is connected", func() bool { return len(a.Links()) == 0 })
}

// One shard is frozen, one is not there, and one does not take the secret. That is nobody
// else's concern: a fourth one is connected, whoever asks one of the three has the cause at
// once, and all ends at once.
func TestOthersFail(t *testing.T) {
	frozen, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	other := serve(t, "3", "3", nil)
	good := serve(t, "4", "4", map[string]peer.Answer{
		"ledge.cluster.move.hello": func(m *nats.Msg) (*nats.Msg, error) { return &nats.Msg{Data: m.Data}, nil },
		"ledge.cluster.move.fetch": func(*nats.Msg) (*nats.Msg, error) { return nil, fault.With(fault.Refused, errors.New("no such move")) },
	})
	if _, err := other.ChangePassword(admin.PeerUser, "another", time.Time{}, nothing); err != nil {
		t.Fatal(err)
	}
	a := start(t, good.Passwords[admin.PeerUser])
	at := func(shard, url string) peer.Shard {
		return peer.Shard{ID: id(shard), Nodes: []peer.Node{{ID: id(shard), URL: url, Leads: true}}}
	}
	a.set(at("1", "nats://"+frozen.Addr().String()), at("2", "nats://"+freeport.Addr(t)), at("3", other.ClientURL()),
		at("4", good.ClientURL()), at("5", ""))
	began := time.Now()
	until(t, "the good one is connected", func() bool { return a.link("4").Up })
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("it took %s to connect a shard beside one that is frozen; want less than that one is waited for", took)
	}
	until(t, "the others' causes are known", func() bool {
		return strings.Contains(a.link("3").Cause, "does not take the cluster's secret") && strings.Contains(a.link("2").Cause, "refused")
	})
	for shard, want := range map[string]string{"1": "", "2": "refused", "3": "--cluster-secret-file", "5": "", "6": "has not heard of it"} {
		began := time.Now()
		_, err := a.Call(t.Context(), id(shard), "ledge.cluster.move.hello", 1)
		if took := time.Since(began); fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "is not connected") ||
			!strings.Contains(err.Error(), want) || took > time.Second {
			t.Errorf("shard %s: %v after %s; want Retryable at once, with %q", shard, err, took, want)
		}
	}
	if m, err := a.Call(t.Context(), id("4"), "ledge.cluster.move.hello", 7); err != nil || string(m.Data) != "7" {
		t.Errorf("Call = %+v, %v; want the answer", m, err)
	}
	if _, err := a.Call(t.Context(), id("4"), "ledge.cluster.move.fetch", 7); fault.Of(err) != fault.Refused {
		t.Errorf("Call = %v; want the class that the peer has said", err)
	}
	if missed := a.Farewell(t.Context(), nil); missed != 4 {
		t.Errorf("%d shards have not heard a farewell; want 4", missed)
	}
	began = time.Now()
	a.end()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s to end; want at once", took)
	}
}

// nothing writes no password down.
func nothing([]broker.Former) error { return nil }

// While the node that leads a shard can't be reached another one of its nodes is asked, and
// once it can the connection is made to that one.
func TestLeaderIsSought(t *testing.T) {
	leader, replica := serve(t, "1", "1", nil), serve(t, "2", "1", nil)
	a := start(t, leader.Passwords[admin.PeerUser])
	a.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{{ID: leader.Self(), URL: "nats://127.0.0.1:1", Leads: true}, replica.node(false)}})
	until(t, "the replica is asked", func() bool { l := a.link("1"); return l.Up && l.Node == replica.Self() })
	a.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{leader.node(true), replica.node(false)}})
	until(t, "the leader is asked", func() bool { l := a.link("1"); return l.Up && l.Node == leader.Self() })
}

// Requests beyond a bound are refused and not kept, and a node without a secret says what is
// missing.
func TestBounds(t *testing.T) {
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	b := serve(t, "1", "1", map[string]peer.Answer{"ledge.cluster.move.hello": func(*nats.Msg) (*nats.Msg, error) {
		<-hold
		return &nats.Msg{Data: []byte("1")}, nil
	}})
	defer release()
	a := start(t, b.Passwords[admin.PeerUser])
	a.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{b.node(true)}})
	until(t, "it is connected", func() bool { return a.link("1").Up })
	answers := make(chan error, 200)
	for range cap(answers) {
		go func() {
			_, err := a.Call(t.Context(), id("1"), "ledge.cluster.move.hello", 1)
			answers <- err
		}()
	}
	for range 100 {
		if err := <-answers; fault.Of(err) != fault.Retryable || !strings.Contains(err.Error(), "too many requests") {
			t.Fatalf("a request beside many others: %v; want it refused", err)
		}
	}
	release()
	for range 100 {
		<-answers
	}
	without := start(t)
	without.set(peer.Shard{ID: id("1"), Nodes: []peer.Node{b.node(true)}})
	until(t, "the cause is known", func() bool { return strings.Contains(without.link("1").Cause, "--cluster-secret-file") })
}
