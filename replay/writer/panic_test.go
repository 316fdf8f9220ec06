package writer

// What is left when a command panics: the command is taken back alone, or its
// whole group is refused, or the writer ends with a Fatal error; never is there
// half of anything.

import (
	"context"
	"errors"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
)

// proposed is a proposal that is one function.
type proposed struct {
	step    func(d *replay.Draft)
	settled []error
	done    chan struct{}
}

func propose(step func(d *replay.Draft)) *proposed {
	return &proposed{step: step, done: make(chan struct{})}
}

func (p *proposed) Step(d *replay.Draft) bool { p.step(d); return false }
func (p *proposed) Settle(err error)          { p.settled = append(p.settled, err) }
func (p *proposed) Done()                     { close(p.done) }

// put returns a step that sets a key of database 0.
func put(key string) func(d *replay.Draft) {
	return func(d *replay.Draft) {
		if err := d.SetString([]byte(key), []byte("v"), 0); err != nil {
			panic(err)
		}
		d.Seal(nil)
	}
}

// panicNode is a state with a writer that has not begun to run.
func panicNode(t *testing.T) (*replay.State, *Writer) {
	t.Helper()
	s, err := replay.New(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Check(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	log, err := journal.NewLog(t.Context(), mem.New(), 1)
	if err != nil {
		t.Fatal(err)
	}
	w := New(Config{Log: log, State: s, Node: "test"})
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, w
}

// run has the writer take the proposals as one group, and returns how it ended.
func runGroup(t *testing.T, w *Writer, ps ...replay.Proposal) error {
	t.Helper()
	if err := w.Submit(ps...); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for _, p := range ps {
		select {
		case <-p.(*proposed).done:
		case err := <-ended:
			stop()
			return err
		}
	}
	stop()
	return <-ended
}

// A proposal that panics takes its group with it, and the writer goes on. It is
// of no matter whether it panics of itself or in the midst of a change.
func TestPanicInStep(t *testing.T) {
	for name, bad := range map[string]func(d *replay.Draft){
		"before it changes anything": func(*replay.Draft) { panic("a bug") },
		"between two changes": func(d *replay.Draft) {
			_ = d.SetString([]byte("half"), []byte("v"), 0)
			panic("a bug")
		},
		"behind a change that is sealed":    func(d *replay.Draft) { put("sealed")(d); panic("a bug") },
		"in a change":                       func(d *replay.Draft) { _ = d.Expire([]byte("missing"), d.Now()+1000) },
		"in a change of a missing database": func(d *replay.Draft) { d.Select(9); put("x")(d) },
	} {
		t.Run(name, func(t *testing.T) {
			s, w := panicNode(t)
			at := s.Pos()
			before, broken, after := propose(put("before")), propose(bad), propose(put("after"))
			if err := guarded(func() error { return w.group(t.Context(), []replay.Proposal{before, broken, after}) }); err != nil {
				t.Fatalf("the group ends with %v; want nil", err)
			}
			for name, p := range map[string]*proposed{"before": before, "broken": broken} {
				if len(p.settled) != 1 || !errors.Is(p.settled[0], ErrInternal) {
					t.Errorf("%s was told %v; want ErrInternal once", name, p.settled)
				}
			}
			if len(after.settled) != 1 || after.settled[0] != nil {
				t.Errorf("the proposal behind it was told %v; want nil once", after.settled)
			}
			if got := s.Pos().Seq; got != at.Seq+1 {
				t.Errorf("last number = %d; want %d: only what came behind the panic stands", got, at.Seq+1)
			}
			v := s.OpenView(w.cfg.Clock())
			if n := v.Len(0); n != 1 || !v.Exists([]byte("after")) {
				t.Errorf("%d keys; want after alone", n)
			}
			v.Close()
		})
	}
}

// A panic while a command is taken back, or while an outcome is told, ends the
// writer: what it has can't be trusted.
func TestPanicIsFatal(t *testing.T) {
	t.Run("in undo", func(t *testing.T) {
		s, w := panicNode(t)
		at := s.Pos()
		var far replay.Mark // of a draft that had more in it than the next can have
		if _, _, err := s.NewGroup(DefaultMaxValue).Evaluate(w.cfg.Clock(), 0, []replay.Proposal{propose(func(d *replay.Draft) {
			for range 10_000 {
				_ = d.Swap(0, 1)
			}
			far = d.Mark()
		})}); err != nil {
			t.Fatal(err)
		}
		err := runGroup(t, w, propose(put("before")), propose(func(d *replay.Draft) { d.Undo(far) }))
		wantPanic(t, err)
		if got := s.Pos(); got != at {
			t.Errorf("the state is at %v; want %v", got, at)
		}
	})
	t.Run("in Settle", func(t *testing.T) {
		_, w := panicNode(t)
		wantPanic(t, guarded(func() error { return w.group(t.Context(), []replay.Proposal{settler{}}) }))
	})
}

// settler panics when it is told the outcome.
type settler struct{}

func (settler) Step(d *replay.Draft) bool { put("k")(d); return false }
func (settler) Settle(error)              { panic("a bug") }
func (settler) Done()                     {}

func wantPanic(t *testing.T, err error) {
	t.Helper()
	var p *fault.Panic
	if fault.Of(err) != fault.Fatal || !errors.As(err, &p) || len(p.Stack) == 0 {
		t.Errorf("the writer ends with %v; want a Fatal error with the panic and its stack", err)
	}
}
