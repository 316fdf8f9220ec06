package appliance_test

// A replica counts while it follows: not for having followed once, and not where it
// is not.

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hands has one of the pair hand over to the other.
func (p *pair) hands(t *testing.T, from int) {
	t.Helper()
	var err error
	for range 3 { // a disk may take too long; the node goes on then
		if _, err = p.admin(t, from).Switchover(t.Context(), names[from], names[1-from]); err == nil {
			p.streams(t, from)
			p.same(t)
			return
		}
	}
	t.Fatal(err)
}

// listed returns what a node shows of its replicas: INFO, ROLE, WAIT, WAITAOF,
// status.
func (p *pair) listed(t *testing.T, i int) string {
	t.Helper()
	ctx, c := t.Context(), p.nodes[i].client()
	st, err := p.admin(t, i).Status(ctx, names[i])
	if err != nil {
		t.Fatal(err)
	}
	shows := fmt.Sprintf("INFO %s, status %d", p.nodes[i].info("connected_slaves"), len(st.Replicas))
	if p.nodes[i].info("role") == "master" {
		role, err := c.Do(ctx, "ROLE").Slice()
		if err != nil {
			t.Fatal(err)
		}
		wait, err := c.Do(ctx, "WAIT", 9, 50).Int()
		if err != nil {
			t.Fatal(err)
		}
		aof, err := c.Do(ctx, "WAITAOF", 1, 9, 50).Slice()
		if err != nil {
			t.Fatal(err)
		}
		shows += fmt.Sprintf(", ROLE %d, WAIT %d, WAITAOF %v", len(role[2].([]any)), wait, aof[1])
	}
	return shows
}

