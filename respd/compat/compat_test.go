package compat_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/redistest"
	"ledge/respd/resp"
)

// Every script must get the same replies from redis-server and from ledge, in
// both protocols. It skips where there is no redis-server.
func TestScripts(t *testing.T) {
	redis := startRedis(t)
	ours := startLedge(t)
	scripts, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range scripts {
		steps := readScript(t, path)
		name := strings.TrimSuffix(strings.TrimPrefix(path, "testdata/"), ".txt")
		for _, proto := range []int{2, 3} {
			t.Run(fmt.Sprintf("%s/resp%d", name, proto), func(t *testing.T) {
				runScript(t, path, steps, dial(t, redis, proto), dial(t, ours, proto))
			})
		}
	}
}

// runScript sends each step to both and compares.
func runScript(t *testing.T, path string, steps []step, redis, ours *peer) {
	redis.reset(t)
	ours.reset(t)
	for _, s := range steps {
		time.Sleep(s.sleep) // a deadline has to pass on both servers' clocks
		want, werr := redis.step(s)
		got, gerr := ours.step(s)
		if (werr != nil) != (gerr != nil) {
			t.Errorf("%s:%d: %q: connection: got %v; redis %v", path, s.line, s.args, gerr, werr)
			return
		}
		if !s.same(got, want) {
			t.Errorf("%s:%d: %q\n got  %v\n want %v", path, s.line, s.args, got, want)
		}
		if gerr != nil && (s.read > 0 || s.later || os.IsTimeout(gerr)) {
			t.Errorf("%s:%d: %q: neither answers: %v", path, s.line, s.args, gerr)
			return
		}
	}
}

// step sends a step's command, or reads what it wants to be read.
func (p *peer) step(s step) (resp.Value, error) {
	if s.later {
		return resp.Value{}, p.leave(s)
	}
	if s.read == 0 {
		return p.do(s.client, s.args)
	}
	c := p.conns[s.client]
	if c == nil {
		return resp.Value{}, fmt.Errorf("connection %d has sent nothing", s.client)
	}
	_ = c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	vals := make([]resp.Value, s.read)
	for i := range vals {
		var err error
		if vals[i], err = c.r.ReadValue(); err != nil {
			return resp.Value{}, fmt.Errorf("value %d of %d: %w", i+1, s.read, err)
		}
	}
	return resp.Array(vals...), nil
}

// leave sends a step's command, whose reply is read later, and waits until the
// server says that its client is blocked.
func (p *peer) leave(s step) error {
	before, err := p.blocked()
	if err != nil {
		return err
	}
	if _, err := p.do(s.client, []string{"PING"}); err != nil { // makes the connection
		return err
	}
	if _, err := p.conns[s.client].nc.Write(resp.AppendCommand(nil, s.args...)); err != nil {
		return err
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if n, err := p.blocked(); err != nil || n > before {
			return err
		}
	}
	return fmt.Errorf("%q does not wait", s.args)
}

// blocked returns how many clients wait.
func (p *peer) blocked() (n int, err error) {
	v, err := p.do(0, []string{"INFO", "clients"})
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(v.Str(), "blocked_clients:")
	_, err = fmt.Sscan(rest, &n)
	return n, err
}

// same compares two replies as the step asks.
func (s step) same(got, want resp.Value) bool {
	switch {
	case s.any:
		return got.Kind() == want.Kind()
	case s.within > 0 && got.Kind() == resp.KindInt && want.Kind() == resp.KindInt:
		d := got.Num() - want.Num()
		return -s.within <= d && d <= s.within
	case s.unordered:
		return strings.Join(sorted(got), "\n") == strings.Join(sorted(want), "\n")
	}
	return got.Equal(want)
}

func sorted(v resp.Value) []string {
	out := []string{fmt.Sprint(v.Kind(), len(v.Elems()))}
	for _, e := range v.Elems() {
		out = append(out, e.String())
	}
	sort.Strings(out)
	return out
}

// peer is one server, with the connections of a script.
type peer struct {
	addr  string
	proto int
	conns map[int]*client
}

type client struct {
	nc net.Conn
	r  *resp.Reader
}

func dial(t *testing.T, addr string, proto int) *peer {
	p := &peer{addr: addr, proto: proto, conns: make(map[int]*client)}
	t.Cleanup(func() {
		for _, c := range p.conns {
			c.nc.Close()
		}
	})
	return p
}

