package replay

// What is left of a draft when a command panics: nothing, and the state below it
// is as it was. What whoever writes makes of that is tested in replay/writer.

import (
	"errors"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
)

// proposed is a proposal that is one function.
type proposed func(d *Draft)

func (p proposed) Step(d *Draft) bool { p(d); return false }
func (proposed) Settle(error)         {}
func (proposed) Done()                {}

// put returns a step that sets a key of database 0.
func put(key string) func(d *Draft) {
	return func(d *Draft) {
		if err := d.SetString([]byte(key), []byte("v"), 0); err != nil {
			panic(err)
		}
		d.Seal(nil)
	}
}

// panicState is a state with a group over it.
func panicState(t *testing.T) (*State, *Group) {
	t.Helper()
	s, err := New(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Check(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, s.NewGroup(1 << 20)
}

// evaluate has steps evaluated as one group.
func evaluate(g *Group, steps ...func(d *Draft)) (int, error) {
	var ps []Proposal
	for _, step := range steps {
		ps = append(ps, proposed(step))
	}
	finished, _, err := g.Evaluate(time.UnixMilli(1000), 0, ps)
	return finished, err
}

// commit appends what g has drafted and applies it.
func commit(t *testing.T, s *State, log *journal.Log, g *Group) error {
	t.Helper()
	c, err := log.Append(t.Context(), journal.Batch{Epoch: 1, Prev: s.Pos().Digest, Entries: g.Entries()})
	if err != nil {
		t.Fatal(err)
	}
	return g.Apply(c)
}

func newPanicLog(t *testing.T) *journal.Log {
	t.Helper()
	log, err := journal.NewLog(t.Context(), mem.New(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// A proposal that panics takes its group with it, and the next group is whole. It
// is of no matter whether it panics of itself or in the midst of a change.
func TestPanicInStep(t *testing.T) {
	for name, bad := range map[string]func(d *Draft){
		"before it changes anything": func(*Draft) { panic("a bug") },
		"between two changes": func(d *Draft) {
			_ = d.SetString([]byte("half"), []byte("v"), 0)
			panic("a bug")
		},
		"after a change that is sealed": func(d *Draft) { put("sealed")(d); panic("a bug") },
		"in a change":                   func(d *Draft) { _ = d.Expire([]byte("missing"), d.now+1000) },
		"in the draft's own parts":      func(d *Draft) { d.overlay.rows, d.overlay.index = nil, nil; put("x")(d) },
	} {
		t.Run(name, func(t *testing.T) {
			s, g := panicState(t)
			log, at := newPanicLog(t), s.Pos()
			finished, err := evaluate(g, put("before"), bad, put("after"))
			if finished != 2 {
				t.Errorf("%d are finished; want 2, the one that panicked included", finished)
			}
			wantPanic(t, err, fault.Refused)
			if n := len(g.Entries()) + len(g.Events()); n != 0 || s.Pos() != at {
				t.Errorf("%d entries and events are left, and the state is at %v; want none and %v", n, s.Pos(), at)
			}
			if _, err := evaluate(g, put("after")); err != nil {
				t.Fatalf("the next group: %v; want nil", err)
			}
			if err := commit(t, s, log, g); err != nil {
				t.Fatal(err)
			}
			v := s.OpenView(time.UnixMilli(1000))
			defer v.Close()
			if n := v.Len(0); n != 1 || !v.Exists([]byte("after")) {
				t.Errorf("%d keys; want after alone", n)
			}
		})
	}
}

// A panic while a command is taken back, or while a batch is applied, is Fatal:
// what there is can't be trusted.
func TestPanicIsFatal(t *testing.T) {
	t.Run("in undo", func(t *testing.T) {
		s, g := panicState(t)
		at := s.Pos()
		_, err := evaluate(g, put("before"), func(d *Draft) {
			m := d.Mark()
			_ = d.SetString([]byte("k"), []byte("v"), 0)
			d.overlay.moves = append(d.overlay.moves, move{a: 9999}) // of no database
			d.Undo(m)
		})
		wantPanic(t, err, fault.Fatal)
		if got := s.Pos(); got != at {
			t.Errorf("the state is at %v; want %v", got, at)
		}
	})
	t.Run("in Apply", func(t *testing.T) {
		s, g := panicState(t)
		at, db := s.Pos(), s.dbs[1]
		if _, err := evaluate(g, put("before"), func(d *Draft) {
			d.Select(1)
			put("k")(d)
		}); err != nil {
			t.Fatal(err)
		}
		s.dbs[1] = nil
		wantPanic(t, commit(t, s, newPanicLog(t), g), fault.Fatal)
		s.dbs[1] = db
		if got := s.Pos(); got != at {
			t.Errorf("the state is at %v; want %v, as it was", got, at)
		}
	})
}

func wantPanic(t *testing.T, err error, class fault.Class) {
	t.Helper()
	var p *fault.Panic
	if fault.Of(err) != class || !errors.As(err, &p) || len(p.Stack) == 0 {
		t.Errorf("got %v; want a panic with its stack, %s", err, class)
	}
}
