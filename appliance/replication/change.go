package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/appliance/options"
	"ledge/journal/fault"
	"ledge/replay/remote"
	"ledge/replay/writer"
)

// changeLimit bounds how long a change of who leads waits for what is under way at
// the journal.
const changeLimit = 15 * time.Second

// inDoubt refuses a change of who leads while the disk does not answer: it would
// have to be written down there.
func inDoubt(w *writer.Writer) error {
	if s := w.Health().Suspension(); s != nil && s.InDoubt {
		return fmt.Errorf("who leads can't change before the disk answers: %w", s)
	}
	return nil
}

// Follow makes the node follow the leader with that NATS address from now on.
// What it has to write is refused before Follow returns.
func (r *Replication) Follow(ctx context.Context, addr string) error {
	leader, err := options.LeaderURL(addr)
	if err != nil {
		return fault.With(fault.Refused, fmt.Errorf("ERR leader %q: %w", options.ShownURL(addr), err))
	}
	if err := remote.Probe(ctx, leader); err != nil {
		return err
	}
	if err := r.awaitTurn(ctx); err != nil {
		return err
	}
	defer r.mu.Unlock()
	if r.ctx == nil {
		return writer.ErrStopped
	}
	if sameHost(leader, r.cfg.Broker.URL()) {
		return fault.With(fault.Refused, errors.New("ERR a node can't follow itself"))
	}
	if err := inDoubt(r.cfg.Writer); err != nil {
		return err
	}
	if _, err := r.cfg.Settings.LeaderPassword(leader); err != nil { // before anything is given up for it
		return fault.As(fault.Operator, "follow", err)
	}
	sink := r.sink
	if sink == nil {
		ctx, cancel := context.WithTimeout(ctx, changeLimit)
		defer cancel()
		if sink, err = r.cfg.Writer.Follow(ctx, errReadOnly); err != nil {
			return err
		}
	}
	err = r.haltLocked()
	if err == nil {
		err = r.cfg.Directory.Follow(leader)
	}
	if err != nil {
		if r.sink == nil {
			sink.Cancel()
		} else if r.link == nil {
			r.launchLocked() // as before
		}
		return err
	}
	r.url, r.diverged, r.sink = leader, nil, sink
	r.launchLocked()
	r.dismiss()
	r.cfg.Clients.Demote(errReadOnly)
	r.cfg.Logger.Warn("now following", "leader", leader)
	r.cfg.Turned(leader)
	return nil
}

// Promote makes the node lead. What it has applied is all that it has: it raises
// the epoch by one entry after that. When that fails it goes on as before. When the
// disk does not say whether it has it leads, without writes until that is known, and
// that is the error.
func (r *Replication) Promote(ctx context.Context) error {
	if err := r.awaitTurn(ctx); err != nil {
		return err
	}
	defer r.mu.Unlock()
	switch {
	case r.ctx == nil:
		return writer.ErrStopped
	case r.url == "":
		return nil
	case r.cfg.State.Pos().Seq == 0:
		return fault.With(fault.Refused, errors.New("ERR the node has never been in step with a leader"))
	}
	if err := inDoubt(r.cfg.Writer); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	if err := r.haltLocked(); err != nil {
		return fmt.Errorf("promote: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	return r.leadLocked(ctx)
}

// leadLocked makes the node lead, which follows nobody at the moment. When that
// fails it goes on following.
func (r *Replication) leadLocked(ctx context.Context) error {
	r.dismiss() // before a write is taken that counts on them
	r.cfg.Clients.Judge()
	err := r.cfg.Directory.Lead() // first, since an entry of our own can't be taken back
	if err == nil {
		err = r.cfg.Writer.Lead(ctx)
		if err != nil && !errors.Is(err, writer.ErrLeadInDoubt) {
			err = errors.Join(err, r.cfg.Directory.Follow(r.url))
		}
	}
	if err != nil && !errors.Is(err, writer.ErrLeadInDoubt) {
		r.launchLocked() // the writer refuses what clients write, as before
		r.cfg.Clients.Demote(errReadOnly)
		return fmt.Errorf("promote: %w", err)
	}
	r.cfg.Logger.Warn("now leading", "number", uint64(r.cfg.State.Pos().Seq), "epoch", r.cfg.State.Epoch(), "followed", r.url)
	r.url, r.sink = "", nil
	r.showLocked()
	r.cfg.Clients.Judge() // nothing is refused any more for what a follower lacks
	r.cfg.Turned("")
	return err
}
