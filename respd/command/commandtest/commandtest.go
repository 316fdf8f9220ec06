// Package commandtest runs the commands of a family on a state of their own:
// through the writer and a journal in memory, as a node would, but with no
// server and no connection. It is for the families' tests.
package commandtest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/writer"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Client runs commands one at a time. Only those with Read or Write, and
// SELECT, which it knows by itself.
type Client struct {
	t     testing.TB
	table *command.Table
	log   *journal.Log
	state *replay.State
	w     *writer.Writer
	db    journal.DB
	now   atomic.Pointer[time.Time] // nil is the system's
	// events are added by the writer before it answers a proposal, and read
	// when it has.
	events []string
}

// Config says what differs from a node's defaults.
type Config struct {
	// Now is where the client's clock stands until Advance moves it. The zero
	// time lets it run as the system's does.
	Now      time.Time
	MaxValue int
}

// databases is how many a client's state has, as a node has when nobody says.
const databases = 16

// Open returns a client of an empty state with 16 databases. When the test
// ends the state is checked, and the journal must lead to the same state.
func Open(t testing.TB, cfg Config, families ...[]*command.Spec) *Client {
	t.Helper()
	c := &Client{t: t, table: command.NewTable(families...)}
	if !cfg.Now.IsZero() {
		c.now.Store(&cfg.Now)
	}
	var err error
	if c.log, err = journal.NewLog(t.Context(), mem.New(), 1); err != nil {
		t.Fatal(err)
	}
	if c.state, err = replay.New(databases); err != nil {
		t.Fatal(err)
	}
	c.w = writer.New(writer.Config{Log: c.log, State: c.state,
		MaxValue: cfg.MaxValue, Clock: c.clock,
		Wanted: func() events.Class { return ^events.NewKey }, Events: c.hear})
	if err = c.w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		err := errors.Join(<-ended, c.state.Check(), c.recovers(), c.state.Close(), c.log.Close())
		if err != nil {
			t.Errorf("when the test ended: %v", err)
		}
	})
	return c
}

// recovers reports how the journal does not lead to the client's state.
func (c *Client) recovers() error {
	st, err := replay.New(databases)
	if err != nil {
		return err
	}
	defer st.Close()
	for b, err := range c.log.Read(context.Background(), 1) {
		if err != nil {
			return err
		}
		if err = st.Apply(b); err != nil {
			return err
		}
	}
	if got, want := st.Pos(), c.state.Pos(); got != want {
		return errors.New("the journal leads to " + got.String() + ", not to " + want.String())
	}
	return nil
}

func (c *Client) clock() time.Time {
	if now := c.now.Load(); now != nil {
		return *now
	}
	return time.Now()
}

// Advance moves a clock that does not run by itself.
func (c *Client) Advance(d time.Duration) {
	now := c.now.Load().Add(d)
	c.now.Store(&now)
}

// Entries returns how many batches the journal holds: a command that changes
// nothing must add none.
func (c *Client) Entries() int { return int(c.state.Pos().Seq) }

// Journaled returns how many bytes the journal takes.
func (c *Client) Journaled() int {
	c.t.Helper()
	st, err := c.log.Stat(context.Background())
	if err != nil {
		c.t.Fatal(err)
	}
	return int(st.Bytes)
}

func (c *Client) hear(es []events.Event) {
	for _, e := range es {
		c.events = append(c.events, e.Name+" "+e.Key)
	}
}

// Events returns the keyspace events since the last call, as "setbit key". Those
// of new keys, which are no command's doing, are left out.
func (c *Client) Events() []string {
	events := c.events
	c.events = nil
	return events
}

// Do runs a command and returns the reply.
func (c *Client) Do(args ...string) resp.Value {
	c.t.Helper()
	in := make(command.Args, len(args))
	for i, a := range args {
		in[i] = []byte(a)
	}
	return c.run(in)
}

// Line runs a command as it is typed into redis-cli.
func (c *Client) Line(line string) resp.Value {
	c.t.Helper()
	return c.run(split(c.t, line))
}

// Want runs a command as it is typed into redis-cli and compares how the reply
// is printed.
func (c *Client) Want(line, want string) {
	c.t.Helper()
	if got := c.Line(line).String(); got != want {
		c.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// split returns the arguments in a line.
func split(t testing.TB, line string) command.Args {
	t.Helper()
	p := resp.Parser{Authed: true}
	args, _, err := p.Next([]byte(line+"\r\n"), nil)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return args
}

func (c *Client) run(args command.Args) resp.Value {
	c.t.Helper()
	if args.Is(0, "SELECT") && len(args) == 2 {
		n, err := args.Int32(1)
		if err != nil || n < 0 || int(n) >= c.state.Databases() {
			c.t.Fatalf("SELECT %s", args[1])
		}
		c.db = journal.DB(n)
		return resp.OK
	}
	s, err := c.table.Resolve(args)
	switch {
	case err != nil:
		return resp.FromError(err)
	case s.Write != nil:
		return c.write(s, args)
	case s.Read != nil:
		return c.read(s, args)
	}
	c.t.Fatalf("%s needs a session", s.FullName())
	return resp.Value{}
}

func (c *Client) read(s *command.Spec, args command.Args) (val resp.Value) {
	c.t.Helper()
	c.View(func(v *replay.View) { val = s.Read(v, args) })
	return val
}

// View shows fn what the commands so far have led to.
func (c *Client) View(fn func(*replay.View)) {
	c.t.Helper()
	err := c.state.View(c.clock(), func(v *replay.View) error {
		v.Select(c.db)
		fn(v)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *Client) write(s *command.Spec, args command.Args) resp.Value {
	p := &proposal{db: c.db, spec: s, args: args}
	if err := c.w.Propose(c.t.Context(), p); err != nil {
		c.t.Fatal(err)
	}
	if p.err != nil {
		c.t.Fatalf("%s: %v", s.FullName(), p.err)
	}
	return p.val
}

// proposal is one command that writes.
type proposal struct {
	db   journal.DB
	spec *command.Spec
	args command.Args
	val  resp.Value
	err  error
}

func (p *proposal) Step(d *replay.Draft) bool {
	d.Select(p.db)
	m := d.Mark()
	val, err := p.spec.Write(d, p.args)
	if err != nil {
		d.Undo(m)
		val = resp.FromError(err)
	}
	d.Seal(nil)
	p.val = val
	// Nobody may have kept the arguments.
	for _, a := range p.args {
		for i := range a {
			a[i] = '!'
		}
	}
	return false
}

func (p *proposal) Settle(err error) { p.err = err }

func (p *proposal) Done() {}
