package replication

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/journal/turn"
	"ledge/replay/remote"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/resp"
)

// errReadOnly is what a client's write gets on a node that follows another.
var errReadOnly = fault.With(fault.Refused, resp.Error("READONLY You can't write against a read only replica."))

// Replication is a node's part in following and being followed. Any node
// answers replicas, one that follows too: they are chained then. One thing is
// done to it at a time: mu is held while a follower is started or stopped,
// never while one waits for its leader.
//
// New makes it, Start decides who leads, Serve answers replicas, and Run follows.
type Replication struct {
	cfg   Config
	feed  *remote.Feed
	id    string        // of this run, for leaders to know it by
	began chan struct{} // closed when Run begins

	// leader answers replicas; nil while the broker is away. It has no lock: what it
	// is asked for may come to ask how many replicas there are, while it is closed.
	leader atomic.Pointer[remote.Leader]
	untold atomic.Int64 // messages of clients that another node was not told of

	mu       turn.Turn
	ctx      context.Context // of Run; nil before and afterwards
	url      string          // of the leader; "" while the node leads
	sink     *writer.Follower
	link     *remote.Follower // nil while the node leads
	cancel   context.CancelFunc
	done     chan struct{}
	busy     sync.WaitGroup
	shown    atomic.Pointer[following] // for whoever must not wait for mu
	fatal    chan error                // what the node can't go on from
	hurried  func()                    // ends hurry; belongs to the follower
	diverged error                     // why what there is is to be set aside; belongs to the follower
}

// following is whom the node follows.
type following struct {
	url  string           // "" if it leads
	link *remote.Follower // nil if that has not begun
}

// showLocked has Link say what is so.
func (r *Replication) showLocked() { r.shown.Store(&following{r.url, r.link}) }

// New returns the replication of a node whose journal is not open yet. Whoever opens it
// resets the feed to its end.
func New(cfg Config) *Replication {
	r := &Replication{cfg: cfg, id: rand.Text(), began: make(chan struct{}), mu: turn.New(),
		url: cfg.Leader, fatal: make(chan error, 1)}
	r.feed = remote.NewFeed(0, cfg.Read)
	r.showLocked()
	return r
}

// Feed returns the journal's end as replicas see it. Whoever appends tells it.
func (r *Replication) Feed() *remote.Feed { return r.feed }

// Start has the writer lead, or follow the leader with that URL, and writes down which
// it is.
func (r *Replication) Start(ctx context.Context, leader string) (err error) {
	r.url = leader
	r.showLocked()
	if r.url == "" {
		return r.cfg.Writer.Start(ctx)
	}
	if r.sink, err = r.cfg.Writer.Follow(ctx, errReadOnly); err != nil {
		return err
	}
	if err := r.sink.Recall(ctx); err != nil {
		return err
	}
	return r.cfg.Directory.Follow(r.url)
}

// awaitTurn waits for the turn to change who leads, until ctx ends. Before Run nobody
// has it.
func (r *Replication) awaitTurn(ctx context.Context) error {
	select {
	case <-r.began:
		if r.mu.Lock(ctx) == nil {
			return nil
		}
	case <-ctx.Done():
	}
	return fault.With(fault.Retryable, fmt.Errorf("the node is busy with its replication: %w", ctx.Err()))
}

// Hold has nobody change who leads before release.
func (r *Replication) Hold(ctx context.Context) (release func(), err error) {
	if err := r.awaitTurn(ctx); err != nil {
		return nil, err
	}
	return r.mu.Unlock, nil
}

// Serve begins to answer replicas. Serve and Unserve are for one goroutine at a time.
func (r *Replication) Serve() error {
	l, err := remote.Lead(remote.LeaderConfig{Node: r.cfg.Node, ID: r.id, Conn: r.cfg.Broker.Conn(),
		Source: source{r}, Upstream: r.upstream, Views: r.cfg.Views, Heard: r.cfg.Heard, Followed: r.cfg.Followed, Untold: &r.untold, Present: r.cfg.Settings.Present, Clock: r.cfg.Clock, Logger: r.cfg.Logger})
	r.leader.Store(l)
	return fault.As(fault.Operator, "serve replicas", err)
}

// Unserve ends that.
func (r *Replication) Unserve() error {
	if l := r.leader.Swap(nil); l != nil {
		return l.Close()
	}
	return nil
}

// upstream returns the id of the run of the node's own leader, "" for none.
func (r *Replication) upstream() string {
	if f := r.shown.Load(); f != nil && f.link != nil {
		return f.link.LeaderID()
	}
	return ""
}

// dismiss has replicas say hello anew: the node is about to be something else than
// what it was when they did.
func (r *Replication) dismiss() {
	if l := r.leader.Load(); l != nil {
		l.Dismiss()
	}
}

