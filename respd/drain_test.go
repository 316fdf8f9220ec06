package respd_test

// How a server stops: what is under way is answered, nothing is waited for
// longer than stated, and nothing is left behind.

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Commands that have arrived are answered before the connection is closed,
// those that wait for the journal, for CLIENT PAUSE or beside the loop too.
func TestDrain(t *testing.T) {
	n := start(t)
	writing, queued, paused, reading, idle := n.dial(), n.dial(), n.dial(), n.dial(), n.dial()
	for _, c := range []*client{queued, paused, reading, idle} {
		c.want("PING", "PONG")
	}
	release := n.journal.Hold()
	appends := n.journal.Appends()
	writing.send(encode("SET a 1", "GET a"))
	n.behind(appends)
	arrived := n.srv.Stats().NetIn.Load()
	b := encode("MULTI", "INCR n", "EXEC")
	queued.send(b)
	until(t, "input", func() bool { return n.srv.Stats().NetIn.Load() == arrived+int64(len(b)) })
	idle.want("CLIENT PAUSE 100000 ALL", "OK")
	reading.send(encode("GET none"))
	reading.noAnswer(10 * time.Millisecond)
	paused.send(encode("GET a", "DEBUG SLEEP 0.05", "SET b 1"))
	paused.noAnswer(10 * time.Millisecond)
	n.stop()
	idle.closed()
	release()
	writing.expect("OK", `"1"`)
	writing.closed()
	queued.expect("OK", "QUEUED", "[(integer) 1]")
	queued.closed()
	reading.expect("(nil)")
	reading.closed()
	_ = paused.next() // before or after SET a
	paused.expect("OK", "OK")
	paused.closed()
	if nc, err := net.Dial("tcp", n.srv.Addr().String()); err == nil {
		nc.Close()
		t.Error("a stopped server takes connections")
	}
}

// Clients that send without end don't keep a server from stopping.
func TestDrainBusy(t *testing.T) {
	n := start(t)
	cs := []*client{n.dial(), n.dial()}
	for i, c := range cs {
		c.want("PING", "PONG")
		in := bytes.Repeat(encode([]string{"INCR n", "GET n"}[i]), 1000)
		go func() {
			for {
				if _, err := c.nc.Write(in); err != nil {
					return
				}
			}
		}()
		go func() {
			for {
				if _, err := c.r.ReadValue(); err != nil {
					return
				}
			}
		}()
	}
	until(t, "load", func() bool { return n.srv.Stats().Commands.Load() > 5000 })
	began := time.Now()
	n.stop()
	n.served <- within(t, "Run of the server", n.served)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("Run ended after %v; want within the drain time", took)
	}
}

// Nobody can hold up the end: not a journal that is stuck, nor a command that
// doesn't hear of it, nor a client that doesn't read.
func TestDrainBound(t *testing.T) {
	const grace = 100 * time.Millisecond
	deaf := make(chan struct{})
	for name, block := range map[string]func(*node) (undo func()){
		"stuck journal": func(n *node) func() {
			c := n.dial()
			release := n.journal.Hold()
			appends := n.journal.Appends()
			c.send(encode("WATCH b", "MULTI", "SET a 1", "EXEC", "WATCH a"))
			n.behind(appends)
			return release
		},
		"slow command": func(n *node) func() {
			c := n.dial()
			before := n.srv.Stats().NetIn.Load()
			c.send(encode("DEAF"))
			until(n.t, "input", func() bool { return n.srv.Stats().NetIn.Load() > before })
			return func() { close(deaf) }
		},
		"full socket": func(n *node) func() {
			c := n.dial()
			c.send(resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 4<<20)))
			c.expect("OK")
			before := n.srv.Stats().NetIn.Load()
			c.send(bytes.Repeat(encode("GET k"), 10))
			until(n.t, "input", func() bool { return n.srv.Stats().NetIn.Load() > before })
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, func(cfg *respd.Config) {
				cfg.Drain = grace
				cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{Name: "deaf", Arity: 1,
					Flags: command.Slow,
					Conn:  func(*command.Session, command.Args) resp.Value { <-deaf; return resp.OK }}})
			})
			undo := block(n)
			began := time.Now()
			n.stop()
			err := within(t, "Run of the server", n.served)
			if took := time.Since(began); took > grace+500*time.Millisecond {
				t.Errorf("Run ended after %v; want about %v", took, grace)
			}
			if err == nil || !strings.Contains(err.Error(), "1 clients were cut off") {
				t.Errorf("Run = %v; want an error about 1 client", err)
			}
			n.served <- nil
			undo()
		})
	}
}

// A server that has stopped leaves no goroutine.
func TestNoLeaks(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("run", func(t *testing.T) {
		n := start(t)
		parallel(10, func(i int) {
			c := n.dial()
			c.send(encode("SET a 1", "WATCH a", "DEBUG SLEEP 0.01", "KEYS *", fmt.Sprint("INCR n", i)))
			c.expect("OK", "OK", "OK", "…", "(integer) 1")
		})
	})
	until(t, "end of all goroutines", func() bool { return runtime.NumGoroutine() <= before })
}
