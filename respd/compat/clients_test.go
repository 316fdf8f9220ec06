package compat_test

// Programs don't speak RESP themselves: they use a client. These tests let
// go-redis, redigo and rueidis each use every type the way their users do, on a
// real redis-server, which shows that the test is right, and on ledge.

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// conversation is what a client does.
type conversation struct {
	name string
	run  func(t *testing.T, addr string)
}

// converse runs conversations on both servers. Each begins with no keys.
func converse(t *testing.T, list []conversation) {
	for _, server := range []struct{ name, addr string }{{"redis", startRedis(t)}, {"ledge", startLedge(t)}} {
		for _, c := range list {
			t.Run(server.name+"/"+c.name, func(t *testing.T) {
				dial(t, server.addr, 2).reset(t)
				c.run(t, server.addr)
			})
		}
	}
}

// expect compares what a client returned in print.
func expect(t *testing.T, what string, got any, err error, want any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v; want %v", what, err, want)
	} else if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s = %s; want %s", what, g, w)
	}
}

// two makes an expectation of what a call returns:
//
//	two(t)(c.Get(ctx, "k").Result())("Get", "v")
func two(t *testing.T) func(any, error) func(string, any) {
	return func(v any, err error) func(string, any) {
		return func(what string, want any) { t.Helper(); expect(t, what, v, err, want) }
	}
}

// expectError wants an error that mentions text.
func expectError(t *testing.T, what string, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%s: got error %v; want one with %q", what, err, text)
	}
}

// awaitBlocked returns once some client of the server waits for a key.
func awaitBlocked(t *testing.T, addr string) {
	t.Helper()
	p := dial(t, addr, 2)
	for deadline := time.Now().Add(10 * time.Second); ; {
		v, err := p.do(0, []string{"INFO", "clients"})
		if err != nil {
			t.Fatal(err)
		}
		if blockedOne(v.Str()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no client waits: %s", v.Str())
		}
		time.Sleep(time.Millisecond) // nothing tells when another client begins to wait
	}
}

// blockedOne reports whether INFO speaks of one client that waits.
func blockedOne(info string) bool { return strings.Contains(info, "\nblocked_clients:1\r") }
