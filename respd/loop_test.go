package respd_test

// The event loop: who is served when, what is bounded, and how connections
// end while somebody else is busy with them.

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Input that arrives after a command which waits for its turn must not get
// under its arguments. Here CLIENT PAUSE holds the command, and in the second
// half it waits for a write before it.
func TestArgumentsStay(t *testing.T) {
	needsLoop(t)
	n := start(t)
	admin, c := n.dial(), n.dial()
	admin.want("CLIENT PAUSE 100000 WRITE", "OK")
	c.send(encode("PING", "SET key value"))
	c.expect("PONG")
	before := n.srv.Stats().NetIn.Load()
	more := encode("ECHO xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")
	c.send(more)
	until(t, "input", func() bool { return n.srv.Stats().NetIn.Load() >= before+int64(len(more)) })
	admin.want("CLIENT UNPAUSE", "OK")
	c.expect("OK", `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"`)
	c.want("GET key", `"value"`)

	release := n.journal.Hold()
	appends := n.journal.Appends()
	c.send(encode("SET key other", "CLIENT SETNAME somebody", "CLIENT GETNAME"))
	n.behind(appends)
	c.send(more)
	release()
	c.expect("OK", "OK", `"somebody"`, `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"`)
}

// needsLoop skips what a goroutine for each connection doesn't do: read on while
// a command waits.
func needsLoop(t *testing.T) {
	t.Helper()
	if !hasLoop {
		t.Skip("a goroutine for each connection")
	}
}

func TestPause(t *testing.T) {
	n := start(t)
	admin, w, r := n.dial(), n.dial(), n.dial()
	admin.want("CLIENT PAUSE 100000 WRITE", "OK")
	w.send(encode("GET a", "SET a 1", "GET a"))
	w.expect("(nil)")
	r.want("GET a", "(nil)")
	r.send(encode("MULTI", "GET a", "EXEC", "MULTI", "INCR b", "EXEC"))
	r.expect("OK", "QUEUED", "[(nil)]", "OK", "QUEUED")
	r.noAnswer(20 * time.Millisecond)
	w.noAnswer(20 * time.Millisecond)
	admin.want("CLIENT UNPAUSE", "OK")
	w.expect("OK", `"1"`)
	r.expect("[(integer) 1]")

	admin.want("CLIENT PAUSE 100000 ALL", "OK")
	r.send(encode("GET a"))
	r.noAnswer(20 * time.Millisecond)
	admin.want("CLIENT UNPAUSE", "OK")
	r.expect(`"1"`)
	admin.want("CLIENT PAUSE 30", "OK") // and ends by itself
	r.want("GET a", `"1"`)
}

// A paused client with more input than is taken at a time doesn't keep the
// loop busy, and one that goes away doesn't stay.
func TestPauseIdle(t *testing.T) {
	needsLoop(t)
	n := start(t)
	admin, c := n.dial(), n.dial()
	admin.want("CLIENT PAUSE 100000 WRITE", "OK")
	c.want("PING", "PONG")
	in := bytes.Repeat(encode("SET a "+strings.Repeat("x", 1000)), 3000)
	go c.nc.Write(in)
	until(t, "input", func() bool { return n.srv.Stats().NetIn.Load() > 1<<20 })
	before := cpu(t)
	time.Sleep(200 * time.Millisecond) // what is measured is this time
	if used := cpu(t) - before; used > 100*time.Millisecond {
		t.Errorf("the process used %v of 200ms while a client was paused; want little", used)
	}
	c.drop()
	until(t, "end of the client that went", func() bool {
		return strings.Count(admin.do("CLIENT LIST"), "laddr=") == 1
	})
	admin.want("CLIENT UNPAUSE", "OK")
}

