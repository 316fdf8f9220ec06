package appliance_test

// Nodes within the test's process that speak TLS to each other.

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/journal/certtest"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/replay/standing"
)

// serve runs a node until the test ends.
func serve(t testing.TB, cfg appliance.Config) *appliance.Node {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	cfg.Reserve = -1
	n, err := appliance.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	return n
}

// A replica follows a leader that asks for certificates, whether its URL insists
// on TLS or not. One that can't verify the leader, or is turned down, says that
// a person is needed.
func TestFollowTLS(t *testing.T) {
	ours, others := certtest.New(t, "ours"), certtest.New(t, "others")
	own, thief := ours.Sign(t, "node", "127.0.0.1"), others.Sign(t, "thief", "127.0.0.1")
	leader := serve(t, appliance.Config{Node: "leader", NATSListen: freeport.Addr(t),
		NATSTLSCert: own.Cert, NATSTLSKey: own.Key, NATSTLSCA: ours.CA})
	secret := strings.Replace(leader.Status().Credentials, "admin", "replica", 1)
	_, addr, _ := strings.Cut(leader.Status().NATS, "://")
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: leader.Status().Listen})
	defer c.Close()
	if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	follow := func(url, ca string, p certtest.Pair) *appliance.Node {
		return serve(t, appliance.Config{Node: "replica", NATSListen: appliance.Off, Follow: url,
			FollowPasswordFile: secret, NATSTLSCA: ca, NATSTLSCert: p.Cert, NATSTLSKey: p.Key})
	}
	for _, scheme := range []string{"tls://", "nats://"} {
		n := follow(scheme+addr, ours.CA, own)
		within(t, 20*time.Second, "a replica at "+scheme+" streams", func() bool {
			return n.Link().State == standing.LinkStreaming && n.Link().Applied >= 2
		})
		r := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: n.Status().Listen})
		if got, err := r.Get(t.Context(), "k").Result(); got != "v" || err != nil {
			t.Errorf("GET of the replica at %s = %q, %v; want v", scheme, got, err)
		}
		r.Close()
	}
	for _, c := range []struct {
		name, ca string
		own      certtest.Pair
		cause    string
	}{
		{"a wrong CA", others.CA, own, "certificate signed by unknown authority"},
		{"the system's CAs", "", own, "certificate signed by unknown authority"},
	} {
		n := follow("tls://"+addr, c.ca, c.own)
		within(t, 20*time.Second, "the link with "+c.name+" fails", func() bool { return n.Link().Err != nil })
		l := n.Link()
		if fault.Of(l.Err) != fault.Operator || l.State != standing.LinkFailed || !strings.Contains(l.Err.Error(), c.cause) {
			t.Errorf("link with %s: %v, %v of class %v; want failed, class operator and %q", c.name, l.State, l.Err,
				fault.Of(l.Err), c.cause)
		}
	}
	n := follow("tls://"+addr, ours.CA, certtest.Pair{})
	within(t, 20*time.Second, "a replica without a certificate fails", func() bool { return n.Link().Err != nil })
	n = follow("tls://"+addr, ours.CA, thief)
	within(t, 20*time.Second, "a replica with a foreign certificate fails", func() bool { return n.Link().Err != nil })

	plain := serve(t, appliance.Config{Node: "plain", NATSListen: freeport.Addr(t)})
	n = follow("tls"+strings.TrimPrefix(plain.Status().NATS, "nats"), ours.CA, own)
	within(t, 20*time.Second, "a leader without TLS is turned down", func() bool { return fault.Of(n.Link().Err) == fault.Operator })
}

// The lead is handed to and fro between nodes that ask each other for
// certificates, by commands that know no more than the directories.
func TestSwitchoverTLS(t *testing.T) {
	ours := certtest.New(t, "ours")
	own := ours.Sign(t, "node", "127.0.0.1")
	p := leadAndFollow(t, "--nats-tls-cert", own.Cert, "--nats-tls-key", own.Key, "--nats-tls-ca", ours.CA)
	for i, to := range []string{"b", "a"} {
		var got ended
		within(t, 30*time.Second, "the lead goes to "+to, func() bool { // it is bounded by 1 s, which load may exceed
			got = run(t, "switchover", "--dir", p.dirs[i], "--to", to)
			return got.code == 0 || !strings.Contains(got.stderr, "has not taken the lead")
		})
		if got.code != 0 {
			t.Fatalf("switchover to %s: exit code %d, %s", to, got.code, got.stderr)
		}
		within(t, 20*time.Second, to+" leads", func() bool { return p.nodes[1-i].info("role") == "master" })
		p.streams(t, i)
	}
}
