package writer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/writer"
)

// submit queues groups, all or none.
func submit(t *testing.T, n *replaytest.Node, gs ...*replaytest.Group) {
	t.Helper()
	for _, g := range gs {
		if err := n.Writer.Submit(g); err != nil {
			t.Fatalf("Submit = %v; want nil", err)
		}
	}
}

// await waits until the journal has been asked to append so many times.
func await(t *testing.T, n *replaytest.Node, appends int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); n.Mem.Appends() < appends; {
		if time.Now().After(end) {
			t.Fatalf("%d appends; want %d", n.Mem.Appends(), appends)
		}
		<-time.After(time.Millisecond)
	}
}

// What queues up while an append is under way becomes one batch; nothing is
// answered or seen before the journal has it, and Views don't wait for it.
func TestGroupCommit(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	release := n.Mem.Hold()
	defer release()
	first := replaytest.NewGroup(set(0, "a"))
	submit(t, n, first)
	await(t, n, 2) // Start's, and first
	var rest []*replaytest.Group
	for range 50 {
		rest = append(rest, replaytest.NewGroup(set(0, "a"), set(0, "b")))
	}
	submit(t, n, rest...)
	for i, g := range append(rest, first) {
		if g.IsDone() {
			t.Errorf("proposal %d was answered before its append", i)
		}
	}
	if got := n.Get(t, "a"); got != "" {
		t.Errorf("a = %q before the append; want nothing", got)
	}
	release()
	for _, g := range append(rest, first) {
		if err := g.Err(); err != nil {
			t.Errorf("Settle = %v; want nil", err)
		}
	}
	if got := n.Pos().Seq; got != 3 {
		t.Errorf("last number = %d; want 3: the epoch, the first, all others", got)
	}
}

// When the journal does not take a batch, everybody in it hears so and nothing
// has changed. What is Refused concerns only that batch.
func TestAppendFails(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	n.Must(set(0, "k"))
	pos := n.Pos()
	for _, fails := range []error{replaytest.ErrRefused, replaytest.ErrFull} {
		release := n.Mem.Hold()
		n.Mem.FailNext(fails)
		groups := []*replaytest.Group{
			replaytest.NewGroup(setAll(0, "k", "lost")),
			replaytest.NewGroup(setAll(0, "k", "lost"), set(0, "lost"))}
		if err := n.Writer.Submit(groups[0], groups[1]); err != nil {
			t.Fatal(err)
		}
		release()
		for i, g := range groups {
			if err := g.Err(); !errors.Is(err, fails) {
				t.Errorf("Settle of proposal %d = %v; want %v", i, err, fails)
			}
		}
		if n.Pos() != pos || n.Get(t, "k") != "value" || n.Get(t, "lost") != "" {
			t.Errorf("after %v: position %v, k = %q; want %v and nothing changed",
				fails, n.Pos(), n.Get(t, "k"), pos)
		}
		if s := n.Writer.Health().Suspension(); errors.Is(fails, replaytest.ErrRefused) != (s == nil) {
			t.Errorf("after %v: Suspension = %v", fails, s)
		}
	}
	appends := n.Mem.Appends()
	if err := n.Do(set(0, "k")); !errors.Is(err, replaytest.ErrFull) {
		t.Errorf("Do on a suspended writer = %v; want %v", err, replaytest.ErrFull)
	}
	if n.Mem.Appends() != appends {
		t.Errorf("a suspended writer asked the journal")
	}
	read := func(d *replay.Draft) error { return nil }
	if err := n.Do(read); err != nil {
		t.Errorf("a proposal that changes nothing = %v; want nil", err)
	}
}

// When it can't be known what became of an append, the writer ends, and
// everybody who waits hears why.
func TestAppendFatal(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	release := n.Mem.Hold()
	defer release()
	n.Mem.StoreThenFail(replaytest.ErrLost)
	first, second := replaytest.NewGroup(set(0, "k")), replaytest.NewGroup(set(0, "k"))
	submit(t, n, first)
	await(t, n, 2)
	submit(t, n, second)
	release()
	if err := first.Err(); !errors.Is(err, replaytest.ErrLost) {
		t.Errorf("Settle = %v; want %v", err, replaytest.ErrLost)
	}
	if err := second.Err(); !errors.Is(err, replaytest.ErrLost) {
		t.Errorf("Settle of the next = %v; want %v", err, replaytest.ErrLost)
	}
	if err := n.Ended(); !errors.Is(err, replaytest.ErrLost) || fault.Of(err) != fault.Fatal {
		t.Errorf("Run = %v; want %v, Fatal", err, replaytest.ErrLost)
	}
	if err := n.Do(set(0, "k")); !errors.Is(err, writer.ErrStopped) {
		t.Errorf("Do on an ended writer = %v; want %v", err, writer.ErrStopped)
	}
}

// A full queue refuses at once, all or none of what is submitted together.
func TestQueueBound(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{Queue: 2})
	release := n.Mem.Hold()
	defer release()
	first := replaytest.NewGroup(set(0, "k"))
	submit(t, n, first)
	await(t, n, 2)
	a, b, c := replaytest.NewGroup(set(0, "a")), replaytest.NewGroup(set(0, "b")),
		replaytest.NewGroup(set(0, "c"))
	submit(t, n, a)
	if err := n.Writer.Submit(b, c); !errors.Is(err, writer.ErrBusy) {
		t.Errorf("Submit past the bound = %v; want %v", err, writer.ErrBusy)
	}
	submit(t, n, b)
	release()
	for _, g := range []*replaytest.Group{first, a, b} {
		if err := g.Err(); err != nil {
			t.Errorf("Settle = %v; want nil", err)
		}
	}
	if c.Steps != 0 {
		t.Errorf("a refused proposal was run")
	}
}