// reset empties the server.
func (p *peer) reset(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"FLUSHALL"}, {"CONFIG", "RESETSTAT"},
		{"CONFIG", "SET", "notify-keyspace-events", ""}} {
		if v, err := p.do(0, args); err != nil || v.IsError() {
			t.Fatalf("%s: %v: %v, %v", p.addr, args, v, err)
		}
	}
}

// do sends a command from a connection, which is made at the first use and
// again once the server has closed it.
func (p *peer) do(id int, args []string) (resp.Value, error) {
	c := p.conns[id]
	if c == nil {
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			return resp.Value{}, err
		}
		c = &client{nc: nc, r: resp.NewReader(bufio.NewReader(nc))}
		p.conns[id] = c
		if p.proto == 3 {
			if v, err := c.do([]string{"HELLO", "3"}); err != nil || v.IsError() {
				return resp.Value{}, fmt.Errorf("HELLO 3: %v, %v", v, err)
			}
		}
	}
	v, err := c.do(args)
	if err != nil {
		c.nc.Close()
		delete(p.conns, id)
		if errors.Is(err, io.EOF) || isReset(err) {
			return resp.Errf("(connection closed)"), nil
		}
	}
	return v, err
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

func (c *client) do(args []string) (resp.Value, error) {
	_ = c.nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.nc.Write(resp.AppendCommand(nil, args...)); err != nil {
		return resp.Value{}, err
	}
	if silent(args) {
		return resp.Value{}, nil
	}
	return c.r.ReadValue()
}

// silent reports whether a command gets no reply.
func silent(args []string) bool {
	return len(args) == 3 && strings.EqualFold(args[0], "client") &&
		strings.EqualFold(args[1], "reply") && !strings.EqualFold(args[2], "on")
}

// startRedis starts a redis-server and returns its address.
func startRedis(t *testing.T) string {
	return redistest.Start(t, "--enable-debug-command", "yes")
}

// startLedge serves clients on a journal in memory and returns the address.
// The state is checked when the test ends.
func startLedge(t *testing.T) string { return startLedgeIn(t, options.DefaultDatabases, nil) }

// startLedgeIn is startLedge with a number of databases, in a cluster unless that is nil.
func startLedgeIn(t *testing.T, databases int, of func() *cluster.Map) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	st, err := replay.New(databases)
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.NewLog(ctx, mem.New(), 1)
	if err != nil {
		t.Fatal(err)
	}
	hub := hub.New()
	w := writer.New(writer.Config{Log: log, State: st, Node: "compat",
		Wanted: hub.Wanted, Events: hub.Notify})
	if err := w.Start(ctx); err != nil {
		t.Fatal(err)
	}
	srv, err := respd.Open(ctx, respd.Config{Listen: "127.0.0.1:0", State: st, Writer: w, Hub: hub,
		Cluster: of, Node: node{}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 3)
	writing, stopWriting := context.WithCancel(context.Background())
	go func() { ended <- srv.Run(ctx); stopWriting() }()
	go func() { ended <- w.Run(writing) }()
	go func() { w.Sweep(ctx, func(n int) { srv.Stats().Expired.Add(int64(n)) }); ended <- nil }()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Errorf("end: %v", err)
			}
		}
		if err := errors.Join(srv.Close(), st.Check(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return srv.Addr().String()
}

// node is the little of a node that the scripts see.
type node struct {
	command.Past
	command.ClusterOrders
	command.Controlled
}

func (node) Info(func(string) bool) []command.InfoSection { return nil }
func (node) Save(context.Context) error                   { return nil }
func (node) SaveInBackground() error                      { return nil }
func (node) LastSave() time.Time                          { return time.Now() }
func (node) Shutdown()                                    {}
func (node) Syncs() bool                                  { return true }

func (node) AwaitSync(context.Context, journal.Seq) bool { return true }

func (node) Health() []command.InfoField { return nil }

func (node) Link() standing.Link                               { return standing.Link{} }
func (node) Replicas() []standing.Replica                      { return nil }
func (node) Follow(context.Context, string) error              { return nil }
func (node) Promote(context.Context) error                     { return nil }
func (node) Await(context.Context, journal.Seq, int, bool) int { return 0 }

func (node) Resume(context.Context) ([]command.InfoField, error) { return nil, nil }
