package respd_test

// What the tests of this package stand on: a server on a journal in memory,
// and clients that speak to it over TCP. When a test ends, the state is
// recounted and must be what the journal alone adds up to.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// patience is how long a test waits for what ought to come at once.
const patience = 20 * time.Second

// node is a server under test with what it stands on.
type node struct {
	t       *testing.T
	srv     *respd.Server
	state   *replay.State
	journal *mem.Journal
	served  chan error // Run of the server has ended
	wrote   chan error // Run of the writer has ended
	stop    context.CancelFunc
	fatal   error // what the writer is to end with
}

// start serves on a journal in memory. change, if any, alters the
// configuration.
func start(t *testing.T, change ...func(*respd.Config)) *node {
	t.Helper()
	st, err := replay.New(16)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, state: st, journal: mem.New(),
		served: make(chan error, 1), wrote: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	log, err := journal.NewLog(ctx, n.journal, 1)
	if err != nil {
		t.Fatal(err)
	}
	hub := hub.New()
	w := writer.New(writer.Config{Log: log, State: st, Node: "test",
		Wanted: hub.Wanted, Events: hub.Notify})
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cfg := respd.Config{Listen: "127.0.0.1:0", State: st, Writer: w, Hub: hub}
	for _, f := range change {
		f(&cfg)
	}
	if n.srv, err = respd.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	writing, stopWriting := context.WithCancel(context.Background())
	go func() { n.served <- n.srv.Run(ctx); stopWriting() }()
	go func() { n.wrote <- w.Run(writing) }()
	t.Cleanup(n.end)
	return n
}

// end stops the node and checks what it leaves.
func (n *node) end() {
	n.stop()
	if err := within(n.t, "Run of the server", n.served); err != nil {
		n.t.Errorf("Run of the server = %v; want nil", err)
	}
	if err := within(n.t, "Run of the writer", n.wrote); !errors.Is(err, n.fatal) {
		n.t.Errorf("Run of the writer = %v; want %v", err, n.fatal)
	}
	if err := errors.Join(n.srv.Close(), n.state.Check()); err != nil {
		n.t.Error(err)
	}
	if n.fatal == nil {
		n.replay()
	}
	if err := n.state.Close(); err != nil {
		n.t.Error(err)
	}
}

// replay makes a second state of the journal, which must equal the first.
func (n *node) replay() {
	n.t.Helper()
	ctx := context.Background()
	log, err := journal.NewLog(ctx, n.journal.Restart(), 1)
	if err != nil {
		n.t.Fatal(err)
	}
	again, err := replay.New(16)
	if err != nil {
		n.t.Fatal(err)
	}
	defer again.Close()
	span, err := log.Stat(ctx)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := recovery.CatchUp(ctx, log, again, span.Last); err != nil {
		n.t.Errorf("replay: %v", err)
	}
	if got, want := again.Pos(), n.state.Pos(); got != want {
		n.t.Errorf("the journal adds up to %v; the state is at %v", got, want)
	}
}

// within waits for what is to come soon.
func within[T any](t *testing.T, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %v", what, patience)
	}
	return v
}

// until waits for cond, which nothing announces.
func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// client is one connection to a node.
type client struct {
	t  *testing.T
	nc *net.TCPConn
	r  *resp.Reader
}

func (n *node) dial() *client {
	n.t.Helper()
	nc, err := net.Dial("tcp", n.srv.Addr().String())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	return &client{n.t, nc.(*net.TCPConn), resp.NewReader(bufio.NewReaderSize(nc, 64<<10))}
}

// encode makes RESP of commands whose words are separated by spaces.
func encode(lines ...string) []byte {
	var b []byte
	for _, line := range lines {
		b = resp.AppendCommand(b, strings.Fields(line)...)
	}
	return b
}

// send writes bytes in one go.
func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// next reads one reply and shows it as a string.
func (c *client) next() string {
	c.t.Helper()
	v, err := c.r.ReadValue()
	if err != nil {
		c.t.Fatalf("read a reply: %v", err)
	}
	return v.String()
}

// do sends one command and returns its reply. Each command has its own time, so that
// a long test on a slow machine does not run out of that of its first.
func (c *client) do(line string) string {
	c.t.Helper()
	_ = c.nc.SetDeadline(time.Now().Add(2 * patience))
	c.send(encode(line))
	return c.next()
}

// want sends one command and compares its reply. A want that ends in "…" is
// the beginning of the reply.
func (c *client) want(line, want string) {
	c.t.Helper()
	if got := c.do(line); !like(got, want) {
		c.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// expect compares the replies that come, in order.
func (c *client) expect(wants ...string) {
	c.t.Helper()
	for i, want := range wants {
		if got := c.next(); !like(got, want) {
			c.t.Errorf("reply %d = %s; want %s", i, got, want)
		}
	}
}

// like compares a reply with what is wanted. "…" stands for any text.
func like(got, want string) bool {
	parts := strings.Split(want, "…")
	if len(parts) == 1 {
		return got == want
	}
	last := len(parts) - 1
	if !strings.HasPrefix(got, parts[0]) || !strings.HasSuffix(got, parts[last]) {
		return false
	}
	for _, p := range parts[1:last] {
		i := strings.Index(got, p)
		if i < 0 {
			return false
		}
		got = got[i+len(p):]
	}
	return true
}

// closed checks that the server closes the connection and sends nothing more.
func (c *client) closed() {
	c.t.Helper()
	v, err := c.r.ReadValue()
	var op *net.OpError
	switch {
	case err == nil:
		c.t.Errorf("got %v; want the connection closed", v)
	case errors.As(err, &op) && op.Timeout():
		c.t.Errorf("the connection is open still")
	}
}

// drop closes the connection with a reset, as a client that was killed.
func (c *client) drop() {
	_ = c.nc.SetLinger(0)
	c.nc.Close()
}

// Errors for the journal to fail with.
var (
	errFull = fault.With(fault.Retryable, errors.New("disk full"))
	errDisk = fault.With(fault.Operator, errors.New("disk died"))
	errLost = fault.With(fault.Fatal, errors.New("power lost"))
)

// after returns when a write of another client waits in a stuck journal.
func (n *node) behind(appends int) {
	n.t.Helper()
	until(n.t, "append", func() bool { return n.journal.Appends() > appends })
}

// misconf is how a write is refused whose journal is sick.
const misconf = "(error) MISCONF the journal takes no writes: …"

// parallel runs fn once for each client, side by side.
func parallel(clients int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

// half is a table with commands for tests besides the program's own. HALF
// writes a key and then fails.
func withHalf(cfg *respd.Config) {
	cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
		Name: "half", Arity: 2, Keys: command.OneKey, Flags: command.Write,
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			if err := d.SetString(args[1], args[1], 0); err != nil {
				return resp.Nil, err
			}
			return resp.OK, fmt.Errorf("ERR half of it is done")
		},
	}})
}