// The lead is handed over and back, so each has been the other's replica. The one
// that is left takes no write as long as nobody follows it, from its first on.
func TestGhosts(t *testing.T) {
	ctx := t.Context()
	p := leadAndFollow(t, "--min-replicas", "1", "--on-divergence", "resync")
	within(t, 10*time.Second, "the leader takes writes", func() bool { return p.nodes[0].client().Set(ctx, "k", "v", 0).Err() == nil })
	p.hands(t, 0)
	if got := p.listed(t, 0); got != "INFO 0, status 0" {
		t.Errorf("a, which follows b, shows %s; want nobody", got)
	}
	p.hands(t, 1)
	if got := p.listed(t, 1); got != "INFO 0, status 0" {
		t.Errorf("b, which follows a, shows %s; want nobody", got)
	}
	if got := p.listed(t, 0); got != "INFO 1, status 1, ROLE 1, WAIT 1, WAITAOF 1" {
		t.Errorf("a shows %s; want b everywhere", got)
	}
	p.nodes[0].end(syscall.SIGKILL)
	b := p.nodes[1].client()
	if err := b.Ping(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.admin(t, 1).Promote(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if err := b.Set(ctx, "k", "w", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOREPLICAS") {
			t.Fatalf("a write that nobody follows: %v; want NOREPLICAS", err)
		}
	}
	if got := p.listed(t, 1); got != "INFO 0, status 0, ROLE 0, WAIT 0, WAITAOF 0" {
		t.Errorf("b alone shows %s; want nobody", got)
	}
	// The old leader comes back as a replica, and counts.
	p.nodes[0] = start(t, p.dirs[0], "--node", "a", "--nats-listen", strings.TrimPrefix(p.urls[0], "nats://"), "--on-divergence", "resync")
	p.trusts(t)
	if _, err := p.admin(t, 0).Follow(ctx, "a", p.urls[1]); err != nil {
		t.Fatal(err)
	}
	p.streams(t, 0)
	within(t, 10*time.Second, "b takes writes again", func() bool { return b.Set(ctx, "k", "w", 0).Err() == nil })
	p.same(t)
	if got := p.listed(t, 1); got != "INFO 1, status 1, ROLE 1, WAIT 1, WAITAOF 1" {
		t.Errorf("b with a shows %s; want a everywhere", got)
	}
	if got := p.listed(t, 0); got != "INFO 0, status 0" {
		t.Errorf("a, which follows b, shows %s; want nobody", got)
	}
}

// A replica that is restarted is one, and one that is killed counts no longer, long
// before the journal is kept for it no more.
func TestReplicaOnce(t *testing.T) {
	t.Parallel()
	p := leadAndFollow(t)
	addr := p.nodes[1].addr
	for range 3 {
		p.nodes[1].end(syscall.SIGKILL)
		p.nodes[1] = start(t, p.dirs[1], "--node", "b", "--listen", addr, "--nats-listen", strings.TrimPrefix(p.urls[1], "nats://"),
			"--follow-password-file", filepath.Join(p.dirs[0], "auth", "replica"))
		p.streams(t, 1)
		p.same(t)
		within(t, 10*time.Second, "the replica is listed once", func() bool {
			return p.listed(t, 0) == "INFO 1, status 1, ROLE 1, WAIT 1, WAITAOF 1"
		})
	}
	p.nodes[1].end(syscall.SIGKILL)
	within(t, 30*time.Second, "a killed replica counts for nothing", func() bool {
		return p.listed(t, 0) == "INFO 0, status 0, ROLE 0, WAIT 0, WAITAOF 0"
	})
}

// A replica's replica goes on when the one between the two is promoted.
func TestChainPromoted(t *testing.T) {
	dirs := directories(t, "top", "middle", "end")
	top := lead(t, dirs[0])
	middle := follow(t, dirs[1], top)
	end := follow(t, dirs[2], middle)
	top.do("SET", "k", "1")
	middle.equal(top)
	end.equal(middle)
	top.end(syscall.SIGKILL)
	middle.do("REPLICAOF", "NO", "ONE")
	middle.do("SET", "k", "2")
	end.equal(middle)
	within(t, 10*time.Second, "its replica counts", func() bool { return middle.field("connected_slaves") == "1" })
	if got := middle.do("WAIT", "1", "10000"); got != int64(1) {
		t.Errorf("WAIT = %v; want 1", got)
	}
}

// from starts a proxy to an address, that connects from another one of this
// machine's own.
func from(t *testing.T, local, to string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
	busy.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := d.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			for _, c := range [][2]net.Conn{{in, out}, {out, in}} {
				busy.Go(func() {
					_, _ = io.Copy(c[0], c[1]) // either end's end is the other's
					c[0].Close()
					c[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() { l.Close(); busy.Wait() })
	return "nats://" + l.Addr().String()
}

// A replica is where its leader sees it, whatever it listens on, or where it says.
func TestReplicaAddress(t *testing.T) {
	dirs := directories(t, "leader", "seen", "said", "far")
	a := lead(t, dirs[0])
	to := strings.TrimPrefix(a.nats(), "nats://")
	via := func(dir, local string, opts ...string) *peer {
		return lead(t, dir, append([]string{"--follow", from(t, local, to), "--follow-password-file", a.secret(),
			"--listen", "0.0.0.0:0", "--password", "sesame"}, opts...)...)
	}
	seen := via(dirs[1], "127.0.0.2")
	via(dirs[2], "127.0.0.3", "--announce-host", "replica.example.org", "--announce-port", "7777")
	via(dirs[3], "127.0.0.4", "--announce-host", "fd00::7")
	_, port, _ := net.SplitHostPort(seen.addr)
	want := map[string]string{"seen": "ip=127.0.0.2,port=" + port + ",state=online",
		"said": "ip=replica.example.org,port=7777,state=online", "far": "ip=fd00::7,port="}
	within(t, 20*time.Second, "all replicas are where they are", func() bool {
		info := ""
		for i := range 3 {
			info += a.field(fmt.Sprintf("slave%d", i)) + "\n"
		}
		for _, w := range want {
			if !strings.Contains(info, w) {
				return false
			}
		}
		return true
	})
	role := fmt.Sprint(a.do("ROLE"))
	for _, w := range []string{"[127.0.0.2 " + port, "[replica.example.org 7777", "[fd00::7 "} {
		if !strings.Contains(role, w) {
			t.Errorf("ROLE = %s; want %q in it", role, w)
		}
	}
	if strings.Contains(role, "[0.0.0.0") || strings.Contains(role, "[:: ") {
		t.Errorf("ROLE = %s; nobody is at what it listens on", role)
	}
}

// What is announced can be set at run time, and must be an address.
func TestAnnounce(t *testing.T) {
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	b := follow(t, dirs[1], a)
	b.equal(a)
	for _, bad := range [][2]string{{"replica-announce-ip", "a,port=1"}, {"replica-announce-ip", "a b"}, {"replica-announce-ip", "a\nrole:master"},
		{"replica-announce-ip", strings.Repeat("a", 254)}, {"replica-announce-port", "65536"}, {"replica-announce-port", "-1"}, {"replica-announce-port", "x"}} {
		if err := b.c.ConfigSet(t.Context(), bad[0], bad[1]).Err(); err == nil {
			t.Errorf("CONFIG SET %s %.20q is taken", bad[0], bad[1])
		}
	}
	b.do("CONFIG", "SET", "replica-announce-ip", "10.1.2.3")
	b.do("CONFIG", "SET", "replica-announce-port", "6380")
	if got := fmt.Sprint(b.do("CONFIG", "GET", "replica-announce-*")); !strings.Contains(got, "10.1.2.3") || !strings.Contains(got, "6380") {
		t.Errorf("CONFIG GET = %s", got)
	}
	within(t, 20*time.Second, "the replica is where it says", func() bool {
		return strings.HasPrefix(a.field("slave0"), "ip=10.1.2.3,port=6380,state=online")
	})
	for _, opts := range [][]string{{"--announce-host", "a b"}, {"--announce-host", "a,b"}, {"--announce-port", "-1"}, {"--announce-port", "70000"}} {
		got := run(t, append([]string{"serve", "--dir", t.TempDir()}, opts...)...)
		if got.code == 0 || !strings.Contains(got.stderr, opts[0]) {
			t.Errorf("%v: exit code %d, %q; want a fault of the option", opts, got.code, got.stderr)
		}
	}
}
