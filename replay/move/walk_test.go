package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/replaytest"
	"ledge/replay/value"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// faults is how many of each there may be in a run.
type faults struct {
	writes, losses, late, expiries int
	crashes                        [2]int // of the source, of the target
}

// explorer walks all runs.
type explorer struct {
	t     *testing.T
	limit faults
	// forgetful has a crash lose what is not synced.
	forgetful bool
	seen      map[string]int // states, by the run that came there first
	todo      [][]int        // choices of runs that are to be walked
	runs      int
	ends      int // runs that came to the end, and not to a state that was known
}

// walk is one run.
type walk struct {
	e       *explorer
	choices []int
	at      int
	left    faults
	sides   [2]*modelSide
	id      journal.MoveID
	wrote   int    // what the last acknowledged write has set the key to
	stale   bool   // the state was known: the run ends
	bag     []late // the last requests, which may come again
	trace   []string
	bad     string
	cancel  context.CancelFunc // ends the step in which a node is killed
}

// late is a request that was made once.
type late struct {
	to      int
	subject string
	body    []byte
}

// modelSide is one of the two nodes.
type modelSide struct {
	drv   *mem.Journal
	n     *replaytest.Node
	m     *Mover
	dying bool
}

const (
	modelKey             = "k"
	modelSource          = journal.Lineage(0xa)
	modelTarget          = journal.Lineage(0xb)
	modelCluster         = "00000000000000000000000000000000000000c1"
	mostSteps            = 400 // of a run
	sourceSide, takeSide = 0, 1
)

var errModelDead = fault.With(fault.Retryable, errors.New("the node is down"))

// start starts a side on what its journal has.
func (w *walk) start(side int) {
	s := w.sides[side]
	s.drv.Judge(nil)
	l := [2]journal.Lineage{modelSource, modelTarget}[side]
	s.n, s.dying = replaytest.OpenOn(w.e.t, 1, s.drv, l, writer.Config{}), false
	s.drv.Judge(func(_ journal.Seq, _ []byte, stored bool) error {
		if stored || w.stale {
			return nil
		}
		return w.judge(side)
	})
	s.m = New(Config{State: s.n.State, Log: s.n.Log, Writer: s.n.Writer, Leads: func() bool { return true },
		Call: func(ctx context.Context, _ journal.Lineage, subject string, q any) (*nats.Msg, error) {
			return w.call(side, subject, q)
		},
		Hold: func(_, _ []journal.SlotRange) {}, Fence: func(context.Context, journal.Seq) error { return nil },
		Known: func(ranges []journal.SlotRange, epoch uint64) bool {
			all, _, at := w.sides[1-side].n.Custody().OwnsAll(ranges)
			return all && at >= epoch
		},
		Turn: func(context.Context) error { return nil }, Room: func() error { return nil }, Active: func() bool { return false },
		Limits: func() Limits { return Limits{Hold: time.Hour} },
		Clock:  s.n.Clock.Now, Logger: slog.New(slog.DiscardHandler)})
}

// letGo ends the timers of holds, which know of all that the side has.
func (s *modelSide) letGo() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	for _, h := range s.m.holds {
		h.timer.Stop()
	}
}

// restart has a side crash and come back.
func (w *walk) restart(side int) {
	s := w.sides[side]
	s.letGo()
	s.drv.Judge(nil)
	_ = s.n.Stop()
	if w.e.forgetful {
		synced, _ := s.drv.Synced()
		_ = s.drv.Cut(context.Background(), synced)
	}
	w.start(side)
	if w.e.forgetful && w.owns(side) {
		w.wrote = w.holds(side) // what was not synced is lost
	}
}

// choose returns which of some options is taken, the first of which is the usual one.
func (w *walk) choose(label string, options []string) string {
	if w.stale {
		return options[0]
	}
	if w.at < len(w.choices) {
		if w.at++; w.choices[w.at-1] >= len(options) {
			w.bad, w.stale = "a run does not repeat itself at "+label, true
			return options[0]
		}
		w.trace = append(w.trace, label+": "+options[w.choices[w.at-1]])
		return options[w.choices[w.at-1]]
	}
	w.look(label)
	key := w.key(label)
	if run, known := w.e.seen[key]; known {
		w.stale = true
		if run == w.e.runs {
			w.bad = "the run goes round in a circle"
		}
		return options[0]
	}
	w.e.seen[key] = w.e.runs
	for i := 1; i < len(options); i++ {
		w.e.todo = append(w.e.todo, append(w.choices[:w.at:w.at], i))
	}
	w.choices = append(w.choices[:w.at:w.at], 0)
	w.at++
	w.trace = append(w.trace, label+": "+options[0])
	return options[0]
}

// key tells states apart.
func (w *walk) key(label string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v %d ", label, w.left, w.wrote)
	now := w.sides[sourceSide].n.Pos().Seq
	for side, s := range w.sides {
		m, ok := s.m.find(w.id)
		fmt.Fprint(&b, ok, m.Side, m.Phase, m.Cursor, int64(now-m.At.Seq), int64(now-m.Seq), m.Epoch, m.Cause, w.owns(side), w.holds(side), " ")
		if st, _ := s.drv.Stat(context.Background()); w.e.forgetful {
			synced, _ := s.drv.Synced()
			fmt.Fprint(&b, st.Last-synced, " ")
		}
		s.m.mu.Lock()
		if h := s.m.holds[w.id]; h != nil {
			fmt.Fprint(&b, "held ", int64(now-h.content.At.Seq), h.giving)
		}
		if x := s.m.sessions[w.id]; x != nil {
			fmt.Fprint(&b, " at ", int64(now-x.at.Seq), x.cursor)
		}
		fmt.Fprint(&b, s.m.told[w.id], "; ")
		s.m.mu.Unlock()
	}
	for _, l := range w.bag {
		if w.left.late > 0 {
			b.WriteString(l.subject)
		}
	}
	return b.String()
}

