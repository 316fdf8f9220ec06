package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/remote"
	"ledge/replay/wire"
	"ledge/replay/writer"
	"ledge/respd/resp"
)

// errHandingOver is what a client's write gets while the node hands over.
var errHandingOver = fault.With(fault.Refused, resp.Error("TRYAGAIN the node hands over its lead, try again"))

const (
	// catchUpLimit is how long a replica that is to lead may take to come close
	// while writes are still taken, and handLimit for the rest, while they are not.
	catchUpLimit = 10 * time.Second
	handLimit    = time.Second
)

// Switchover has a replica lead, and the node follow it. Writes are refused from
// when the replica has nearly everything until it leads. When it fails the node
// goes on as before; what it has acknowledged is on both.
func (r *Replication) Switchover(ctx context.Context, to string) (admin.Switched, error) {
	waits := false // clients do, for this switchover and no other
	defer func() {
		if waits {
			r.cfg.Clients.AwaitOwner(0)
		}
	}()
	s, err := r.handOver(ctx, to, func() {
		waits = true
		r.cfg.Clients.AwaitOwner(ownerLimit)
	})
	if err != nil {
		return s, err
	}
	defer awaitLeader(ctx, r.cfg.Views)
	// The node waits until it has what the new leader writes as it begins to lead.
	ctx, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	for !r.feed.Wait(ctx, journal.Seq(s.Number), r.feed.Woken(), takeLimit) {
		if ctx.Err() != nil {
			r.cfg.Logger.Warn("the lead is handed over, and nothing is heard yet of who leads", "to", to, "waited", takeLimit)
			break
		}
	}
	return s, nil
}

// takeLimit is how long a node that has handed over waits for the new leader to take
// writes. It leads all the same: nobody else may.
const takeLimit = 10 * time.Second

// handOver has a replica lead, and this node follow it. In a cluster wait has clients wait
// until they can be told where to go.
func (r *Replication) handOver(ctx context.Context, to string, wait func()) (admin.Switched, error) {
	leader := r.leader.Load()
	if leader == nil {
		return admin.Switched{}, writer.ErrStopped
	}
	if err := leads(ctx, r); err != nil { // before it is looked for replicas, as below
		return admin.Switched{}, err
	}
	near, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	if err := leader.Near(near, to); err != nil {
		return admin.Switched{}, stillLeads(err)
	}
	if err := r.awaitTurn(ctx); err != nil {
		return admin.Switched{}, err
	}
	defer r.mu.Unlock()
	switch {
	case r.ctx == nil:
		return admin.Switched{}, writer.ErrStopped
	case r.url != "":
		return admin.Switched{}, errFollows(r.url)
	}
	began := r.cfg.Clock()
	if err := inDoubt(r.cfg.Writer); err != nil {
		return admin.Switched{}, fmt.Errorf("switchover: %w", err)
	}
	quiet, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	if r.cfg.Views != nil {
		wait()
	}
	sink, err := r.cfg.Writer.Follow(quiet, errHandingOver)
	if err != nil {
		return admin.Switched{}, fmt.Errorf("switchover: %w", err)
	}
	last := r.cfg.State.Pos().Seq
	hand, cancel := context.WithTimeout(ctx, handLimit)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)() // a node that stops takes its offer back
	at, _, err := leader.Offer(hand, to, last)
	if err != nil {
		sink.Cancel()
		return admin.Switched{}, stillLeads(err)
	}
	sink.Refuse(errReadOnly)
	r.url, r.sink = at, sink
	r.launchLocked()
	r.dismiss()
	r.cfg.Clients.Demote(errReadOnly)
	took := r.cfg.Clock().Sub(began)
	r.cfg.Logger.Warn("the lead is handed over", "to", to, "at", at, "number", uint64(last), "took", took)
	r.cfg.Turned(at)
	return admin.Switched{Node: to, Leader: at, Number: uint64(last), Took: float64(took.Microseconds()) / 1000}, nil
}

// ownerLimit is how long clients of a cluster wait at most while its leader changes.
const ownerLimit = 3 * time.Second

// awaitLeader waits until it is known who leads the node's shard in its cluster, as long
// as clients wait for that.
func awaitLeader(ctx context.Context, views wire.Views) {
	if views == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, ownerLimit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for views.Leaderless() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// leads returns nil for a node that leads. Others hear that one does before it says so
// itself, by its first entry: a node whose turn is under way is waited for.
func leads(ctx context.Context, r *Replication) error {
	if r.shown.Load().url == "" {
		return nil
	}
	if err := r.awaitTurn(ctx); err != nil {
		return err
	}
	defer r.mu.Unlock()
	if r.url == "" {
		return nil
	}
	return errFollows(r.url)
}

// errFollows refuses a switchover of a node that has no lead to hand over.
func errFollows(url string) error {
	return fault.With(fault.Refused, fmt.Errorf("switchover: the node follows %s, and has no lead to hand over: "+
		"ask that node, or if it is gone for good have this one lead with ledge promote", url))
}

// stillLeads says what holds after a switchover that has not worked.
func stillLeads(err error) error {
	return fmt.Errorf("switchover: %w; this node still leads", err)
}

// takeOver makes the node lead when its leader has handed over.
func (r *Replication) takeOver(link *remote.Follower) {
	_ = r.mu.Lock(context.Background()) // however long it takes
	defer r.mu.Unlock()
	if r.ctx == nil || r.link != link {
		return // somebody has said something else meanwhile
	}
	// Clients that are sent here come as soon as the node leads, or a moment before.
	r.cfg.Clients.AwaitOwner(ownerLimit)
	defer r.cfg.Clients.AwaitOwner(0)
	_ = r.haltLocked() // it has ended
	switch err := r.leadLocked(r.ctx); {
	case errors.Is(err, writer.ErrLeadInDoubt):
		r.cfg.Logger.Error("the leader has handed over, and the disk does not say whether the node leads", "cause", err)
	case err != nil:
		r.cfg.Logger.Error("the leader has handed over, and the node can't lead", "cause", err)
	}
}
