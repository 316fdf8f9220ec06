package writer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// What is in doubt, because the disk has not answered, may stay so for as long as it
// likes. The right to append stays with it, so nothing is written behind it; clients
// whose writes are in it go on waiting, for DoubtWait, while all that only reads is
// served and other writes are refused with the cause. Run takes the outcome in when
// the disk answers, whoever began what was in doubt.

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

const (
	ownerGone int32 = iota
	ownerWaits
	ownerBack
)

// doubtIn returns the doubt that err is, or nil.
func doubtIn(err error) *journal.Doubt {
	var d *journal.Doubt
	errors.As(err, &d)
	return d
}

// putOff hands what is in doubt to Run, with the caller's right to append.
func (w *Writer) putOff(p *pending) {
	p.done = make(chan struct{})
	w.health.doubt(p.doubt)
	w.pendings <- p // has room: there is one right to append
}

// resolve takes the outcome of p in, which is settled.
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
		w.appending.unlock()
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

// tenure is the right to append, of somebody who gives it back with release unless
// it went to something that is in doubt.
type tenure struct {
	w    *Writer
	gone bool
}

// hold waits for the right to append.
func (w *Writer) hold(ctx context.Context) (*tenure, error) {
	if err := w.appending.lock(ctx); err != nil {
		if s := w.health.Suspension(); s != nil && s.InDoubt {
			return nil, s
		}
		return nil, fault.With(fault.Retryable, fmt.Errorf("the journal is busy: %w", err))
	}
	return &tenure{w: w}, nil
}

func (t *tenure) release() {
	if !t.gone {
		t.w.appending.unlock()
	}
}

// leave hands what is in doubt to Run. Nobody waits for it.
func (t *tenure) leave(d *journal.Doubt, after func(error)) {
	t.gone = true
	t.w.putOff(&pending{doubt: d, after: after})
}

// sitOut waits until d is settled and returns how. When ctx ends first it leaves
// what is in doubt to Run.
func (t *tenure) sitOut(ctx context.Context, d *journal.Doubt) error {
	p := &pending{doubt: d}
	p.owner.Store(ownerWaits)
	t.w.putOff(p)
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	if !p.owner.CompareAndSwap(ownerWaits, ownerGone) {
		<-p.done // it is about to be
		return p.err
	}
	t.gone = true
	return fault.With(fault.Retryable, errors.New(d.Error()))
}

// undecided is a group whose append is in doubt.
type undecided struct {
	w     *Writer
	group *replay.Group
	ps    []replay.Proposal // finished
	open  replay.Proposal   // begun; nil if none is
}

// await leaves a group to Run until its append is settled. It returns the proposals
// that were not begun.
func (w *Writer) await(d *journal.Doubt, ps []replay.Proposal, finished int, open bool) (rest []replay.Proposal) {
	g := &undecided{w: w, group: w.drafted}
	g.ps = append(append(g.ps, ps[:finished]...), w.drafted.Joined()...)
	if rest = ps[finished:]; open {
		g.open, rest = rest[0], rest[1:]
	}
	w.drafted = w.cfg.State.NewGroup(w.cfg.MaxValue) // for reads meanwhile
	w.putOff(&pending{doubt: d, group: g.group, after: g.decide, late: g.giveUp})
	return rest
}

// decide answers those who still wait. The one that was begun goes on.
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
	if fault.Of(err) != fault.Fatal && w.again(open) {
		return
	}
	open.Done()
}

// giveUp tells all who wait that it is not known what became of their writes.
func (g *undecided) giveUp() {
	if g.open != nil {
		g.ps, g.open = append(g.ps, g.open), nil
	}
	if n := len(g.ps); n > 0 {
		g.w.cfg.Logger.Warn("clients are let go; whether their writes are stored is not known yet", "clients", n)
	}
	g.answer(ErrUnknown)
}

func (g *undecided) answer(err error) {
	for _, p := range g.ps {
		p.Settle(err)
		p.Done()
	}
	g.ps = nil
}

// again queues a proposal that has been begun before all others, unless the writer
// has ended.
func (w *Writer) again(p replay.Proposal) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.queue = append([]replay.Proposal{p}, w.queue...)
	}
	return !w.ended
}

// turn is a mutex that can be waited for with a context, and handed on.
type turn chan struct{}

func (t turn) tryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) lock(ctx context.Context) error {
	if t.tryLock() {
		return nil
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) unlock() { <-t }