// What would not fit a value or an entry is refused when it is evaluated, and
// what its command had done before is taken back.
func TestTooLarge(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{MaxValue: 5 << 20})
	big := strings.Repeat("x", 5<<20-1)
	g := replaytest.NewGroup(
		set(0, "a"),
		func(d *replay.Draft) error {
			return errors.Join(set(0, "b")(d), setAll(0, "kk", big)(d)) // one byte too long
		},
		func(d *replay.Draft) error {
			for _, key := range []string{"1", "2", "3", "4"} { // 20 MiB in one entry
				if err := setAll(0, key, big)(d); err != nil {
					return err
				}
			}
			return nil
		},
		set(0, "c"))
	submit(t, n, g)
	if err := g.Err(); err != nil {
		t.Errorf("Settle = %v; want nil", err)
	}
	if len(g.Failed) != 2 {
		t.Fatalf("%d commands failed; want 2", len(g.Failed))
	}
	for _, err := range g.Failed {
		if fault.Of(err) != fault.Refused {
			t.Errorf("command = %v; want it Refused", err)
		}
	}
	n.Read(t, func(v *replay.View) {
		if v.Len(0) != 2 || !v.Exists([]byte("a")) || !v.Exists([]byte("c")) {
			t.Errorf("%d keys; want a and c alone", v.Len(0))
		}
	})
}

// A pipeline that is larger than a batch goes through the journal in several,
// and hears of each.
func TestPipelineIsSplit(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	half := setAll(0, "k", strings.Repeat("x", 600<<10))
	g := replaytest.NewGroup(half, half, half, set(0, "a"))
	n.Mem.Hold()() // nothing is held; appends go on
	submit(t, n, g)
	if err := g.Err(); err != nil {
		t.Errorf("Settle = %v; want nil", err)
	}
	if len(g.Settled) != 2 || n.Pos().Seq != 3 {
		t.Errorf("settled %d times up to number %d; want twice, up to 3", len(g.Settled), n.Pos().Seq)
	}
}

// If the second half of a pipeline fails, the first stands.
func TestPipelineFailsHalfway(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	large := strings.Repeat("x", 600<<10)
	release := n.Mem.Hold()
	defer release()
	g := replaytest.NewGroup(setAll(0, "a", large), setAll(0, "b", large), func(d *replay.Draft) error {
		n.Mem.FailNext(replaytest.ErrFull)
		return set(0, "c")(d)
	})
	submit(t, n, g)
	release()
	if err := g.Err(); !errors.Is(err, replaytest.ErrFull) {
		t.Errorf("last Settle = %v; want %v", err, replaytest.ErrFull)
	}
	if len(g.Settled) != 2 || g.Settled[0] != nil {
		t.Errorf("Settle = %v; want nil first", g.Settled)
	}
	if n.Get(t, "b") == "" || n.Get(t, "c") != "" {
		t.Errorf("want b to stand and c not to")
	}
}

// A writer that stops answers what it has begun and refuses the rest.
func TestStop(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	release := n.Mem.Hold()
	defer release()
	g := replaytest.NewGroup(set(0, "k"))
	submit(t, n, g)
	await(t, n, 2)
	stopped := make(chan error)
	go func() { stopped <- n.Stop() }()
	release()
	if err := <-stopped; err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
	if err := g.Err(); err != nil {
		t.Errorf("Settle = %v; want nil: the append was under way", err)
	}
	if err := n.Do(set(0, "k")); !errors.Is(err, writer.ErrStopped) {
		t.Errorf("Do = %v; want %v", err, writer.ErrStopped)
	}
}

// Each start has an epoch of its own.
func TestStartRaisesEpoch(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	n.Must(set(0, "k"))
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	log := replaytest.NewLog(t, n.Mem.Restart())
	w := writer.New(writer.Config{Log: log, State: n.State})
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := n.Epoch(); got != 2 {
		t.Errorf("epoch = %d; want 2", got)
	}
}

// The sweeper removes what has expired, by the node's clock, through the
// journal.
func TestSweep(t *testing.T) {
	n := replaytest.Open(t, 2, writer.Config{})
	now := n.Clock.Now().UnixMilli()
	n.Must(replaytest.SetUntil(0, "a", "v", now+1000), replaytest.SetUntil(1, "b", "v", now+1000), replaytest.SetUntil(0, "c", "v", now+5000), set(0, "d"))
	ctx, cancel := context.WithCancel(context.Background())
	removed, ended := make(chan int), make(chan struct{})
	go func() {
		defer close(ended)
		n.Writer.Sweep(ctx, func(keys int) { removed <- keys })
	}()
	n.Clock.Add(1500 * time.Millisecond)
	total := 0
	for total < 2 {
		total += <-removed
	}
	cancel()
	<-ended
	n.Read(t, func(v *replay.View) {
		if total != 2 || v.Len(0) != 2 || v.Len(1) != 0 {
			t.Errorf("%d removed, %d and %d left; want 2, 2 and 0", total, v.Len(0), v.Len(1))
		}
	})
	if d := replaytest.Dump(t, n.Replay(t, n.Pos().Seq)).Diff(replaytest.Dump(t, n.State)); d != "" {
		t.Errorf("replayed without a clock: %s", d)
	}
}
