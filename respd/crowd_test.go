package respd_test

import (
	"fmt"
	"strings"
	"testing"

	"ledge/journal/logtest"
	"ledge/respd"
)

// What clients may make the server hold follows what the process may take: of those who
// read nothing the ones that hold most are closed, and the others are served.
func TestHoldersBound(t *testing.T) {
	var log logtest.Log
	n := start(t, func(cfg *respd.Config) { cfg.Bound, cfg.Logger = 32<<20, log.Logger() })
	c := n.dial()
	c.want("SET k "+strings.Repeat("x", 1_000_000), "OK")
	for range 30 {
		n.dial().send([]byte(strings.Repeat(string(encode("GET k")), 50)))
	}
	until(t, "most are closed", func() bool { return n.srv.Stats().Evicted.Load() > 0 })
	until(t, "the rest is within the bound", func() bool { return n.srv.Stats().Held() <= 6<<20 })
	if got := len(c.do("GET k")); got < 1_000_000 {
		t.Errorf("a client that reads has %d bytes of its reply; want a million", got)
	}
	if log.Count("clients hold more than they may together") == 0 {
		t.Errorf("nothing says why clients were closed")
	}
}

// The bounds that CONFIG shows follow what the process may take, until they are set,
// and again once they are reset.
func TestBoundsFollow(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Bound = 1 << 30 })
	c := n.dial()
	shows := func(name string, want int) {
		t.Helper()
		c.want("CONFIG GET "+name, fmt.Sprintf("[%q \"%d\"]", name, want))
	}
	for _, name := range []string{"script-max-memory", "maxmemory-clients"} {
		shows(name, 128<<20)
	}
	n.srv.SetBound(64 << 20)
	for _, name := range []string{"script-max-memory", "maxmemory-clients", "proto-max-bulk-len"} {
		shows(name, 8<<20)
	}
	c.want("CONFIG SET script-max-memory 2097152", "OK")
	n.srv.SetBound(32 << 20)
	shows("script-max-memory", 2<<20)
	shows("maxmemory-clients", 4<<20)
	c.want("CONFIG SET script-max-memory 0", "OK")
	shows("script-max-memory", 4<<20)
	n.srv.SetBound(0)
	shows("script-max-memory", 256<<20)
	shows("maxmemory-clients", 1<<30)
}

// Commands that are refused for want of memory are counted, and the log has a line of
// some of them.
func TestShortOfMemory(t *testing.T) {
	var log logtest.Log
	n := start(t, func(cfg *respd.Config) {
		cfg.OutOfMemory, cfg.Logger = func() bool { return true }, log.Logger()
	})
	c := n.dial()
	for range 50 {
		c.want("SET k v", "(error) OOM …")
	}
	c.want("INFO stats", "…oom_rejected_commands:50…")
	if got := log.Count("command refused: memory is short"); got != 1 {
		t.Errorf("%d lines for 50 refusals at once; want 1", got)
	}
}
