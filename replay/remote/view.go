package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/fault"
	"ledge/replay/wire"
)

// A replica and its leader that are in a cluster tell each other, each second, what they
// have heard of its nodes.

// sameMode refuses a replica that would serve what its leader's cluster gives to others,
// and one that would send its clients away though its leader serves all slots.
func sameMode(leader, replica bool) error {
	switch {
	case leader == replica:
		return nil
	case leader:
		return fault.With(fault.Operator, errors.New("the leader is one of a cluster: start the replica with --cluster yes"))
	}
	return fault.With(fault.Operator, errors.New("the leader is in no cluster: start the replica without --cluster yes"))
}

// view answers a replica's part of an exchange with the leader's.
func (l *Leader) view(m *nats.Msg) error {
	var q wire.View
	if err := wire.DecodeUpTo(m, &q, wire.MaxViewJSON); err != nil {
		return err
	}
	vs := l.cfg.Views
	if vs == nil {
		return fault.With(fault.Operator, errors.New("the leader is in no cluster"))
	}
	reached := ""
	if err := l.with(q.ID, func(f *follower) error {
		reached, _, _ = net.SplitHostPort(f.Redis)
		return nil
	}); err != nil {
		return err
	}
	if err := q.Merge(vs, reached); err != nil {
		return err
	}
	return l.replyJSON(m, wire.ViewOf(vs, q.Stamps()))
}

// exchange tells the leader what it lacks of the cluster's nodes, and learns what we lack.
// It returns what the leader has then.
func (f *Follower) exchange(ctx context.Context, c *conn, lacking map[string]uint64) (map[string]uint64, error) {
	vs := f.cfg.Views
	q := wire.ViewOf(vs, lacking)
	q.ID = c.id
	m, err := c.call(ctx, subjectView, q, f.cfg.Timeouts().Fetch)
	if err != nil {
		return nil, fmt.Errorf("exchange views: %w", err)
	}
	var r wire.View
	if err := wire.DecodeUpTo(m, &r, wire.MaxViewJSON); err != nil {
		return nil, err
	}
	if err := r.Merge(vs, c.Host); err != nil {
		return nil, err
	}
	return r.Stamps(), nil
}

// askLeaderEvery is how often a replica asks while it doesn't know who leads its shard, as
// clients wait for that, and askLeaderFor for how long: where nobody leads, as in a chain
// whose head follows somebody else, it is known no sooner by asking more.
const (
	askLeaderEvery = 20 * time.Millisecond
	askLeaderFor   = 3 * time.Second
)

// isClosed reports whether a channel is.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// keepExchanging has the two nodes tell each other what they have heard of the cluster's
// nodes, each second, until end is called.
func (f *Follower) keepExchanging(ctx context.Context, c *conn) (end func()) {
	if f.cfg.Views == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() {
		var leader map[string]uint64 // what it has, nil before it has said so
		var eager time.Duration      // for how long it has been asked more often
		for {
			every := tellEvery
			switch {
			case !f.cfg.Views.Leaderless():
				eager = 0
			case eager < askLeaderFor:
				every = askLeaderEvery
				eager += every
			}
			tick := time.NewTimer(every)
			has, err := f.exchange(ctx, c, leader)
			if err != nil {
				f.cfg.Logger.Debug("what is known of the cluster is not exchanged", "cause", err)
			}
			leader = has
			select {
			case <-tick.C:
			case <-c.Gone:
			case <-ctx.Done():
			}
			if tick.Stop(); ctx.Err() != nil || isClosed(c.Gone) {
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}
