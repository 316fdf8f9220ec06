package writer

import (
	"context"
	"errors"

	"ledge/journal/fault"
	"ledge/replay"
)

// ErrBusy refuses a proposal because the writer's queue is full.
var ErrBusy = fault.With(fault.Refused,
	errors.New("TRYAGAIN the write queue is full, try again later"))

// ErrStopped answers a proposal when the writer has ended.
var ErrStopped = fault.With(fault.Operator, errors.New("the node is stopping"))

// Submit queues proposals, all or none, and returns at once. Each will be answered
// through its methods, on Run's goroutine, unless Submit returns an error: ErrBusy
// if that many don't fit the queue, ErrStopped once Run has ended.
func (w *Writer) Submit(ps ...replay.Proposal) error {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return ErrStopped
	}
	if len(w.queue)+len(ps) > w.cfg.Queue {
		w.mu.Unlock()
		return ErrBusy
	}
	w.queue = append(w.queue, ps...)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// Propose submits p and waits until it is done or ctx ends. In the second case
// p may still be carried out.
func (w *Writer) Propose(ctx context.Context, p replay.Proposal) error {
	done := make(chan struct{})
	if err := w.Submit(&waited{p, done}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waited is a proposal with somebody who waits until it is done.
type waited struct {
	replay.Proposal
	done chan struct{}
}

func (p *waited) Done() {
	p.Proposal.Done()
	close(p.done)
}

// gather returns all that is queued, in order, and leaves an empty queue in its
// place: the one that the group before has been through, so that neither grows anew.
func (w *Writer) gather() []replay.Proposal {
	w.mu.Lock()
	defer w.mu.Unlock()
	ps := w.queue
	w.queue = w.spare
	w.spare = nil
	return ps
}

// requeue puts a proposal that has been begun at the head of the queue, whatever
// that holds, and reports whether it will be stepped: not when the writer has ended.
func (w *Writer) requeue(p replay.Proposal) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.queue = append([]replay.Proposal{p}, w.queue...)
	}
	return !w.ended
}

// end refuses what is queued and what comes later, with the cause if there is one,
// else with ErrStopped.
func (w *Writer) end(cause error) {
	w.mu.Lock()
	w.ended = true
	ps := w.queue
	w.queue = nil
	w.mu.Unlock()
	if cause == nil {
		cause = ErrStopped
	}
	for _, p := range ps {
		p.Settle(cause)
		p.Done()
	}
}
