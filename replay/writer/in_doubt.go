package writer

import (
	"errors"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// An append is in doubt when the disk has not answered in time: it may be stored yet,
// or not. That may last for as long as the disk likes. The right to append stays
// with what is in doubt, so nothing can be written after it. Clients whose writes
// are in it wait for the outcome, up to DoubtWait; all that only reads is served, and
// other writes are refused with the cause. When the disk answers, Run learns the
// outcome and applies what is stored, whoever began the append.

// ErrUnknown answers a client whose write is still in doubt when it can't wait any
// longer. Its class is Fatal because no answer would be right; the node goes on.
var ErrUnknown = errors.New("whether the write is stored is not known yet")

// ErrLeadInDoubt is that a node leads, but can't write before its disk answers.
var ErrLeadInDoubt = fault.With(fault.Retryable,
	errors.New("the node leads, and takes writes as soon as its disk answers"))

// pending is what waits for a doubt to be settled, with the right to append.
type pending struct {
	doubt *journal.Doubt
	// group is what was drafted for it; nil if it is not a group's.
	group *replay.Group
	// after is told the outcome, when what is stored is applied. It may be nil.
	after func(error)
	// late is called when those who wait have waited long enough. It may be nil.
	late  func()
	timer *time.Timer // for late; belongs to Run

	// owner says whether whoever began it waits, and gets the right back.
	owner atomic.Int32
	done  chan struct{} // closed when err is set
	err   error
}

// giveUp says that those who wait have waited long enough.
func (p *pending) giveUp() {
	if p.late != nil {
		p.late()
	}
}

// The values of owner. Whoever began it turns Waits into Gone when it stops waiting;
// Run turns Waits into Back when there is an outcome. The first of the two decides
// who has the right to append afterwards.
const (
	ownerGone int32 = iota
	ownerWaits
	ownerBack
)

// doubtIn returns the doubt that err is, or nil.
func doubtIn(err error) *journal.Doubt {
	if err == nil { // as for nearly all, which then needs no memory
		return nil
	}
	var d *journal.Doubt
	errors.As(err, &d)
	return d
}

// leaveToRun hands what is in doubt to Run, with the caller's right to append.
func (w *Writer) leaveToRun(p *pending) {
	p.done = make(chan struct{})
	w.health.doubt(p.doubt)
	w.pendings <- p // has room: there is one right to append
}

// resolve learns how p, which is settled, has ended, applies what is stored, and lets
// go of the right to append unless whoever began it waits for that. What suspends the
// journal is told to those concerned; only a Fatal error is returned.
func (w *Writer) resolve(p *pending) error {
	if p.timer != nil {
		p.timer.Stop()
	}
	cs, err := w.cfg.Log.Settle(p.doubt)
	if n := len(cs); n > 0 {
		if applied := w.applyLate(cs, p.group); applied != nil {
			err = applied
		}
	}
	err = w.health.settled(err)
	if p.after != nil {
		p.after(err)
	}
	p.err = err
	if !p.owner.CompareAndSwap(ownerWaits, ownerBack) {
		w.appending.Unlock()
	}
	close(p.done)
	if fault.Of(err) == fault.Fatal {
		return err
	}
	return nil
}

// applyLate applies what turned out to be stored: a group's batch, or what others
// have appended.
func (w *Writer) applyLate(cs []journal.Committed, g *replay.Group) error {
	b := cs[len(cs)-1].Batch()
	w.epoch, w.last = b.Epoch, lastBatch{b.Epoch, b.Prev}
	if g != nil {
		return g.Apply(cs[0])
	}
	return w.cfg.State.Apply(cs...)
}

// undecided is a group whose append is in doubt.
type undecided struct {
	w     *Writer
	group *replay.Group
	ps    []replay.Proposal // finished
	open  replay.Proposal   // begun; nil if none is
}

// leaveInDoubt leaves a group to Run until its append is settled. It returns the proposals
// that were not begun.
func (w *Writer) leaveInDoubt(d *journal.Doubt, ps []replay.Proposal, finished int, open bool) (rest []replay.Proposal) {
	g := &undecided{w: w, group: w.drafted}
	g.ps = append(append(g.ps, ps[:finished]...), w.drafted.Joined()...)
	if rest = ps[finished:]; open {
		g.open, rest = rest[0], rest[1:]
	}
	w.drafted = w.cfg.State.NewGroup(w.cfg.MaxValue) // for reads; the other is kept, to be applied
	w.leaveToRun(&pending{doubt: d, group: g.group, after: g.decide, late: g.giveUp})
	return rest
}

// decide answers those who still wait. The one that was begun goes on, before all
// that has queued up since. The group's draft is used again once it is applied.
func (g *undecided) decide(err error) {
	w := g.w
	if err == nil {
		w.announce(g.group)
		w.drafted = g.group
	}
	open := g.open
	g.open = nil
	g.answer(err)
	if open == nil {
		return
	}
	open.Settle(err)
	if fault.Of(err) != fault.Fatal && w.requeue(open) {
		return
	}
	open.Done()
}

// giveUp tells all who wait that it is not known what became of their writes. The
// group itself stays in doubt, and decide will find nobody to tell.
func (g *undecided) giveUp() {
	if g.open != nil {
		g.ps, g.open = append(g.ps, g.open), nil
	}
	if n := len(g.ps); n > 0 {
		g.w.cfg.Logger.Warn("clients are let go; whether their writes are stored is not known yet", "clients", n)
	}
	g.answer(ErrUnknown)
}

// answer tells those who are finished the outcome, once.
func (g *undecided) answer(err error) {
	for _, p := range g.ps {
		p.Settle(err)
		p.Done()
	}
	g.ps = nil
}
