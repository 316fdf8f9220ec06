package move

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/replaytest"
	"ledge/replay/value"
)

// The hand-over is walked through all that can happen to it, with few of everything: the
// real handlers and the real steps of the target, on journals in memory. At each request, at
// each entry of either journal, and between two steps of the nodes there is a choice of what
// happens next. A run takes the first choice where it was not told another, and the others
// are walked later, unless the same state has been there before.

// begin begins a run: the source has a move to the target.
func (e *explorer) begin(choices []int) *walk {
	w := &walk{e: e, choices: choices, left: e.limit, sides: [2]*modelSide{{drv: mem.New()}, {drv: mem.New()}}, stale: true}
	for side := range w.sides {
		w.start(side)
	}
	slot := value.Slot(modelKey)
	w.sides[0].n.Must(func(d *replay.Draft) error {
		return d.FoundSlots(modelCluster, []journal.SlotRange{{First: 0, Last: journal.MaxSlot}})
	}, replaytest.Set(modelKey, "0"))
	w.sides[1].n.Must(func(d *replay.Draft) error { return d.Moving(&journal.ClusterJoin{Cluster: modelCluster}) })
	id, err := w.sides[0].m.Begin(e.t.Context(), []journal.SlotRange{{First: slot, Last: slot}}, modelTarget)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, s := range w.sides {
		_ = s.drv.Bulk(e.t.Context(), e.forgetful)
	}
	w.id, w.stale = id, false
	return w
}

// end stops the nodes.
func (w *walk) end() {
	for _, s := range w.sides {
		s.letGo()
		s.drv.Judge(nil)
		_ = s.n.Stop()
	}
}

// run walks one run.
func (e *explorer) run(choices []int) {
	e.runs++
	w := e.begin(choices)
	defer w.end()
	for steps := 0; !w.stale && w.bad == "" && !w.over(); steps++ {
		if w.step(); steps > mostSteps {
			w.bad = "the run does not end"
		}
	}
	if w.look("end"); w.bad == "" && !w.stale {
		e.ends++
		if !w.owns(takeSide) {
			w.bad = "the move is over, and the target does not own the slots"
		}
	}
	if w.bad != "" {
		e.t.Fatalf("%s, in run %d:\n%s\n%+v\n%+v", w.bad, e.runs, strings.Join(w.trace, "\n"), w.sides[0].m.Moves(), w.sides[1].m.Moves())
	}
}

func (w *walk) over() bool {
	for _, s := range w.sides {
		if of, ok := s.m.find(w.id); !ok || !of.Over() {
			return false
		}
	}
	return true
}

// step has a node do what is its part next, after what may happen before.
func (w *walk) step() {
	what := w.choose(fmt.Sprint("step ", w.last()), append([]string{"go on"}, w.mayHappen()...))
	if w.stale {
		return
	}
	ctx, cancel := context.WithCancel(w.e.t.Context())
	defer cancel()
	w.cancel = cancel
	if w.happen(what); !w.revive() {
		w.goOn(ctx)
		w.revive()
	}
}

// goOn has the node do its part that is to do something.
func (w *walk) goOn(ctx context.Context) {
	source, target := w.sides[sourceSide].m, w.sides[takeSide].m
	of, _ := source.find(w.id)
	at, begun := target.find(w.id)
	idle := &worker{wake: make(chan struct{})}
	close(idle.wake) // it waits for nothing
	switch {
	case begun && !at.Over():
		_ = attempt(ctx, target, at, idle)
	case of.Phase == cluster.Taken:
		_ = source.leave(ctx, of)
	default:
		_ = source.offer(ctx, of)
	}
}

// revive restarts the sides that were killed, and reports whether there were any.
func (w *walk) revive() (any bool) {
	for side, s := range w.sides {
		if s.dying {
			w.restart(side)
			any = true
		}
	}
	return any
}

// All that can happen to a hand-over is walked: there are never two owners, nothing that was
// acknowledged is lost, and each run comes to the end, at which the target owns the slots.
func TestModel(t *testing.T) {
	for _, c := range []struct {
		name      string
		limit     faults
		forgetful bool
	}{
		{"writes and expiries", faults{writes: 2, expiries: 1}, false},
		{"losses and late requests", faults{writes: 1, losses: 1, late: 1}, false},
		{"crashes", faults{writes: 1, crashes: [2]int{1, 1}}, false},
		{"late requests and crashes", faults{late: 1, crashes: [2]int{1, 1}}, false},
		{"losses and crashes", faults{losses: 1, crashes: [2]int{1, 1}}, false},
		{"crashes that lose what is not synced", faults{writes: 1, crashes: [2]int{1, 1}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &explorer{t: t, limit: c.limit, forgetful: c.forgetful, seen: make(map[string]int), todo: [][]int{nil}}
			for len(e.todo) > 0 {
				choices := e.todo[len(e.todo)-1]
				e.todo = e.todo[:len(e.todo)-1]
				t.Run("", func(t *testing.T) { // whose end lets go of the run's states
					e.t = t
					e.run(choices)
				})
			}
			t.Logf("%d states in %d runs, of which %d came to the end", len(e.seen), e.runs, e.ends)
		})
	}
}

// attempt is one attempt of the target to go on.
func attempt(ctx context.Context, m *Mover, of cluster.Move, w *worker) error {
	return (&target{m: m, of: of, w: w}).attempt(ctx)
}

// An attempt was given up while its last piece was on its way to the journal. The attempt
// after it does not take that piece in once more.
func TestPieceTwice(t *testing.T) {
	e := &explorer{t: t, seen: make(map[string]int)}
	w := e.begin(nil)
	source, m := w.sides[sourceSide].m, w.sides[takeSide].m
	of, _ := source.find(w.id)
	if err := source.offer(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	of, _ = m.find(w.id)
	first := &target{m: m, of: of}
	if _, err := first.greet(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := *first
	if err := first.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := w.sides[takeSide].n.Pos().Seq
	if err := second.next(t.Context()); !errors.Is(err, errOvertaken) {
		t.Errorf("the same piece again: %v; want %v", err, errOvertaken)
	}
	if now := w.sides[takeSide].n.Pos().Seq; now != last {
		t.Errorf("the journal has come from %d to %d; want nothing in it", last, now)
	}
}
