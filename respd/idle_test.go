package respd_test

// Which clients are closed because they are idle, and which are not; and limits that
// change while clients are there.

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"ledge/journal/certtest"
	"ledge/journal/logtest"
	"ledge/respd"
)

// A client that is idle for longer than the limit is closed, whatever it was about:
// with a transaction open, in the middle of a command, not logged in, or with replies
// that it doesn't take. One that waits for a key, for replicas or for messages is not,
// neither is one that CLIENT PAUSE holds, nor one that says something now and then.
func TestIdleClients(t *testing.T) {
	const limit = 250 * time.Millisecond
	var log logtest.Log
	n := start(t, func(cfg *respd.Config) { cfg.Logger = log.Logger() }, withHold)
	idle := map[string]*client{"idle": n.dial(), "in MULTI": n.dial(), "in half a command": n.dial(),
		"silent": n.dial(), "in its replies": n.dial()}
	idle["idle"].want("PING", "PONG")
	idle["in MULTI"].want("MULTI", "OK")
	idle["in half a command"].send([]byte("*2\r\n$3\r\nGET\r\n"))
	idle["idle"].want("SET k "+strings.Repeat("x", 100_000), "OK")
	idle["in its replies"].send(bytes.Repeat(encode("GET k"), 200))
	blocked, waits, hears, patterns := n.dial(), n.dial(), n.dial(), n.dial()
	blocked.send(encode("BLPOP list 0"))
	waits.send(encode("HOLD"))
	hears.want("SUBSCRIBE news", `["subscribe" "news" (integer) 1]`)
	patterns.want("HELLO 3", "…")
	patterns.want("PSUBSCRIBE n*", "…")
	n.waiting(2)
	talks := n.dial()
	n.srv.SetLimits(with(n, func(l *respd.Limits) { l.Idle = limit }))
	began, closed := time.Now(), &n.srv.Stats().Idle
	until(t, "end of the idle", func() bool {
		talks.want("PING", "PONG")
		return closed.Load() == int64(len(idle))
	})
	if took := time.Since(began); took < limit/2 {
		t.Errorf("idle clients were closed after %s; want %s", took, limit)
	}
	for name, c := range idle {
		_ = c.nc.SetReadDeadline(time.Now().Add(patience))
		if _, err := copyAll(c.nc); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("the client that is %s is still there: %v", name, err)
		}
	}
	// The others have been there for longer than that as well.
	talks.want("CLIENT PAUSE 400 WRITE", "OK")
	held := n.dial()
	held.send(encode("SET a b"))
	paused := time.Now()
	for time.Since(paused) < 2*limit {
		talks.want("PING", "PONG")
	}
	held.expect("OK")
	talks.want("PUBLISH news x", "(integer) 2")
	hears.expect(`["message" "news" "x"]`)
	talks.want("RPUSH list v", "(integer) 1")
	blocked.expect(`["list" "v"]`)
	n.waiting(1)
	// A wait that has ended begins the time anew, and one limit ends it as any.
	until(t, "end of those that waited", func() bool {
		talks.want("PING", "PONG")
		return closed.Load() == int64(len(idle))+2
	})
	n.srv.SetLimits(with(n, func(l *respd.Limits) { l.Idle = 0 }))
	waits.nc.Close()
	if log.Count("client closed: it was idle for longer than timeout") == 0 {
		t.Error("no line says that clients were closed for being idle")
	}
	talks.want("INFO stats", fmt.Sprintf("…client_idle_disconnections:%d…", len(idle)+2))
}

// with returns the limits of a node with a change.
func with(n *node, change func(*respd.Limits)) respd.Limits {
	l := n.srv.Limits()
	change(&l)
	return l
}

// copyAll reads until the end.
func copyAll(nc net.Conn) (n int64, err error) {
	var b bytes.Buffer
	n, err = b.ReadFrom(nc)
	return n, err
}

// The idle are closed with TLS, too.
func TestIdleTLS(t *testing.T) {
	ca := certtest.New(t, "ours")
	n := start(t, secure(ca.Sign(t, "server", "127.0.0.1"), ca, 0), func(cfg *respd.Config) { cfg.Idle = 100 * time.Millisecond })
	nc, err := n.dialTLS(ca.Client())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := copyAll(nc); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("an idle client with TLS is still there: %v", err)
	}
}

// Limits that change hold for those who are there: of replies that are not read, at
// once and after a while, and of messages.
func TestLimitsChange(t *testing.T) {
	n := start(t)
	p := n.dial()
	p.want("SET k "+strings.Repeat("x", 1<<20), "OK")
	hears := n.dial()
	hears.want("SUBSCRIBE news", `["subscribe" "news" (integer) 1]`)
	slow, soft := n.dial(), n.dial()
	out := &n.srv.Stats().OutputLimit
	soft.send(bytes.Repeat(encode("GET k"), 30))
	until(t, "replies that wait", func() bool { return n.srv.Stats().HeldOut.Load() > 4<<20 })
	n.srv.SetLimits(with(n, func(l *respd.Limits) { l.SoftOutput, l.SoftFor = 1<<20, 100*time.Millisecond }))
	soft.gone(n, out, 0)
	n.srv.SetLimits(with(n, func(l *respd.Limits) { l.SoftOutput, l.MaxOutput, l.Push.Hard = 0, 512<<10, 64<<10 }))
	slow.send(encode("GET k"))
	slow.gone(n, out, 1)
	p.want("PUBLISH news "+strings.Repeat("y", 100<<10), "(integer) 1")
	_ = hears.nc.SetReadDeadline(time.Now().Add(patience))
	if _, err := copyAll(hears.nc); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("a subscriber past its bound is still there: %v", err)
	}
	p.want("CLIENT LIST", "…cmd=client|list…")
}
