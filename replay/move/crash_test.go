package move_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/move"
)

// point is where a node is killed: at the nth entry with an effect of a kind, before it is
// stored or right after, when nobody has been told of it.
type point struct {
	kind   string
	nth    int
	stored bool
}

func (p point) String() string {
	if p.stored {
		return fmt.Sprint("after ", p.kind, " ", p.nth)
	}
	return fmt.Sprint("before ", p.kind, " ", p.nth)
}

// killAt has a shard's node killed at a point.
func killAt(s *shard, p point) {
	seen := 0
	fn := func(ops []journal.Op, stored bool) bool {
		if stored != p.stored || !hasKind(ops, p.kind) {
			return false
		}
		seen++
		return seen == p.nth
	}
	s.crashes.Store(&fn)
}

// died waits until a shard's node is killed.
func died(t *testing.T, s *shard) {
	t.Helper()
	until(t, "killed", s.dead.Load, func() any { return standing([]*shard{s}) })
}

// restart restarts the nodes of shards, all of which are down before the first begins.
func restart(shards ...*shard) {
	for _, s := range shards {
		s.kill()
	}
	for _, s := range shards {
		s.start()
	}
}

// cut ends a shard's journal at a number. Its node must be down.
func cut(t *testing.T, s *shard, last journal.Seq) {
	t.Helper()
	if err := s.drv.Cut(context.Background(), last); err != nil {
		t.Fatal(err)
	}
}

// lastWith returns the number of the last entry of a shard's journal with an effect of a
// kind.
func lastWith(t *testing.T, s *shard, kind string) (last journal.Seq) {
	t.Helper()
	log, err := journal.NewLog(t.Context(), s.drv, s.lineage)
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range log.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Batch().Entries {
			if hasKind(e.Ops, kind) {
				last = c.Seq()
			}
		}
	}
	return last
}

// onCall has fn called at a request of a subject, before it is made or once it is answered,
// until it returns true. The request, or its answer, is lost then.
func onCall(w *world, subject string, done bool, fn func() bool) (fired *atomic.Bool) {
	fired = new(atomic.Bool)
	fails := func(s string, d bool) error {
		if fired.Load() || s != subject || d != done || !fn() {
			return nil
		}
		fired.Store(true)
		return errAway
	}
	w.fails.Store(&fails)
	return fired
}

// crashing is a move under way, while clients write.
type crashing struct {
	*testing.T
	w    *world
	a, b *shard // from, to
	id   journal.MoveID
}

func (c *crashing) begin() { c.T.Helper(); c.id = begin(c.T, c.a, c.b, someSlots) }

// lose has the next request of a subject, or its answer, get lost, and then calls fn.
func (c *crashing) lose(subject string, done bool, fn func()) {
	c.T.Helper()
	fired := onCall(c.w, subject, done, func() bool { return true })
	c.begin()
	until(c.T, "asked", fired.Load, func() any { return standing([]*shard{c.a, c.b}) })
	fn()
}

// dies has a shard's node killed at a point of a move, and then calls fn.
func (c *crashing) dies(s *shard, p point, fn func()) {
	c.T.Helper()
	killAt(s, p)
	c.begin()
	died(c.T, s)
	fn()
}