func (w *walk) owns(side int) bool { return w.sides[side].n.Custody().Owns(value.Slot(modelKey)) }

// holds returns what a side's journal has under the key.
func (w *walk) holds(side int) (v int) {
	_ = w.sides[side].n.View(time.UnixMilli(0), func(view *replay.View) error {
		val, _, _ := view.GetString([]byte(modelKey))
		_, _ = fmt.Sscan(val, &v)
		return nil
	})
	return v
}

// look looks whether anything is wrong.
func (w *walk) look(label string) {
	source, target := w.owns(sourceSide), w.owns(takeSide)
	switch {
	case source && target:
		w.bad = "two owners"
	case target && w.holds(takeSide) != w.wrote:
		w.bad = fmt.Sprintf("the target owns %d; %d was acknowledged", w.holds(takeSide), w.wrote)
	case source && !strings.HasPrefix(label, "entry") && w.holds(sourceSide) != w.wrote:
		w.bad = fmt.Sprintf("the source owns %d; %d was acknowledged", w.holds(sourceSide), w.wrote)
	}
}

// judge is a choice at an entry: it is stored, or the node is killed before or after that.
func (w *walk) judge(side int) error {
	s := w.sides[side]
	if s.dying {
		return errors.New("the node is killed")
	}
	options := []string{"store"}
	if w.left.crashes[side] > 0 {
		options = append(options, "crash before")
	}
	if w.choose(fmt.Sprint("entry of ", side, " after ", w.last()), options) == "crash before" {
		w.left.crashes[side]--
		s.dying = true
		w.cancel()
		return errors.New("the node is killed")
	}
	return nil
}

// last returns the last requests, by which a state is told from others.
func (w *walk) last() string {
	n := len(w.bag)
	var b strings.Builder
	for _, l := range w.bag[max(0, n-2):] {
		b.WriteString(l.subject[len("ledge.cluster.move."):] + " ")
	}
	return b.String()
}

// call is a choice at a request: what becomes of it, and what comes before it.
func (w *walk) call(from int, subject string, q any) (*nats.Msg, error) {
	body, err := json.Marshal(q)
	if err != nil || w.sides[from].dying {
		return nil, errors.Join(err, errModelDead)
	}
	if w.bag = append(w.bag, late{1 - from, subject, body}); len(w.bag) > 3 {
		w.bag = w.bag[1:]
	}
	happen := w.mayHappen()
	if w.left.losses > 0 {
		happen = append(happen, "lose request", "lose answer")
	}
	if w.left.crashes[from] > 0 {
		happen = append(happen, "crash of the asker")
	}
	what := w.choose(fmt.Sprint("request ", w.last()), append([]string{"answer"}, happen...))
	if w.stale || w.sides[from].dying {
		return nil, errModelDead
	}
	switch what {
	case "lose request":
		w.left.losses--
		return nil, errModelDead
	case "crash of the asker":
		w.left.crashes[from]--
		w.sides[from].dying = true
		return nil, errModelDead
	}
	w.happen(what)
	r, err := w.deliver(late{1 - from, subject, body})
	if w.sides[1-from].dying {
		w.restart(1 - from)
		return nil, errModelDead
	}
	if what == "lose answer" {
		w.left.losses--
		return nil, errModelDead
	}
	if err != nil {
		return nil, wire.Failed(wire.Failure(err), "peer")
	}
	return r, nil
}

func (w *walk) deliver(l late) (*nats.Msg, error) {
	return w.sides[l.to].m.Handlers()[l.subject](&nats.Msg{Data: l.body})
}

// mayHappen returns what may happen beside a move.
func (w *walk) mayHappen() (list []string) {
	if w.left.writes > 0 {
		list = append(list, "write")
	}
	if w.left.expiries > 0 && len(w.sides[sourceSide].m.holds) > 0 {
		list = append(list, "expiry of the hold")
	}
	if w.left.late > 0 && len(w.bag) > 1 {
		list = append(list, "late request 0", "late request 1")
	}
	if w.left.crashes[sourceSide] > 0 {
		list = append(list, "crash of the source")
	}
	return list
}

// happen has it happen.
func (w *walk) happen(what string) {
	switch what {
	case "write":
		w.left.writes--
		w.write()
	case "expiry of the hold":
		w.left.expiries--
		m := w.sides[sourceSide].m
		m.mu.Lock()
		for id, h := range m.holds {
			if !h.giving {
				m.unholdLocked(id, h)
			}
		}
		m.mu.Unlock()
	case "late request 0", "late request 1":
		w.left.late--
		_, _ = w.deliver(w.bag[what[len(what)-1]-'0'])
	case "crash of the source":
		w.left.crashes[sourceSide]--
		w.restart(sourceSide)
	}
}

// write has a client write the key at whoever owns it.
func (w *walk) write() {
	for side, s := range w.sides {
		if !w.owns(side) || s.dying {
			continue
		}
		err := s.n.Do(func(d *replay.Draft) error {
			if !d.Custody().Owns(value.Slot(modelKey)) {
				return errModelDead
			}
			return d.SetString([]byte(modelKey), fmt.Append(nil, w.wrote+1), 0)
		})
		if err == nil && w.holds(side) == w.wrote+1 {
			w.wrote++
		}
	}
}
