// Package replaytest gives tests a state with a journal in memory and a writer,
// and a naive model of what the state should hold. Every state that it opened
// is checked when the test ends.
package replaytest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/writer"
)

// Lineage is that of every journal here.
const Lineage journal.Lineage = 0x1ed6e

// Node is a state, its journal and the writer between them.
type Node struct {
	*replay.State
	Log    *journal.Log
	Mem    *mem.Journal
	Writer *writer.Writer
	Clock  *Clock

	tb   testing.TB
	stop context.CancelFunc
	done chan struct{}
	err  error // why the writer ended; after done
	// well is what RunHealth has returned.
	well chan error
}

// Open returns an empty node whose writer runs. cfg may be zero: Log, State and
// Clock are filled in.
func Open(tb testing.TB, databases int, cfg writer.Config) *Node {
	tb.Helper()
	return OpenOn(tb, databases, mem.New(), Lineage, cfg)
}

// OpenOn is Open of a node of another lineage, with what its journal has already.
func OpenOn(tb testing.TB, databases int, drv *mem.Journal, l journal.Lineage, cfg writer.Config) *Node {
	tb.Helper()
	n := &Node{Mem: drv, Clock: new(Clock), tb: tb, done: make(chan struct{}), well: make(chan error, 1)}
	n.Clock.Set(time.UnixMilli(1_000_000))
	var err error
	if n.Log, err = journal.NewLog(context.Background(), drv, l); err != nil {
		tb.Fatal(err)
	}
	st, err := drv.Stat(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	n.State = n.replay(tb, databases, st.Last)
	cfg.Log, cfg.State, cfg.Clock = n.Log, n.State, n.Clock.Now
	n.Writer = writer.New(cfg)
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	if err := n.Writer.Start(ctx); err != nil {
		tb.Fatalf("Start = %v; want nil", err)
	}
	go func() {
		defer close(n.done)
		n.err = n.Writer.Run(ctx)
	}()
	go func() { n.well <- n.Writer.RunHealth(ctx) }()
	tb.Cleanup(func() { n.Stop() })
	return n
}

// Stop ends the writer and returns why it ended.
func (n *Node) Stop() error {
	n.stop()
	return n.Ended()
}

// Unwell waits until no more attempts to resume are made, and returns why.
func (n *Node) Unwell() error { return <-n.well }

// Ended waits until the writer has ended and returns why.
func (n *Node) Ended() error {
	<-n.done
	return n.err
}

// NewState returns an empty state that is checked and closed when the test
// ends.
func NewState(tb testing.TB, databases int) *replay.State {
	tb.Helper()
	s, err := replay.New(databases)
	if err != nil {
		tb.Fatal(err)
	}
	CheckAtEnd(tb, s)
	return s
}

// CheckAtEnd has s checked and closed when the test ends.
func CheckAtEnd(tb testing.TB, s *replay.State) {
	tb.Cleanup(func() {
		if err := s.Check(); err != nil {
			tb.Errorf("Check = %v; want nil", err)
		}
		if err := s.Close(); err != nil {
			tb.Errorf("Close = %v; want nil", err)
		}
	})
}

// NewLog returns a log on drv.
func NewLog(tb testing.TB, drv journal.Driver) *journal.Log {
	tb.Helper()
	log, err := journal.NewLog(context.Background(), drv, Lineage)
	if err != nil {
		tb.Fatal(err)
	}
	return log
}

// Replay returns a state that has followed the node's journal up to until.
func (n *Node) Replay(tb testing.TB, until journal.Seq) *replay.State {
	tb.Helper()
	return n.replay(tb, n.Databases(), until)
}

func (n *Node) replay(tb testing.TB, databases int, until journal.Seq) *replay.State {
	tb.Helper()
	s := NewState(tb, databases)
	if err := recovery.CatchUp(context.Background(), n.Log, s, until); err != nil {
		tb.Fatalf("CatchUp = %v; want nil", err)
	}
	return s
}

// Do runs commands as one proposal and returns how the journal took it. A command
// that ends the test, by Fatal, ends the writer's goroutine with it, so nobody would
// be answered any more: that is an error.
func (n *Node) Do(cmds ...Command) error {
	g := NewGroup(cmds...)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-n.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := n.Writer.Propose(ctx, g); err != nil {
		return err
	}
	return g.Err()
}

// Must is Do for what can't fail.
func (n *Node) Must(cmds ...Command) {
	n.tb.Helper()
	if err := n.Do(cmds...); err != nil {
		n.tb.Fatalf("Do = %v; want nil", err)
	}
}

// Group is a proposal of commands.
type Group struct {
	// Settled has the outcome of each Settle.
	Settled []error
	// Failed has what the failed commands returned.
	Failed []error
	// Steps counts commands that were run.
	Steps int

	cmds []Command
	done chan struct{}
}

// NewGroup returns a proposal that runs the commands in their order.
func NewGroup(cmds ...Command) *Group { return &Group{cmds: cmds, done: make(chan struct{})} }

// Step runs the next command.
func (g *Group) Step(d *replay.Draft) bool {
	m := d.Mark()
	if err := g.cmds[g.Steps](d); err != nil {
		d.Undo(m)
		g.Failed = append(g.Failed, err)
	} else {
		d.Seal(nil)
	}
	g.Steps++
	return g.Steps < len(g.cmds)
}

// Settle keeps the outcome.
func (g *Group) Settle(err error) { g.Settled = append(g.Settled, err) }

// Done lets Err return.
func (g *Group) Done() { close(g.done) }

// IsDone reports whether the proposal has been answered.
func (g *Group) IsDone() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// Err waits for the answer and returns the last outcome.
func (g *Group) Err() error {
	<-g.done
	return g.Settled[len(g.Settled)-1]
}

// Clock stands still until it is told to move.
type Clock struct{ ms atomic.Int64 }

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.ms.Load()) }

// Set moves the clock to t.
func (c *Clock) Set(t time.Time) { c.ms.Store(t.UnixMilli()) }

// Add moves the clock by d.
func (c *Clock) Add(d time.Duration) { c.ms.Add(d.Milliseconds()) }
