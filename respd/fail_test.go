package respd_test

// What clients see when the journal refuses an append: one error for each
// write or EXEC, nothing changed, and every connection in step.

import (
	"context"
	"slices"
	"testing"
	"time"

	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd"
)

const execMisconf = "(error) EXECABORT Transaction discarded because of: MISCONF the journal takes no writes: …"

// A failed append answers EXEC once, and what is pipelined after it, too.
func TestFailedExec(t *testing.T) {
	for name, cause := range map[string]error{"retryable": errFull, "operator": errDisk} {
		t.Run(name, func(t *testing.T) {
			n := start(t)
			c := n.dial()
			c.want("SET n 1", "OK")
			c.want("SET old 1", "OK")
			n.journal.FailNext(cause)
			c.send(encode("MULTI", "SET old 2", "INCR n", "EXEC", "GET old", "GET n", "PING"))
			c.expect("OK", "QUEUED", "QUEUED", execMisconf, `"1"`, `"1"`, "PONG")
			other := n.dial()
			other.want("GET n", `"1"`)
			other.want("DBSIZE", "(integer) 2")
		})
	}
}

// Replies from a draft that was dropped must not be seen: reads between
// writes run again on what stands.
func TestFailedPipeline(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("SET a old", "OK")
	n.journal.FailNext(errFull)
	c.send(encode("SET a new", "GET a", "SET b 1", "EXISTS b", "PING", "GETSET a x", "STRLEN a"))
	c.expect(misconf, `"old"`, misconf, "(integer) 0", "PONG", misconf, "(integer) 3")
}

// SELECT, MULTI and the queue are where they would be had the writes failed
// from the start.
func TestFailedState(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("SET a zero", "OK")
	n.journal.FailNext(errFull)
	c.send(encode("SET x 1", "SELECT 3", "SET a three", "GET a", "SELECT 0", "GET a",
		"MULTI", "GET a", "PING"))
	c.expect(misconf, "OK", misconf, "(nil)", "OK", `"zero"`, "OK", "QUEUED", "QUEUED")
	c.send(encode("EXEC", "SELECT 3", "GET a"))
	c.expect(`["zero" PONG]`, "OK", "(nil)")
}

// A transaction that is sent after a write of the same pipeline fails with it.
func TestFailedExecBehindWrite(t *testing.T) {
	n := start(t)
	c := n.dial()
	n.journal.FailNext(errFull)
	c.send(encode("SET x 1", "MULTI", "SET y 1", "GET x", "EXEC", "MULTI", "GET x", "EXEC", "EXISTS x y"))
	c.expect(misconf, "OK", misconf, "QUEUED",
		"(error) EXECABORT Transaction discarded because of previous errors.",
		"OK", "QUEUED", "[(nil)]", "(integer) 0")
}

// Commands about the server, which wait for the outcome inside EXEC, don't run
// when there is none.
func TestFailedExecWithLateCommands(t *testing.T) {
	n := start(t)
	c := n.dial()
	n.journal.FailNext(errFull)
	c.send(encode("MULTI", "SET a 1", "CONFIG SET maxclients 77", "EXEC", "CONFIG GET maxclients", "PING"))
	c.expect("OK", "QUEUED", "QUEUED", execMisconf, `["maxclients" "10000"]`, "PONG")
}

// A protocol error after a write that fails is answered after its error.
func TestFailedThenProtocolError(t *testing.T) {
	n := start(t)
	c := n.dial()
	n.journal.FailNext(errFull)
	c.send(append(encode("SET a 1", "GET a"), "*1\r\n!bad\r\n"...))
	c.expect(misconf, "(nil)", "(error) ERR Protocol error: expected '$', got '!'")
	c.closed()
}

// Every client of a group gets its own error, once, and none of their writes
// stands.
func TestFailedGroup(t *testing.T) {
	const clients = 8
	n := start(t)
	first := n.dial()
	cs := make([]*client, clients)
	for i := range cs {
		cs[i] = n.dial()
		cs[i].want("PING", "PONG")
	}
	one := n.journal.Hold()
	appends := n.journal.Appends()
	first.send(encode("SET first 1", "PING"))
	n.behind(appends)
	two := n.journal.Hold()
	arrived := n.srv.Stats().NetIn.Load()
	for i, c := range cs { // all of these wait for the append under way
		b := encode("SET k 1", "GET k", "GET first")
		if i%2 == 0 {
			b = encode("MULTI", "INCR k", "GET k", "EXEC", "GET first")
		}
		c.send(b)
		arrived += int64(len(b))
	}
	until(t, "input", func() bool { return n.srv.Stats().NetIn.Load() == arrived })
	one()
	first.expect("OK", "PONG")
	n.behind(appends + 1)
	n.journal.FailNext(errFull)
	two()
	for i, c := range cs {
		if i%2 == 0 {
			c.expect("OK", "QUEUED", "QUEUED", execMisconf, `"1"`)
		} else {
			c.expect(misconf, "(nil)", `"1"`)
		}
	}
	if got := n.journal.Appends(); got != appends+2 {
		t.Errorf("appends = %d; want %d: one for the first, one for the group", got, appends+2)
	}
	first.want("DBSIZE", "(integer) 1")
}