// Run follows, if the node follows, until ctx ends. It returns what the node
// can't go on from. It is called once.
func (r *Replication) Run(ctx context.Context) error {
	_ = r.mu.Lock(context.Background()) // however long it takes
	r.ctx = ctx
	if r.url != "" {
		r.launchLocked()
	}
	close(r.began)
	r.mu.Unlock()
	var err error
	select {
	case err = <-r.fatal:
	case <-ctx.Done():
	}
	_ = r.mu.Lock(context.Background()) // however long it takes
	err = errors.Join(err, r.haltLocked())
	r.ctx = nil
	r.mu.Unlock()
	r.busy.Wait()
	return err
}

// launchLocked starts following the leader at r.url.
func (r *Replication) launchLocked() {
	ctx, cancel := context.WithCancel(r.ctx)
	leader := r.url
	cfg := &r.cfg
	r.link = remote.NewFollower(remote.FollowerConfig{
		Leader: leader, User: cfg.User, Password: func() (string, error) { return cfg.Settings.LeaderPassword(leader) },
		TLS: cfg.TLS, ID: r.id, Node: cfg.Node, Redis: cfg.Settings.Announced, Target: adopter{r}, Resync: cfg.Resync, Views: cfg.Views,
		Heard: Posts{r}.fromLeader(), Untold: &r.untold,
		Reach:    func(local net.Addr) (at, password string, err error) { return reach(cfg.Broker, local) },
		NATS:     func(local net.Addr) string { at, _ := seenAt(cfg.Broker, local); return at },
		Timeouts: cfg.Settings.Timeouts, Notify: cfg.Notify, Clock: cfg.Clock, Logger: cfg.Logger,
	})
	r.cancel, r.done = cancel, make(chan struct{})
	link, done := r.link, r.done
	r.showLocked()
	r.busy.Go(func() {
		err := link.Run(ctx)
		hurry(r, false)
		close(done)
		switch {
		case errors.Is(err, remote.ErrLead):
			r.takeOver(link)
		case err != nil:
			select {
			case r.fatal <- err:
			default:
			}
		default:
			r.relaunch(link)
		}
	})
}

// relaunch follows on when a follower has ended that was told to, and that nobody
// has waited for.
func (r *Replication) relaunch(link *remote.Follower) {
	_ = r.mu.Lock(context.Background()) // however long it takes
	defer r.mu.Unlock()
	if r.ctx != nil && r.link == link {
		r.launchLocked()
	}
}

// hurry gives a replica that has far to go all processors. The follower's
// goroutine calls it.
func hurry(r *Replication, on bool) {
	switch {
	case on && r.hurried == nil:
		r.hurried = r.cfg.Beside()
	case !on && r.hurried != nil:
		r.hurried()
		r.hurried = nil
	}
}

// haltLocked stops the follower and waits for it: it gives up whatever it waits
// for at once. One that hangs with the disk is left to follow on when that answers,
// and is the error.
func (r *Replication) haltLocked() error {
	if r.link == nil {
		return nil
	}
	r.cancel()
	t := time.NewTimer(changeLimit)
	defer t.Stop()
	select {
	case <-r.done:
	case <-t.C:
		return fault.With(fault.Retryable, fmt.Errorf(
			"what the node has been fetching from its leader hangs with the disk for %s", changeLimit))
	}
	r.link = nil
	r.showLocked()
	return nil
}

// Again has a replica that waits for its next attempt to reach its leader make it.
func (r *Replication) Again() {
	if f := r.shown.Load(); f.link != nil {
		f.link.Again()
	}
}

// Link returns how the node stands with its leader.
func (r *Replication) Link() standing.Link {
	switch f := r.shown.Load(); {
	case f.link != nil:
		return f.link.Link()
	case f.url != "":
		return standing.Link{Leader: f.url, State: standing.LinkConnecting, Applied: r.cfg.State.Pos().Seq}
	}
	return standing.Link{}
}

// Syncing returns how far a full sync is that the node is given, and since when; false is
// that there is none.
func (r *Replication) Syncing() (s progress.Seen, began time.Time, ok bool) {
	if f := r.shown.Load(); f.link != nil {
		return f.link.Syncing()
	}
	return s, began, false
}

// Replicas returns the nodes that follow this one.
func (r *Replication) Replicas() []standing.Replica {
	if l := r.leader.Load(); l != nil {
		return l.Replicas()
	}
	return nil
}

// Await waits until so many replicas have come to a number, or ctx ends.
func (r *Replication) Await(ctx context.Context, seq journal.Seq, want int, synced bool) int {
	if l := r.leader.Load(); l != nil {
		return l.Await(ctx, seq, want, synced)
	}
	return 0
}

// Held returns the number after which replicas need the journal, if any do.
func (r *Replication) Held() (journal.Seq, bool) {
	if l := r.leader.Load(); l != nil {
		return l.Held()
	}
	return 0, false
}
