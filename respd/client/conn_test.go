package client_test

// A connection without a network: bytes are put in and taken out by hand, which is
// what a transport does. What clients hear over TCP is tested in respd.

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/journal/rare"
	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd/client"
	"ledge/respd/command"
	"ledge/respd/command/lists"
	"ledge/respd/command/scripts"
	"ledge/respd/command/strs"
	"ledge/respd/command/txns"
	"ledge/respd/hub"
	"ledge/respd/resp"
	"ledge/respd/stats"
)

const patience = 20 * time.Second

// host is a server that has nothing but a state.
type host struct {
	command.Host
	st *replay.State
}

func (h host) State() *replay.State { return h.st }

// wire is a transport that keeps what it is told.
type wire struct {
	back, poked chan struct{}
	parked      chan *client.Waiter
}

func (w *wire) Back()                 { w.back <- struct{}{} }
func (w *wire) Poke()                 { w.poked <- struct{}{} }
func (w *wire) Park(p *client.Waiter) { w.parked <- p }

// bench is a connection with what it stands on.
type bench struct {
	*client.Conn
	*wire
	t      *testing.T
	shared *client.Shared
	views  client.Views
}

func open(t *testing.T) *bench {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, err := journal.NewLog(ctx, mem.New(), 1)
	if err != nil {
		t.Fatal(err)
	}
	st, err := replay.New(1)
	if err != nil {
		t.Fatal(err)
	}
	w := writer.New(writer.Config{Log: log, State: st, Node: "test"})
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() { wrote <- w.Run(ctx) }()
	t.Cleanup(func() { stop(); <-wrote; st.Close() })
	logger := slog.New(slog.DiscardHandler)
	shared := client.NewShared(client.Config{
		State: st, Writer: w, Table: command.NewTable(strs.Table(), txns.Table(), lists.Table()),
		Scripts: scripts.New(scripts.Config{}), Stats: stats.New[*command.Spec](time.Now()), Slowlog: stats.NewSlowlog(),
		Hub: hub.New(), Host: host{st: st}, MaxInput: 1 << 20, MaxQueued: 1 << 10, MaxBuffers: 1 << 20, AtFirst: client.Limits{MaxOutput: 1 << 20},
		Replica: &client.Gate{}, OutOfMemory: func() bool { return false }, Named: func() bool { return false },
		Clock: time.Now, Logger: logger, Log: rare.New(logger),
	})
	return dial(t, shared)
}

// dial opens a connection to what another one stands on.
func dial(t *testing.T, shared *client.Shared) *bench {
	b := &bench{Conn: new(client.Conn), t: t, shared: shared, views: client.NewViews(shared),
		wire: &wire{back: make(chan struct{}, 1), poked: make(chan struct{}, 9), parked: make(chan *client.Waiter, 1)}}
	b.Open(shared, b.wire, 1, "remote", "local", true)
	return b
}

// send puts bytes in, as they would arrive: however little room there is at a time.
func (b *bench) send(s string) {
	b.t.Helper()
	b.Compact()
	for len(s) > 0 {
		free := b.Room(len(s) + 1<<20)
		if len(free) == 0 {
			b.t.Fatal("no room to read into")
		}
		n := copy(free, s)
		b.Received(n)
		s = s[n:]
	}
}

// settle serves what has arrived until all of it is done with, or it waits.
func (b *bench) settle() client.Outcome {
	b.t.Helper()
	for {
		what := b.Serve(&b.views)
		b.views.Close()
		switch what {
		case client.Propose:
			if err := b.shared.Writer.Submit(b.Conn); err != nil {
				b.t.Fatal(err)
			}
			select {
			case <-b.back:
			case w := <-b.parked:
				b.parked <- w
				return what
			case <-time.After(patience):
				b.t.Fatal("the writer is not done with the connection")
			}
		case client.Idle:
			return what
		default:
			b.t.Fatalf("Serve = %d; want Idle or Propose", what)
		}
	}
}

// hear compares the replies, and takes them.
func (b *bench) hear(want string) {
	b.t.Helper()
	if got := string(b.Output()); got != want {
		b.t.Errorf("the replies are %q; want %q", got, want)
	}
	b.Emptied()
}

