package respd_test

// A node that stops leading lets nobody wait for what only a leader can give.

import (
	"strings"
	"testing"

	"ledge/journal/fault"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/resp"
)

const demoted = "(error) UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"

// errFollows is what a node that follows refuses writes with.
var errFollows = fault.With(fault.Refused, resp.Error("READONLY You can't write against a read only replica."))

// Each blocking command is answered, whatever its timeout, and its connection
// closed, as Redis does. What stands after it in the pipeline is not run.
func TestDemote(t *testing.T) {
	lines := []string{"BLPOP l 0", "BRPOP l m 0", "BLMOVE l m LEFT RIGHT 0", "BRPOPLPUSH l m 0", "BLMPOP 0 1 l LEFT",
		"BZPOPMIN z 0", "BZPOPMAX z 100", "BZMPOP 0 1 z MIN", "BLPOP l 100"}
	var writer *writer.Writer
	n := start(t, func(cfg *respd.Config) { writer = cfg.Writer })
	var cs []*client
	for i, line := range lines {
		c := n.dial()
		c.send(encode("PING", line, "SET k after"))
		c.expect("PONG")
		n.waiting(i + 1)
		cs = append(cs, c)
	}
	sink := follow(t, writer)
	n.srv.Demote(errFollows)
	for i, c := range cs {
		if got := c.next(); got != demoted {
			t.Errorf("%s = %s; want %s", lines[i], got, demoted)
		}
		c.closed()
	}
	n.waiting(0)
	c := n.dial()
	c.want("BLPOP l 0", "(error) READONLY…")
	c.want("EXISTS k", "(integer) 0")
	sink.Cancel() // it leads again
	w := n.wait(0, "BLPOP l 0")
	c.want("RPUSH l x", "(integer) 1")
	w.expect(`["l" "x"]`)
}

// Whoever begins to wait at the moment of the demotion is answered as well.
func TestDemoteRace(t *testing.T) {
	const clients = 16
	var writer *writer.Writer
	n := start(t, func(cfg *respd.Config) { writer = cfg.Writer })
	for range 20 {
		var cs []*client
		for range clients {
			cs = append(cs, n.dial())
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, c := range cs {
				_, _ = c.nc.Write(encode("BLPOP l 0")) // one that fails has no reply
			}
		}()
		sink := follow(t, writer)
		n.srv.Demote(errFollows)
		<-done
		for i, c := range cs {
			if got := c.next(); got != demoted && !strings.HasPrefix(got, "(error) READONLY") {
				t.Fatalf("client %d: %s; want READONLY or UNBLOCKED", i, got)
			}
			c.nc.Close()
		}
		sink.Cancel()
	}
	n.waiting(0)
}

// follow makes a writer follow.
func follow(t *testing.T, w *writer.Writer) *writer.Follower {
	t.Helper()
	f, err := w.Follow(t.Context(), errFollows)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A command that waits for replicas is answered, too.
func TestDemoteHeld(t *testing.T) {
	needsLoop(t)
	n := start(t, withHold)
	c := n.dial()
	c.send(encode("PING", "HOLD", "ECHO behind"))
	c.expect("PONG")
	n.waiting(1)
	n.srv.Demote(errFollows)
	c.expect(demoted)
	c.closed()
	n.waiting(0)
}
