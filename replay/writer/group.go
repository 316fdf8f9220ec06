package writer

import (
	"context"
	"errors"
	"time"

	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/events"
)

// ErrInternal answers what a bug of this program has kept from being evaluated.
// Nothing of it has changed anything.
var ErrInternal = fault.With(fault.Refused,
	errors.New("ERR internal error: nothing was changed; the node's log says more"))

// group takes proposals through the journal, in as many batches as their size
// asks for. It returns only a Fatal error: any other is for the proposals alone.
//
// A proposal that is in the middle of its commands when the draft is full is told
// the outcome so far, and goes on with the next batch.
func (w *Writer) group(ctx context.Context, ps []replay.Proposal) error {
	for len(ps) > 0 {
		finished, open, err := w.evaluate(ps)
		if err == nil {
			err = w.commitDrafted(ctx)
		}
		if d := doubtIn(err); d != nil {
			ps = w.leaveInDoubt(d, ps, finished, open)
			continue
		}
		if err == nil {
			w.announce(w.drafted)
		}
		for _, p := range ps[:finished] {
			p.Settle(err)
			p.Done()
		}
		for _, p := range w.drafted.Joined() {
			p.Settle(err)
			p.Done()
		}
		ps = ps[finished:]
		if open {
			ps[0].Settle(err)
		}
		if fault.Of(err) == fault.Fatal {
			for _, p := range ps {
				p.Settle(err)
				p.Done()
			}
			return err
		}
	}
	return nil
}

// announce tells what the commands of a group did. It comes after Apply, since
// subscribers may read what they hear of, and before the clients are answered.
func (w *Writer) announce(g *replay.Group) {
	if events := g.Events(); len(events) > 0 && w.cfg.Events != nil {
		w.cfg.Events(events)
	}
}

// evaluate steps proposals on one draft until it is full. It returns how many
// are finished, and whether the next has been begun. An error is what all of them
// are told: the last has panicked, and the draft is dropped as a whole. They get
// ErrInternal, and the log has the panic.
func (w *Writer) evaluate(ps []replay.Proposal) (finished int, open bool, err error) {
	var wanted events.Class
	if w.cfg.Wanted != nil {
		wanted = w.cfg.Wanted()
	}
	finished, open, err = w.drafted.Evaluate(w.cfg.Clock(), wanted, ps)
	if err == nil || fault.Of(err) == fault.Fatal {
		return finished, open, err
	}
	if p := (*fault.Panic)(nil); errors.As(err, &p) {
		w.voided(p)
	}
	return finished, open, ErrInternal
}

// voided logs that a draft was dropped, with a stack, but only now and then: a client
// that can make a command panic can do so a thousand times a second.
func (w *Writer) voided(p *fault.Panic) {
	w.voids++
	if now := w.cfg.Clock(); now.Sub(w.voidSaid) >= voidEvery {
		w.voidSaid = now
		w.cfg.Logger.Error("a group of writes is refused: one of them panicked",
			"cause", p, "groups", w.voids, "stack", string(p.Stack))
	}
}

// voidEvery is how often that is logged at most.
const voidEvery = 10 * time.Second