func commands(lines ...string) string {
	var out []byte
	for _, l := range lines {
		out = resp.AppendCommand(out, strings.Fields(l)...)
	}
	return string(out)
}

// A pipeline of reads and writes is answered in order, however it arrives.
func TestPipeline(t *testing.T) {
	b := open(t)
	all := commands("GET k", "SET k 1", "INCR k", "GET k", "NOSUCH", "APPEND k 0", "GET k")
	const want = "$-1\r\n+OK\r\n:2\r\n$1\r\n2\r\n" +
		"-ERR unknown command 'NOSUCH', with args beginning with: \r\n:2\r\n$2\r\n20\r\n"
	b.send(all)
	b.settle()
	b.hear(want)

	b = open(t)
	for i := range len(all) {
		b.send(all[i : i+1])
		b.settle()
		if i == 0 && !b.Hungry() {
			t.Error("Hungry = false in the middle of a command; want true")
		}
	}
	if b.Hungry() {
		t.Error("Hungry = true when all has been served; want false")
	}
	b.hear(want)
}

// What a transaction may queue is bounded, and nothing of one that was refused runs.
func TestTransaction(t *testing.T) {
	b := open(t)
	b.send(commands("MULTI", "SET k 1", "GET k", "EXEC"))
	b.settle()
	b.hear("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\n1\r\n")
	b.send(commands("MULTI", "SET k "+strings.Repeat("x", 2<<10), "EXEC", "GET k"))
	b.settle()
	b.hear("+OK\r\n-ERR transaction of more than 1024 bytes of queued commands\r\n" +
		"-EXECABORT Transaction discarded because of previous errors.\r\n$1\r\n1\r\n")
}

// A client that waits for a key is parked, and comes back with what another gives it.
func TestBlocked(t *testing.T) {
	b := open(t)
	b.send(commands("BLPOP l 0"))
	b.settle()
	b.hear("")
	other := dial(t, b.shared)
	other.send(commands("RPUSH l x"))
	other.settle()
	other.hear(":1\r\n")
	select {
	case <-b.back:
	case <-time.After(patience):
		t.Fatal("nobody is done with the client that waited")
	}
	b.hear("*2\r\n$1\r\nl\r\n$1\r\nx\r\n")
}

// Replies past the bound close the connection, and the transport is not asked.
func TestTooMuchOutput(t *testing.T) {
	b := open(t)
	b.send(commands("SET k " + strings.Repeat("x", 600<<10)))
	b.settle()
	b.hear("+OK\r\n")
	b.SetTaken(600 << 10) // of earlier replies, not sent
	b.send(commands("GET k"))
	b.Serve(&b.views)
	b.views.Close()
	if !b.Killed() {
		t.Error("Killed = false with more replies than may be unread; want true")
	}
	if n := b.shared.Stats.OutputLimit.Load(); n != 1 {
		t.Errorf("%d clients closed for their output; want 1", n)
	}
}

// While the leader of a cluster changes, what concerns data waits, also what has come to
// the writer by then, and is answered once that is over. So is what waits too long.
func TestAwaitOwner(t *testing.T) {
	b := open(t)
	b.send(commands("SET k 1"))
	if what := b.Serve(&b.views); what != client.Propose {
		t.Fatalf("Serve = %d; want Propose", what)
	}
	b.views.Close()
	b.shared.AwaitOwner(time.Now().Add(time.Hour))
	if err := b.shared.Writer.Submit(b.Conn); err != nil {
		t.Fatal(err)
	}
	<-b.back
	b.send(commands("GET k"))
	for range 3 {
		if what := b.Serve(&b.views); what != client.Held {
			t.Fatalf("Serve = %d; want Held", what)
		}
	}
	b.hear("")
	b.shared.AwaitOwner(time.Time{})
	b.settle()
	b.hear("+OK\r\n$1\r\n1\r\n")
	b.shared.AwaitOwner(time.Now().Add(-time.Second))
	b.send(commands("GET k"))
	b.settle()
	b.hear("$1\r\n1\r\n")
}
