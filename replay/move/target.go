package move

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// The target's side of a move.

// The pause between attempts grows from the least to the most.
const (
	retryLeast = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// offered answers a source that has begun a move.
func (m *Mover) offered(q offer) (stands, error) {
	if !m.cfg.Leads() {
		return stands{}, errFollows
	}
	id := journal.MoveID(q.Move)
	of, known := m.find(id)
	switch {
	case known && of.Side != journal.Target:
		return stands{}, fault.With(fault.Refused, errors.New("the move has its source here"))
	case known && !(of.Over() && of.Cause != "" && q.Given):
		m.nudge(id)
		return stands{Phase: phaseText(of.Phase), Cause: clipped(of.Cause)}, nil
	case string(q.Cluster) != m.cfg.State.Custody().Cluster:
		return stands{}, fault.With(fault.Refused, fmt.Errorf("the source is in cluster %s, this shard in %q", q.Cluster, m.cfg.State.Custody().Cluster))
	case !q.Given && m.behind(q.Slots):
		return stands{}, errBehind
	case !q.Given:
		if err := m.cfg.Room(); err != nil {
			return stands{}, fault.Instead(fault.Retryable, err)
		}
	}
	if !m.tidying.TryRLock() {
		return stands{}, errTidying
	}
	defer m.tidying.RUnlock()
	begin, op := m.beginOne, &journal.MoveBegin{ID: id, Side: journal.Target, Ranges: q.Slots, Shard: journal.Lineage(q.Shard)}
	if q.Given { // nobody else can take it
		begin = func(ctx context.Context, op *journal.MoveBegin) error { return m.moving(ctx, op) }
	}
	err := begin(m.ctx, op)
	if err != nil {
		if m.meets(q.Slots) { // that ends by itself
			err = fault.Instead(fault.Retryable, fmt.Errorf("another move of the slots is not over yet: %w", err))
		}
		return stands{}, err
	}
	m.cfg.Logger.Info("move of slots begun", "move", id, "slots", journal.SlotsText(q.Slots), "from", journal.Lineage(q.Shard))
	m.changed(id)
	m.Wake()
	return stands{Phase: phaseText(cluster.Copying)}, nil
}

// errBehind has a source offer a move again.
var errBehind = fault.With(fault.Retryable, errors.New("the newest document that the target has gives the slots to the target: it, or the source, lacks the one after that"))

// behind reports whether a controller's document gives some of the slots to this shard, which
// another one is to move here: one of the two has not got the newest.
func (m *Mover) behind(ranges []journal.SlotRange) bool {
	t := m.cfg.State.Custody().Topology
	if t == nil {
		return false
	}
	_, any := t.Documents(ranges)
	return any
}

// meets reports whether a move is under way of some of the slots.
func (m *Mover) meets(ranges []journal.SlotRange) bool {
	for _, of := range m.cfg.State.Moves() {
		if !of.Over() && of.Meets(ranges) {
			return true
		}
	}
	return false
}

// copy does the target's part in a move.
func (m *Mover) copy(ctx context.Context, id journal.MoveID, w *worker) {
	pause, holds, waits := retryLeast, 0, ""
	for ctx.Err() == nil {
		of, ok := m.find(id)
		if !ok || of.Over() {
			return
		}
		t := &target{m: m, of: of, w: w, near: nearAfter(holds), waits: waits}
		err := t.attempt(ctx)
		waits = t.waits
		m.note(id, func(p *Progress) { p.Cause = cause(err) })
		if err == nil {
			pause = retryLeast
			continue
		}
		if t.held { // the hold has run out
			holds++
		} else if t.came > 0 && !errors.Is(err, errAgain) { // it has come further
			pause = retryLeast
		}
		m.cfg.Logger.Debug("move of slots goes on later", "move", id, "cause", err)
		w.wait(ctx, pause-pause/5+rand.N(2*pause/5+1))
		pause = min(2*pause, retryMost)
	}
}

// target is one attempt to go on with a move.
type target struct {
	m       *Mover
	of      cluster.Move // as the journal had it when the attempt began; Cursor and At as it has them
	w       *worker
	session uint64
	lineage journal.Lineage // of the source's journal
	give    given           // what the source has given; no epoch is nothing yet

	piece  uint64           // the number of the last piece that was taken in
	at     cluster.Position // that the target has come to
	cursor uint64
	last   journal.Seq // of the source's journal
	came   int         // pieces that were taken in
	kept   time.Time   // when the position was journaled last
	near   journal.Seq // numbers that may be left when the source is asked to hold the slots
	held   bool        // it has held them
	active bool        // it serves clients, as it said last
	waits  string      // why nothing could be taken in: of the attempt before, until the source is told
	// brought says that the source's function libraries were looked at.
	brought bool
}

// errAgain ends an attempt after which the copy begins anew.
var errAgain = errors.New("the copy begins anew")

// attempt takes a move as far as it goes.
func (t *target) attempt(ctx context.Context) error {
	switch t.of.Phase {
	case cluster.Taken:
		return t.tellTaken(ctx)
	case cluster.Copying, cluster.Ready:
	default:
		return fmt.Errorf("the move is %s", t.of.Phase)
	}
	if err := t.m.clear(ctx, t.of.Ranges, t.of.Cursor); err != nil {
		return err
	}
	ended, err := t.greet(ctx)
	if err != nil || ended {
		return err
	}
	return t.run(ctx)
}

// ask asks the source for something.
func ask(ctx context.Context, t *target, subject string, q any, into wire.Message) error {
	msg, err := t.m.cfg.Call(ctx, t.of.Shard, subject, q)
	if err != nil {
		return err
	}
	t.m.heard(t.of.ID)
	return wire.Decode(msg, into)
}

// greet says hello. It reports whether the source has ended the move, and ends it here.
func (t *target) greet(ctx context.Context) (ended bool, err error) {
	at := t.of.At
	var w welcome
	if err := ask(ctx, t, SubjectHello, hello{Move: wire.Hex(t.of.ID), Cursor: t.of.Cursor, Number: at.Seq, Digest: wire.Hex(at.Digest),
		Epoch: at.Epoch, Most: t.m.cfg.State.MostImport(), Waits: clipped(t.waits)}, &w); err != nil {
		return false, err
	}
	t.waits = ""
	switch {
	case w.Phase == unknown:
		return true, t.giveUp(ctx, "the source does not know the move")
	case w.Phase == phaseText(cluster.Ended) && w.Cause != "":
		return true, t.giveUp(ctx, string(w.Cause))
	case w.Phase == phaseText(cluster.Taken) || w.Phase == phaseText(cluster.Ended):
		return true, t.retake(ctx, w.Give)
	}
	if w.Anew {
		return false, t.anew(ctx)
	}
	t.session, t.lineage, t.give, t.last = uint64(w.Session), journal.Lineage(w.Lineage), w.Give, w.Last
	t.at, t.cursor = at, t.of.Cursor
	return false, nil
}

// giveUp ends a move that its source has ended, and clears what was copied.
func (t *target) giveUp(ctx context.Context, cause string) error {
	if err := t.m.clear(ctx, t.of.Ranges, 0); err != nil {
		return err
	}
	return t.m.over(ctx, t.of, cause)
}

// anew has the copy begin again.
func (t *target) anew(ctx context.Context) error {
	t.m.note(t.of.ID, func(p *Progress) { p.Begins++ })
	if err := t.m.moving(ctx, &journal.MoveAt{ID: t.of.ID}); err != nil {
		return err
	}
	return errAgain
}

// run copies until the slots are the target's.
func (t *target) run(ctx context.Context) error {
	goal := t.give.Number // that the target has to come to; 0 is not known yet
	for {
		if err := t.m.cfg.Room(); err != nil {
			t.waits = err.Error()
			return err
		}
		if err := t.next(ctx); err != nil {
			return err
		}
		all := t.cursor == uint64(journal.MaxPosition)+1
		switch {
		case !all:
		case t.give.Epoch > 0 && t.at.Seq >= t.give.Number:
			return t.take(ctx)
		case goal > 0 && t.at.Seq >= goal:
			done, err := t.settle(ctx, goal)
			if err != nil || done {
				return err
			}
			goal = t.give.Number
		case goal == 0 && t.at.Seq+t.near >= t.last && !t.brought:
			if err := t.bring(ctx); err != nil {
				return err
			}
			t.brought = true
		case goal == 0 && t.at.Seq+t.near >= t.last:
			h := held{}
			if err := ask(ctx, t, SubjectEnd, end{Move: wire.Hex(t.of.ID), Session: wire.Hex(t.session)}, &h); err != nil {
				return err
			}
			goal, t.held = h.Number, true
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// nearNumbers is how many numbers of the source's journal may be left when the source is
// asked to hold the slots: it takes little time to bring them.
const nearNumbers = 256

// nearAfter returns how many numbers may be left after some holds that have run out: after
// each of them half as many.
func nearAfter(holds int) journal.Seq { return nearNumbers >> min(holds, 8) }

// settle says that the target has all up to the goal, at which the source holds the
// slots. It reports whether they were given and taken; if not, because the source does not
// hold them any more, the copy goes on.
func (t *target) settle(ctx context.Context, goal journal.Seq) (done bool, err error) {
	digest, err := t.content()
	if err != nil {
		return false, err
	}
	if err := t.m.moving(ctx, &journal.MoveReady{ID: t.of.ID, Seq: goal, Digest: digest}); err != nil {
		return false, err
	}
	if err := t.m.sync(ctx, "what is ready"); err != nil {
		return false, err
	}
	var v verdict
	err = ask(ctx, t, SubjectReady, ready{Move: wire.Hex(t.of.ID), Number: goal, Digest: wire.Hex(digest)}, &v)
	switch {
	case err != nil:
		return false, err
	case v.Differs:
		t.m.differed()
		t.m.cfg.Logger.Error("the source of a move has other rows than were copied: they are copied again", "move", t.of.ID,
			"number", goal, "digest", digest)
		return false, t.anew(ctx)
	}
	t.give = v.Give
	return true, t.take(ctx)
}

// differed counts a digest that is not the other side's.
func (m *Mover) differed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats.Differed++
}

// content returns the digest of the slots' rows here.
func (t *target) content() (digest journal.Digest, err error) {
	err = t.m.cfg.State.View(t.m.cfg.Clock(), func(v *replay.View) error {
		digest = v.Slots(t.of.Ranges).Digest
		return nil
	})
	return digest, err
}

// take makes the shard the owner of what was given, and tells the source.
func (t *target) take(ctx context.Context) error {
	digest, err := t.content()
	if err != nil {
		return err
	}
	if digest != journal.Digest(t.give.Digest) {
		t.m.differed()
		t.m.cfg.Logger.Error("what the source has given is not what was copied: it is copied again", "move", t.of.ID,
			"number", t.give.Number, "digest", digest, "source", journal.Digest(t.give.Digest))
		return t.anew(ctx)
	}
	if err := t.m.moving(ctx, &journal.SlotsTake{ID: t.of.ID, Epoch: t.give.Epoch}); err != nil {
		return err
	}
	t.m.cfg.Logger.Info("slots taken", "move", t.of.ID, "slots", journal.SlotsText(t.of.Ranges), "epoch", t.give.Epoch)
	t.m.changed(t.of.ID)
	return t.tellTaken(ctx)
}

// tellTaken tells the source that the slots are taken, and ends the move.
func (t *target) tellTaken(ctx context.Context) error {
	if err := t.tellWhen(ctx); err != nil {
		return err
	}
	var s stands
	if err := ask(ctx, t, SubjectTaken, taken{Move: wire.Hex(t.of.ID)}, &s); err != nil {
		return err
	}
	return t.m.over(ctx, t.of, "")
}
