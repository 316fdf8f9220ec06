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

// Subscriptions and watched keys stay for as long as clients like. All together take no
// more than Buffers: more are refused, whoever has some keeps them, and what is given
// back or whose client has gone leaves room for others.
func TestKeptBound(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Bound = 32 << 20 })
	const most, name = 4 << 20, 20_000
	kept := func() int64 { return n.srv.Stats().HeldKept.Load() }
	for _, kind := range []string{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "WATCH"} {
		t.Run(kind, func(t *testing.T) {
			c, refused := n.dial(), 0
			for i := range most / name / 10 * 2 {
				var some []byte // in one go: each counts at once
				for j := range 10 {
					some = append(some, encode(fmt.Sprint(kind, " ", 10*i+j, strings.Repeat("x", name)))...)
				}
				c.send(some)
				for range 10 {
					if strings.Contains(c.next(), "too many subscriptions and watched keys") {
						refused++
					}
				}
			}
			if got := kept(); refused == 0 || got > most || got < most-2*name {
				t.Errorf("%d were refused, and %d bytes are counted; want some, and %d but for a name or two", refused, got, most)
			}
			d := n.dial()
			for _, more := range []string{"SUBSCRIBE ", "WATCH "} {
				d.want(more+strings.Repeat("y", 2*name), "…too many subscriptions and watched keys…")
			}
			d.want("SET a b", "OK")
			c.drop()
			until(t, "nothing is counted for a client that has gone", func() bool { return kept() == 0 })
			for _, end := range []string{"UNWATCH", "MULTI,DISCARD", "MULTI,EXEC"} {
				d.want("WATCH a", "OK")
				until(t, "a watched key counts", func() bool { return kept() > 0 })
				for _, line := range strings.Split(end, ",") {
					d.do(line)
				}
				until(t, "after "+end+" it does not", func() bool { return kept() == 0 })
			}
			d.do("SUBSCRIBE a")
			until(t, "a subscription counts", func() bool { return kept() > 0 })
			d.do("UNSUBSCRIBE a")
			until(t, "one that has ended does not", func() bool { return kept() == 0 })
		})
	}
}

// What the changes of a transaction take before they are stored follows what the process
// may take: each edit of a long string is a copy of it.
func TestTransactionBoundFollows(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Bound = 64 << 20 })
	c := n.dial()
	edits := func() string {
		c.want("MULTI", "OK")
		for range 4 {
			c.want("SETRANGE k 3999999 x", "QUEUED")
		}
		return c.do("EXEC")
	}
	const refused = "transaction that takes more than 9437184 bytes of memory"
	if got := edits(); strings.Count(got, refused) != 2 || strings.Count(got, "4000000") != 2 {
		t.Errorf("EXEC = %s; want two edits, and two refused", got)
	}
	n.srv.SetBound(0)
	if got := edits(); strings.Count(got, "4000000") != 4 {
		t.Errorf("EXEC without a bound = %s; want four edits", got)
	}
}