// The points at which a side, or what is between them, may fail, and what becomes of it,
// as the table has them in the plan of a hand-over.
var crashTable = []struct {
	name string
	do   func(c *crashing)
}{
	{"1 source before the first MoveAt", func(c *crashing) {
		c.dies(c.b, point{"MoveAt", 1, false}, func() { restart(c.a, c.b) })
	}},
	{"1 target before the first MoveAt", func(c *crashing) {
		c.dies(c.b, point{"MoveAt", 1, false}, func() { restart(c.b) })
	}},
	{"2 source during the copy", func(c *crashing) {
		c.dies(c.b, point{"MoveAt", 2, true}, func() { restart(c.a); restart(c.b) })
	}},
	{"3 target during the copy", func(c *crashing) {
		c.dies(c.b, point{"MoveAt", 2, true}, func() { restart(c.b) })
	}},
	{"4 the link during the copy", func(c *crashing) {
		var lost atomic.Int32
		fails := func(subject string, _ bool) error {
			if subject == move.SubjectFetch && lost.Add(1) < 6 {
				return errAway
			}
			return nil
		}
		c.w.fails.Store(&fails)
		c.begin()
	}},
	{"5 source in the hold", func(c *crashing) {
		c.lose(move.SubjectEnd, true, func() { restart(c.a) })
	}},
	{"6 target after Ready", func(c *crashing) {
		c.a.hold.Store(int64(1e8))
		c.dies(c.b, point{"MoveReady", 1, true}, func() { restart(c.b) })
	}},
	{"7 append of Give not stored, source restarts", func(c *crashing) {
		c.dies(c.a, point{"SlotsGive", 1, false}, func() { restart(c.a) })
	}},
	{"7 append of Give stored, source restarts", func(c *crashing) {
		c.dies(c.a, point{"SlotsGive", 1, true}, func() { restart(c.a) })
	}},
	{"8 source after Give, before telling", func(c *crashing) {
		c.lose(move.SubjectReady, true, func() { restart(c.a) })
	}},
	{"9 target after Give, before Take", func(c *crashing) {
		c.dies(c.b, point{"SlotsTake", 1, false}, func() { restart(c.b) })
	}},
	{"10 target after Take, before telling", func(c *crashing) {
		c.dies(c.b, point{"SlotsTake", 1, true}, func() { restart(c.b) })
	}},
	{"10 taken gets lost", func(c *crashing) {
		c.lose(move.SubjectTaken, false, func() {})
	}},
	{"10 the answer to taken gets lost", func(c *crashing) {
		c.lose(move.SubjectTaken, true, func() { restart(c.a, c.b) })
	}},
	{"11 source in clearing", func(c *crashing) {
		c.dies(c.a, point{"Clear", 1, true}, func() { restart(c.a) })
	}},
	{"12 target loses its tail", func(c *crashing) {
		c.dies(c.b, point{"MoveReady", 1, false}, func() {
			c.b.kill()
			cut(c.T, c.b, lastWith(c.T, c.b, "MoveBegin")+1)
			c.b.start()
		})
	}},
	{"12 target loses all of the move", func(c *crashing) {
		c.dies(c.b, point{"MoveReady", 1, false}, func() {
			c.b.kill()
			cut(c.T, c.b, lastWith(c.T, c.b, "MoveBegin")-1)
			c.b.start()
		})
	}},
	{"14 cancelled while it copies", func(c *crashing) {
		c.dies(c.b, point{"MoveAt", 2, true}, func() { cancel(c); restart(c.b) })
	}},
	{"14 cancelled in the hold", func(c *crashing) {
		c.lose(move.SubjectReady, false, func() { cancel(c) })
	}},
}

// cancel cancels a move at its source.
func cancel(c *crashing) {
	c.T.Helper()
	_, mover := c.a.up()
	if err := mover.Cancel(context.Background(), c.id); err != nil {
		c.T.Errorf("Cancel = %v; want nil", err)
	}
}

// Whoever fails, and whenever: the move ends by itself, no key is lost or there twice, and
// each slot has one owner at each epoch.
func TestCrashTable(t *testing.T) {
	for _, row := range crashTable {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w, a, b := pair(t)
			fill(t, a, 2000)
			stop := writing(t, 2000, a, b)
			c := &crashing{T: t, w: w, a: a, b: b}
			row.do(c)
			moved(t, c.id, a, b)
			check(t, stop(), a, b)
			custody(t, w)
			cleared(t, a, b)
		})
	}
}

// cleared checks that nothing is left in slots that a shard does not own.
func cleared(t *testing.T, shards ...*shard) {
	t.Helper()
	for _, s := range shards {
		if left := rows(t, s, false); len(left) > 0 {
			t.Errorf("%d keys are left at %s in slots that it does not own; want none", len(left), s.lineage)
		}
	}
}