// Slow commands hold their own connection and no other.
func TestSlowCommands(t *testing.T) {
	n := start(t)
	slow, other := n.dial(), n.dial()
	slow.send(encode("SET a 1", "DEBUG SLEEP 0.3", "GET a", "KEYS *", "INCR a"))
	slow.expect("OK")
	began := time.Now()
	for i := range 20 {
		other.want("INCR n", fmt.Sprintf("(integer) %d", i+1))
		other.want("KEYS a", `["a"]`)
	}
	if took := time.Since(began); took > 250*time.Millisecond {
		t.Errorf("others needed %v beside DEBUG SLEEP 0.3; want less", took)
	}
	slow.expect("OK", `"1"`)
	_ = slow.next()
	slow.expect("(integer) 2")
}

// A client that doesn't read its replies is not served further, and when the
// replies under way outgrow the bound it is closed.
func TestOutputBound(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.MaxOutput = 4 << 20 })
	c := n.dial()
	c.send(resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 2<<20)))
	c.expect("OK")
	// Many replies, one after the other, come when they are read for.
	for _, line := range []string{"GET k", "GETEX k", "GETSET k"} {
		in := bytes.Repeat(encode(line), 10)
		if line == "GETSET k" {
			in = bytes.Repeat(resp.AppendCommand(nil, "GETSET", "k", strings.Repeat("x", 2<<20)), 10)
		}
		sent := n.srv.Stats().NetOut.Load()
		go c.nc.Write(in)
		until(t, "replies that nobody reads", func() bool { return n.srv.Stats().NetOut.Load() > sent })
		for range 10 {
			if v, err := c.r.ReadValue(); err != nil || len(v.Str()) != 2<<20 {
				t.Fatalf("%s = %.80s, %v; want 2 MiB", line, v, err)
			}
		}
	}
	// One reply that is too long closes the connection, before it is made.
	for _, write := range []string{"PING", "SET z 1"} {
		c = n.dial()
		c.send(append(encode("MULTI", write), bytes.Repeat(encode("GET k"), 100)...))
		c.expect("OK")
		for range 101 {
			c.expect("QUEUED")
		}
		c.send(encode("EXEC", "PING"))
		c.closed()
	}
	n.dial().want("PING", "PONG")
}

