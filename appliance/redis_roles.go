package appliance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/remote"
	"ledge/replay/standing"
)

// How Redis's own tool makes nodes a cluster. It tells each leader which slots it is to have,
// and then has the others meet the first. Slots have one owner from the beginning here: the
// node that is to have slot 0 founds the cluster with all of them, and each other one has its
// slots moved to it once it has joined.

// AddSlots founds a cluster, or keeps in mind which slots the node is to have. That is in
// memory alone: a node that is started again joins without slots.
func (r redisOrders) AddSlots(ctx context.Context, ranges []journal.SlotRange) error {
	switch {
	case r.membership == nil:
		return errNoCluster
	case r.n.state.Custody().Cluster != "":
		return fault.With(fault.Refused, errors.New("the node is in a cluster, and slots come to it by moves alone: ledge cluster move"))
	}
	if err := orders(r).leads("add slots to"); err != nil {
		return err
	}
	if ranges[0].First > 0 {
		r.wishFor(ranges)
		return nil
	}
	_, err := orders(r).found(ctx)
	if err == nil {
		r.wish.Store(nil) // it has all
	}
	return err
}

// wishFor keeps in mind slots that the node is to have, beside those that it was told before:
// tools say them all at once, people and scripts one after the other.
func (r redisOrders) wishFor(ranges []journal.SlotRange) {
	for {
		had, all := r.wish.Load(), cluster.Shard{Slots: cluster.With(nil, ranges, 1)}
		if had != nil {
			all.Slots = cluster.With(all.Slots, *had, 1)
		}
		if list := all.Ranges(); r.wish.CompareAndSwap(had, &list) {
			return
		}
	}
}

// fetchWish has the slots moved to the node that it is to have, now that it has joined a
// cluster.
func (r redisOrders) fetchWish(ctx context.Context) error {
	wish := r.wish.Swap(nil)
	if wish == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, moveWait)
	defer cancel()
	m := orders(r)
	self := r.Map().Self
	began, err := admin.Move{}, errors.New("nobody is known to own them")
	for begun := false; !begun; { // until it is heard who has them, and the two are connected
		if r.Map().Owner((*wish)[0].First) != nil {
			began, err = m.move(ctx, journal.SlotsText(*wish), self)
		}
		if begun = err == nil || fault.Of(err) == fault.Refused && r.Map().Assigned() > 0; !begun && !pause(ctx) {
			break
		}
	}
	for err == nil {
		if all, _, _ := r.n.state.Custody().OwnsAll(*wish); all {
			return nil
		}
		for _, mv := range m.moves() {
			if mv.ID == began.ID && mv.Phase == "ended" && mv.Cause != "" {
				err = errors.New(mv.Cause)
			}
		}
		if err == nil && !pause(ctx) {
			err = ctx.Err()
		}
	}
	return fmt.Errorf("the node has joined, but has not got slots %s: %w", journal.SlotsText(*wish), err)
}

// replicateWait bounds how long it is waited until a replica hears its leader.
const replicateWait = 10 * time.Second

// Replicate makes the node a replica of one that leads a shard of the cluster. If it leads
// one itself, which has nothing, that leaves the cluster first: the node's journal becomes
// the leader's.
func (r redisOrders) Replicate(ctx context.Context, node string) error {
	if r.membership == nil {
		return errNoCluster
	}
	at := r.natsOf(node)
	if at == "" {
		return fault.With(fault.Refused, fmt.Errorf("node %.64s has not said where its NATS listener is", node))
	}
	if r.n.repl.Link().State != standing.LinkNone {
		if shard, _ := r.Map().Find(node); shard != &r.Map().Shards[0] {
			return fault.With(fault.Refused, errors.New("the node is a replica of another shard, and has its data: stop it, empty its directory, and start it with --follow"))
		}
		return r.n.repl.Follow(ctx, at)
	}
	if err := r.mayReplicate(ctx, at); err != nil {
		return err
	}
	if _, err := orders(r).leave(ctx); err != nil {
		return err
	}
	if err := r.n.repl.Follow(ctx, at); err != nil {
		_, back := orders(r).join(ctx, at)
		return errors.Join(err, back)
	}
	return r.awaitLeader(ctx)
}

// natsOf returns the URL at which a node is reached by others.
func (r redisOrders) natsOf(node string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.view.Records() {
		if rec.ID == node {
			return rec.NATS
		}
	}
	return ""
}

// mayReplicate returns what is in the way of following a leader, before anything is given up
// for it.
func (r redisOrders) mayReplicate(ctx context.Context, at string) error {
	functions := 0
	err := r.n.state.View(r.n.cfg.Clock(), func(v *replay.View) error { functions = len(v.Functions().Keys()); return nil })
	switch {
	case err != nil:
		return err
	case functions > 0:
		return fault.With(fault.Refused, errors.New("the node has functions, which the leader need not have: FUNCTION FLUSH removes them"))
	}
	if _, err := (live{r.n}).LeaderPassword(at); err != nil {
		return err
	}
	return remote.Probe(ctx, at)
}

// awaitLeader waits until the node hears its leader, or has failed to once.
func (r redisOrders) awaitLeader(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, replicateWait)
	defer cancel()
	for {
		switch l := r.n.repl.Link(); {
		case l.State == standing.LinkStreaming && r.Map().Cluster != "":
			return nil
		case l.Err != nil:
			return fmt.Errorf("the node follows it from now on, but does not hear it yet: %w", l.Err)
		case !pause(ctx):
			return nil // it goes on: INFO replication says how
		}
	}
}

// Reset has the node's shard, which owns nothing, leave its cluster.
func (r redisOrders) Reset(ctx context.Context) error {
	if r.membership == nil {
		return errNoCluster
	}
	r.wish.Store(nil)
	if r.n.state.Custody().Cluster == "" {
		return orders(r).leads("reset")
	}
	_, err := orders(r).leave(ctx)
	return err
}