// Row 13: the source's journal lacks its end, as that of a replica that is promoted. The
// target, which has that end, begins anew. What was written there last is lost.
func TestCrashSourceSetBack(t *testing.T) {
	w, a, b := pair(t)
	fill(t, a, 2000)
	noEnd := func(subject string, _ bool) error {
		if subject == move.SubjectEnd {
			return errAway
		}
		return nil
	}
	w.fails.Store(&noEnd)
	id := begin(t, a, b, someSlots)
	fill(t, a, 500)
	last := a.n.Pos().Seq
	until(t, "copied", func() bool { return b.n.Moves()[0].At.Seq > last-10 }, func() any { return standing([]*shard{a, b}) })
	a.kill()
	cut(t, a, last-20)
	w.fails.Store(nil)
	b.kill() // what it counts begins with the node that goes on
	a.start()
	for i := range 100 { // another line
		a.n.Must(func(d *replay.Draft) error { return write(d, fmt.Sprint("k", i), i+1) })
	}
	before := rows(t, a, true)
	b.start()
	moved(t, id, a, b)
	if n := b.mover.Moves()[0].Begins; n == 0 {
		t.Error("the target has not begun anew; want it to")
	}
	after := rows(t, a, true)
	for key, val := range rows(t, b, true) {
		after[key] = val
	}
	if fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("%d keys after the move; want what the source had, %d", len(after), len(before))
	}
	custody(t, w)
	cleared(t, a, b)
}

// Each entry of each side is the last one before a kill, stored or not, of that side alone
// or of both.
func TestCrashAtEachEntry(t *testing.T) {
	points := map[bool][]string{
		true:  {"MoveBegin", "SlotsGive", "MoveTaken", "Clear", "MoveEnd"},
		false: {"MoveBegin", "MoveAt", "MoveReady", "SlotsTake", "MoveEnd"},
	}
	for source, kinds := range points {
		for _, kind := range kinds {
			for _, stored := range []bool{false, true} {
				for _, both := range []bool{false, true} {
					p := point{kind, 1, stored}
					t.Run(fmt.Sprintf("source=%v %s both=%v", source, p, both), func(t *testing.T) {
						t.Parallel()
						crashAtEntry(t, p, source, both)
					})
				}
			}
		}
	}
}

func crashAtEntry(t *testing.T, p point, source, both bool) {
	w, a, b := pair(t)
	fill(t, a, 300)
	stop := writing(t, 300, a, b)
	dies := b
	if source {
		dies = a
	}
	killAt(dies, p)
	_, mover := a.up()
	id, err := mover.Begin(context.Background(), someSlots, b.lineage)
	died(t, dies)
	if both {
		restart(a, b)
	} else {
		restart(dies)
	}
	switch {
	case err == nil:
	case p.stored:
		id = a.n.Moves()[0].ID
	default:
		id = begin(t, a, b, someSlots)
	}
	moved(t, id, a, b)
	check(t, stop(), a, b)
	custody(t, w)
	cleared(t, a, b)
}

// Nobody knows for a while whether the source's giving is in its journal. Nothing is told
// until that is known, and then it is as it turns out to be.
func TestGiveInDoubt(t *testing.T) {
	for _, stored := range []bool{true, false} {
		t.Run(fmt.Sprint(stored), func(t *testing.T) {
			w, a, b := pair(t)
			fill(t, a, 300)
			var release func(bool, error)
			doubt := func(ops []journal.Op, done bool) bool {
				if !done && release == nil && hasKind(ops, "SlotsGive") {
					release = a.drv.Hang()
				}
				return false
			}
			a.crashes.Store(&doubt)
			id := begin(t, a, b, someSlots)
			until(t, "in doubt", func() bool { n, _ := a.up(); return n.Writer.Refusal(false) != nil }, func() any { return standing([]*shard{a, b}) })
			if n, _ := b.up(); n.Custody().Owns(someSlots[0].First) {
				t.Error("the target owns the slots; want nobody to have told it that")
			}
			release(stored, fault.With(fault.Retryable, errors.New("it is not there")))
			moved(t, id, a, b)
			custody(t, w)
			cleared(t, a, b)
		})
	}
}