// A connection that had much to do gives the memory back.
func TestIdleMemory(t *testing.T) {
	n := start(t)
	const clients = 10
	cs := make([]*client, clients)
	for i := range cs {
		cs[i] = n.dial()
	}
	big := resp.AppendCommand(nil, "SET", "k", strings.Repeat("x", 6<<20))
	ping := encode("PING")
	half := append(bytes.Repeat(ping, 100_000), ping[:5]...)
	before := heap()
	for i, c := range cs {
		switch i % 4 {
		case 0:
			c.send(big)
			c.expect("OK")
		case 1: // a pipeline that ends in the middle of a command
			go c.nc.Write(half)
			for range 100_000 {
				_ = c.next()
			}
		case 2:
			c.want("MULTI", "OK")
			c.send(big)
			c.send(encode("EXEC"))
			c.expect("QUEUED", "[OK]")
		case 3:
			_ = c.do("ECHO " + strings.Repeat("x", 6<<20))
		}
	}
	for _, c := range cs {
		c.r = nil // the test's own
	}
	n.dial().want("DEL k", "(integer) 1")
	span, err := n.journal.Stat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept := heap() - before - span.Bytes
	for deadline := time.Now().Add(patience / 4); kept > 6<<20 && time.Now().Before(deadline); {
		kept = heap() - before - span.Bytes // a loaded machine frees later
	}
	if kept > 6<<20 {
		t.Errorf("%d idle connections keep %d bytes; want less than one of their commands", clients, kept)
	}
	runtime.KeepAlive(big)
	runtime.KeepAlive(half)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Writers come to their turn however busy readers keep the loop.
func TestWritersAmongReaders(t *testing.T) {
	n := start(t)
	w := n.dial()
	w.want("SET k v", "OK")
	var stop atomic.Bool
	var longest time.Duration
	parallel(9, func(i int) {
		if i == 0 {
			for range 30 {
				began := time.Now()
				w.want("SET k v", "OK")
				longest = max(longest, time.Since(began))
			}
			stop.Store(true)
			return
		}
		c := n.dial()
		in := bytes.Repeat(encode("GET k"), 200)
		for !stop.Load() {
			c.send(in)
			for range 200 {
				_ = c.next()
			}
		}
	})
	if longest > time.Second {
		t.Errorf("a write among readers took %v; want less than 1s", longest)
	}
}

// Out of memory is out of memory for EXEC, too, as in Redis.
func TestOutOfMemory(t *testing.T) {
	var full atomic.Bool
	n := start(t, func(cfg *respd.Config) { cfg.OutOfMemory = full.Load })
	c := n.dial()
	c.send(encode("SET a 1", "MULTI", "SET b 1", "DEL a"))
	c.expect("OK", "OK", "QUEUED", "QUEUED")
	full.Store(true)
	const oom = "OOM command not allowed when used memory > 'maxmemory'."
	c.want("EXEC", "(error) EXECABORT Transaction discarded because of: "+oom)
	c.want("SET b 1", "(error) "+oom)
	c.want("GET a", `"1"`)
	c.send(encode("MULTI", "DEL a", "EXEC"))
	c.expect("OK", "QUEUED", "[(integer) 1]")
}

// Commands that begin and end a wait: nothing is lost between rounds however
// many connections take turns.
func TestManyConnections(t *testing.T) {
	const clients, turns = 100, 30
	n := start(t)
	cs := make([]*client, clients)
	for i := range cs {
		cs[i] = n.dial()
	}
	parallel(clients, func(i int) {
		c := cs[i]
		for j := range turns {
			c.send(encode("INCR all", fmt.Sprintf("SET own:%d %d", i, j), "PING"))
			_ = c.next()
			c.expect("OK", "PONG")
			c.want(fmt.Sprintf("GET own:%d", i), fmt.Sprintf("%q", fmt.Sprint(j)))
		}
	})
	cs[0].want("GET all", fmt.Sprintf("%q", fmt.Sprint(clients*turns)))
}

// Close may be called twice.
func TestCloseTwice(t *testing.T) {
	st, err := replay.New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	srv, err := respd.Open(t.Context(), respd.Config{Listen: "127.0.0.1:0", State: st,
		Writer: writer.New(writer.Config{State: st}), Table: command.NewTable()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := srv.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	}
}

// What gather stands on: the Writer takes what has queued as soon as an append is
// back, so that clients which were served by that append come too late for the next
// one, and go on in groups of their own. If the Writer comes to wait for them itself,
// gather is of no use, and this fails.
//
// In each turn one client's append is held until another client's write waits, and
// the first writes again as soon as it is answered. That is two appends for three
// writes if the loop waits for the first client, and three if it does not.
func TestGatherPremise(t *testing.T) {
	if !hasLoop {
		t.Skip("nothing is gathered without the loop")
	}
	const turns = 20
	appends := func(without bool) int {
		n := start(t, func(cfg *respd.Config) { cfg.Ungathered = without })
		a, b := n.dial(), n.dial()
		a.want("SET a 0", "OK")
		b.want("SET b 0", "OK")
		before := n.journal.Appends()
		for range turns {
			release, held, began := n.journal.Hold(), n.journal.Appends(), time.Now()
			a.send(encode("INCR a"))
			n.behind(held)
			in := n.srv.Stats().NetIn.Load()
			b.send(encode("INCR b"))
			until(t, "the second write has come and the append is a long one", func() bool {
				return n.srv.Stats().NetIn.Load() > in && time.Since(began) > 5*time.Millisecond
			})
			release()
			a.next()
			a.send(encode("INCR a"))
			a.next()
			b.next()
		}
		return n.journal.Appends() - before
	}
	with, without := appends(false), appends(true)
	t.Logf("%d writes: %d appends, and %d when nothing is gathered", 3*turns, with, without)
	if without < 3*turns-turns/4 {
		t.Errorf("%d appends for %d writes that were not gathered; want about as many", without, 3*turns)
	}
	if with > without-turns/4 {
		t.Errorf("%d appends for writes that were gathered; want far fewer than %d", with, without)
	}
}