// While the writer is halted reads go on, writes are refused at once, and
// nobody asks the journal.
func TestHalted(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("SET a 1", "OK")
	n.journal.FailNext(errFull)
	c.want("SET a 2", misconf)
	appends := n.journal.Appends()
	c.want("GET a", `"1"`)
	c.want("PING", "PONG")
	c.want("INFO server", "…redis_version…")
	c.want("SET a 3", misconf)
	c.want("DEL a", misconf)
	c.send(encode("MULTI", "GET a", "SET a 3", "GET a", "EXEC", "GET a"))
	c.expect("OK", "QUEUED", misconf, "QUEUED",
		"(error) EXECABORT Transaction discarded because of previous errors.", `"1"`)
	c.send(encode("MULTI", "GET a", "PING", "EXEC"))
	c.expect("OK", "QUEUED", "QUEUED", `["1" PONG]`)
	if got := n.journal.Appends(); got != appends {
		t.Errorf("appends while halted = %d; want %d", got, appends)
	}
}

// Nobody can tell what became of a write whose append ended in doubt, so its
// client gets no answer but the end of the connection.
func TestFatal(t *testing.T) {
	n := start(t)
	n.fatal = errLost
	c, waiting, reader := n.dial(), n.dial(), n.dial()
	for _, c := range []*client{c, waiting, reader} {
		c.want("SET a old", "OK")
	}
	release := n.journal.Hold()
	appends := n.journal.Appends()
	c.send(encode("GET a", "SET a new", "GET a"))
	n.behind(appends)
	waiting.send(encode("MULTI", "INCR n", "EXEC"))
	n.journal.StoreThenFail(errLost)
	release()
	c.expect(`"old"`)
	c.closed()
	reader.want("GET a", `"old"`)
	if err := within(t, "Run of the writer", n.wrote); err == nil {
		t.Error("Run of the writer = nil; want an error")
	} else {
		n.wrote <- err
	}
	reader.want("SET a newer", misconf)
	reader.want("GET a", `"old"`)
	waiting.nc.CloseWrite() // what it sent may or may not have been taken up
}

// WATCH doesn't take fright at writes that never were.
func TestWatchFailed(t *testing.T) {
	n := start(t)
	c, other := n.dial(), n.dial()
	c.want("SET k 1", "OK")
	c.want("WATCH k", "OK")
	n.journal.FailNext(errFull)
	other.want("SET k 2", misconf)
	c.send(encode("MULTI", "GET k", "EXEC"))
	c.expect("OK", "QUEUED", `["1"]`)
	// The same within a pipeline, where the failed write is its own.
	c.want("WATCH k", "OK")
	c.send(encode("SET k 2", "MULTI", "GET k", "EXEC"))
	c.expect(misconf, "OK", "QUEUED", `["1"]`)
}

// An own write that fails in one draft with a reading transaction leaves the
// watch clean.
func TestWatchOwnFailed(t *testing.T) {
	n := start(t)
	c := n.dial()
	c.want("WATCH k", "OK")
	n.journal.FailNext(errFull)
	c.send(encode("SET k 2", "MULTI", "GET k", "EXEC", "UNWATCH", "PING"))
	c.expect(misconf, "OK", "QUEUED", "[(nil)]", "OK", "PONG")
}

// A command that fails half-way leaves nothing; the others stand. So it is in
// a transaction and in a pipeline, and in the journal.
func TestHalf(t *testing.T) {
	n := start(t, withHalf)
	c := n.dial()
	c.send(encode("MULTI", "SET a 1", "HALF b", "INCR a", "HALF a", "EXEC", "EXISTS b", "GET a"))
	c.expect("OK", "QUEUED", "QUEUED", "QUEUED", "QUEUED",
		"[OK (error) ERR half of it is done (integer) 2 (error) ERR half of it is done]",
		"(integer) 0", `"2"`)
	c.send(encode("SET c 1", "HALF c", "HALF d", "GET c", "EXISTS d"))
	c.expect("OK", "(error) ERR half of it is done", "(error) ERR half of it is done", `"1"`, "(integer) 0")
	appends := n.journal.Appends()
	c.want("HALF e", "(error) ERR half of it is done")
	c.send(encode("MULTI", "HALF e", "EXEC"))
	c.expect("OK", "QUEUED", "[(error) ERR half of it is done]")
	if got := n.journal.Appends(); got != appends {
		t.Errorf("appends for nothing = %d; want %d", got, appends)
	}
	c.want("DBSIZE", "(integer) 2")
}

// Reads keep their pace while the journal is stuck, and the writers that wait
// are answered when it comes loose.
func TestReadsBesideStuckJournal(t *testing.T) {
	stuck := 5 * time.Second
	if testing.Short() {
		stuck = time.Second
	}
	const readers, writers = 4, 20
	n := start(t)
	n.dial().want("SET k v", "OK")
	rs, ws := make([]*client, readers), make([]*client, writers)
	for i := range rs {
		rs[i] = n.dial()
	}
	for i := range ws {
		ws[i] = n.dial()
	}
	before := p99(rs, stuck/2)
	release := n.journal.Hold()
	appends := n.journal.Appends()
	for i, w := range ws {
		switch i % 4 {
		case 0:
			w.send(encode("SET mine 1", "GET k", "SET mine 2"))
		case 1:
			w.send(encode("MULTI", "SET mine 1", "EXEC"))
		case 2:
			w.send(encode("SET mine 1"))
		case 3:
			w.send(encode("SET left 1"))
			w.drop()
		}
	}
	n.behind(appends)
	during := p99(rs, stuck)
	release()
	t.Logf("p99 of GET: %v before, %v beside a stuck journal", before, during)
	if most := max(2*before, 5*time.Millisecond); during > most {
		t.Errorf("p99 of GET beside a stuck journal = %v; want at most %v", during, most)
	}
	for i, w := range ws {
		switch i % 4 {
		case 0:
			w.expect("OK", `"v"`, "OK")
		case 1:
			w.expect("OK", "QUEUED", "[OK]")
		case 2:
			w.expect("OK")
		}
	}
	rs[0].want("PING", "PONG")
}

// p99 has the clients GET for a while, each as fast as it is answered.
func p99(cs []*client, d time.Duration) time.Duration {
	took := make([][]time.Duration, len(cs))
	get := encode("GET k")
	end := time.Now().Add(d)
	parallel(len(cs), func(i int) {
		for {
			began := time.Now()
			if began.After(end) {
				return
			}
			cs[i].send(get)
			if got := cs[i].next(); got != `"v"` {
				cs[i].t.Errorf("GET k = %s; want v", got)
				return
			}
			took[i] = append(took[i], time.Since(began))
		}
	})
	all := slices.Concat(took...)
	slices.Sort(all)
	return all[len(all)*99/100]
}

// A full queue refuses a write, and what is behind it is answered all the same.
func TestQueueFull(t *testing.T) {
	n := start(t, func(cfg *respd.Config) { cfg.Writer = smallWriter(t, cfg) })
	a, b := n.dial(), n.dial()
	a.want("PING", "PONG")
	b.send(encode("SET a 1", "PING", "GET a", "MULTI", "SET b 1", "EXEC", "PING"))
	b.expect("(error) TRYAGAIN …", "PONG", "(nil)", "OK", "QUEUED",
		"(error) EXECABORT Transaction discarded because of: TRYAGAIN …", "PONG")
	a.want("PING", "PONG")
}

// smallWriter is a writer that takes nothing: it is not run, and its queue is
// full.
func smallWriter(t *testing.T, cfg *respd.Config) *writer.Writer {
	t.Helper()
	w := writer.New(writer.Config{State: cfg.State, Queue: 1})
	if err := w.Submit(stone{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// stone is a proposal that does nothing.
type stone struct{}

func (stone) Step(*replay.Draft) bool { return false }
func (stone) Settle(error)            {}
func (stone) Done()                   {}

// A server whose writer has ended answers writes, and what is behind them.
func TestWriterEnded(t *testing.T) {
	n := start(t, func(cfg *respd.Config) {
		w := writer.New(writer.Config{State: cfg.State})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := w.Run(ctx); err != nil {
			t.Fatal(err)
		}
		cfg.Writer = w
	})
	c := n.dial()
	c.send(encode("PING", "SET a 1", "PING"))
	c.expect("PONG", "(error) MISCONF …the node is stopping…", "PONG")
}
