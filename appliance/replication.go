package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/remote"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/writer"
	"ledge/respd/resp"
)

// errReadOnly is what a client's write gets on a node that follows another.
var errReadOnly = fault.With(fault.Refused, resp.Error("READONLY You can't write against a read only replica."))

// replication is the node's part in following and being followed. Any node
// answers replicas, one that follows too: they are chained then. One thing is
// done to it at a time: mu is held while a follower is started or stopped,
// never while one waits for its leader.
type replication struct {
	n    *Node
	feed *remote.Feed
	id   string // of this run, for leaders to know it by

	served sync.Mutex
	leader *remote.Leader // served; nil while the broker is away

	mu       turn
	ctx      context.Context // of Run; nil before
	url      string          // of the leader; "" while the node leads
	sink     *writer.Follower
	link     *remote.Follower // nil while the node leads
	cancel   context.CancelFunc
	done     chan struct{}
	busy     sync.WaitGroup
	shown    atomic.Pointer[following] // for who must not wait for mu
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
func (r *replication) showLocked() { r.shown.Store(&following{r.url, r.link}) }

// newReplication returns it with mu held, until run lets it go.
func newReplication(n *Node) *replication {
	return &replication{n: n, id: rand.Text(), mu: make(turn, 1), fatal: make(chan error, 1)}
}

// turn is a mutex that can be waited for with a context. A follower that puts
// another journal in place holds it, and closes the door for operators
// meanwhile; an operator who waits for it must be able to give way. It begins
// locked.
type turn chan struct{}

// Lock waits for the turn however long it takes.
func (t turn) Lock() { <-t }

// Unlock gives it back.
func (t turn) Unlock() { t <- struct{}{} }

// take is Lock until ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case <-t:
		return nil
	case <-ctx.Done():
		return fault.With(fault.Retryable, fmt.Errorf("the node is busy with its replication: %w", ctx.Err()))
	}
}

// begin decides at the start who leads: the option, or what an operator said
// before the node stopped.
func (r *replication) begin(ctx context.Context) error {
	st, err := r.n.log.Stat(ctx)
	if err != nil {
		return err
	}
	r.feed = remote.NewFeed(st.Last, func(ctx context.Context, from journal.Seq) func(func(journal.Frame, error) bool) {
		return r.n.jet().Read(ctx, from)
	})
	r.n.meter.stored, r.n.meter.ended = r.feed.Stored, r.feed.Reset
	r.url = orDefault(r.n.cfg.Follow, r.n.dir.id.Follow)
	if r.url != "" && r.url == r.n.dir.id.Promoted {
		r.n.cfg.Logger.Warn("the node was promoted, so it leads; follow is ignored", "follow", r.url)
		r.url = ""
	}
	r.showLocked()
	if r.url == "" {
		return r.n.writer.Start(ctx)
	}
	if r.sink, err = r.n.writer.Follow(ctx, errReadOnly); err != nil {
		return err
	}
	if err := r.sink.Recall(ctx); err != nil {
		return err
	}
	return r.n.dir.follow(r.url)
}

// serve begins to answer replicas.
func (r *replication) serve() error {
	r.served.Lock()
	defer r.served.Unlock()
	l, err := remote.Lead(remote.LeaderConfig{Node: r.n.dir.node, ID: r.id, Conn: r.n.admin().requests,
		Source: source{r.n}, Upstream: r.upstream, Present: r.n.present, Clock: r.n.cfg.Clock, Logger: r.n.cfg.Logger})
	r.leader = l
	return fault.As(fault.Operator, "serve replicas", err)
}

// unserve ends that.
func (r *replication) unserve() error {
	r.served.Lock()
	defer r.served.Unlock()
	if r.leader == nil {
		return nil
	}
	err := r.leader.Close()
	r.leader = nil
	return err
}

func (r *replication) leading() *remote.Leader {
	r.served.Lock()
	defer r.served.Unlock()
	return r.leader
}

// present returns how long a replica counts after it was heard of: not less than
// min-replicas-lag says.
func (n *Node) present() time.Duration {
	return max(remote.DefaultPresent, n.live.Load().MinReplicasLag)
}

// upstream returns the id of the run of the node's own leader, "" for none.
func (r *replication) upstream() string {
	if f := r.shown.Load(); f != nil && f.link != nil {
		return f.link.LeaderID()
	}
	return ""
}

// dismiss has replicas say hello anew: the node is about to be something else than
// what it was when they did.
func (r *replication) dismiss() {
	if l := r.leading(); l != nil {
		l.Dismiss()
	}
}

// run follows, if the node follows, until ctx ends. It returns what the node
// can't go on from.
func (r *replication) run(ctx context.Context) error {
	r.ctx = ctx
	if r.url != "" {
		r.launchLocked()
	}
	r.mu.Unlock()
	var err error
	select {
	case err = <-r.fatal:
	case <-ctx.Done():
	}
	r.mu.Lock()
	err = errors.Join(err, r.haltLocked())
	r.ctx = nil
	r.mu.Unlock()
	r.busy.Wait()
	return err
}

// launchLocked starts following the leader at r.url.
func (r *replication) launchLocked() {
	n := r.n
	ctx, cancel := context.WithCancel(r.ctx)
	leader := r.url
	r.link = remote.NewFollower(remote.FollowerConfig{
		Leader: leader, User: admin.ReplicaUser, Password: func() (string, error) { return n.leaderPassword(leader) }, TLS: n.secure.leader, ID: r.id, Node: n.dir.node,
		Redis: n.announced, Target: adopter{r}, Resync: n.cfg.OnDivergence == options.DivergenceResync,
		Reach: n.reach, Timeouts: n.timeouts, Notify: n.linked, Clock: n.cfg.Clock, Logger: n.cfg.Logger,
	})
	r.cancel, r.done = cancel, make(chan struct{})
	link, done := r.link, r.done
	r.showLocked()
	r.busy.Go(func() {
		err := link.Run(ctx)
		r.hurry(false)
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
func (r *replication) relaunch(link *remote.Follower) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx != nil && r.link == link {
		r.launchLocked()
	}
}

// hurry gives a replica that has far to go all processors. The follower's
// goroutine calls it.
func (r *replication) hurry(on bool) {
	switch {
	case on && r.hurried == nil:
		r.hurried = r.n.threads.Beside()
	case !on && r.hurried != nil:
		r.hurried()
		r.hurried = nil
	}
}

// haltLocked stops the follower and waits for it: it gives up whatever it waits
// for at once. One that hangs with the disk is left to follow on when that answers,
// and is the error.
func (r *replication) haltLocked() error {
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

// Link returns how the node stands with its leader.
func (n *Node) Link() standing.Link {
	switch f := n.repl.shown.Load(); {
	case f.link != nil:
		return f.link.Link()
	case f.url != "":
		return standing.Link{Leader: f.url, State: standing.LinkConnecting, Applied: n.state.Pos().Seq}
	}
	return standing.Link{}
}

// linked is told when the node stands otherwise with its leader.
func (n *Node) linked(l standing.Link) {
	n.events.link(l)
	l.Applied = n.state.Pos().Seq
	n.gate.Set(n.refusals(l, n.cfg.Clock()))
}

// Replicas returns the nodes that follow this one.
func (n *Node) Replicas() []standing.Replica {
	if l := n.repl.leading(); l != nil {
		return l.Replicas()
	}
	return nil
}

// Await waits until so many replicas have come to a number, or ctx ends.
func (n *Node) Await(ctx context.Context, seq journal.Seq, want int, synced bool) int {
	if l := n.repl.leading(); l != nil {
		return l.Await(ctx, seq, want, synced)
	}
	return 0
}

// AwaitSync waits until the journal is on the disk up to a number, or ctx ends.
func (n *Node) AwaitSync(ctx context.Context, seq journal.Seq) bool { return n.log.AwaitSync(ctx, seq) }

// Syncs reports whether the journal is synced without anybody's asking.
func (n *Node) Syncs() bool { return n.cfg.Sync != SyncOff }

// changeLimit bounds how long a change of who leads waits for what is under way at
// the journal.
const changeLimit = 15 * time.Second

// inDoubt refuses a change of who leads while the disk does not answer: it would
// have to be written down there.
func (n *Node) inDoubt() error {
	if s := n.writer.Health().Suspension(); s != nil && s.InDoubt {
		return fmt.Errorf("who leads can't change before the disk answers: %w", s)
	}
	return nil
}

// Follow makes the node follow the leader with that NATS address from now on.
// What it has to write is refused before Follow returns.
func (n *Node) Follow(ctx context.Context, addr string) error {
	leader, err := options.LeaderURL(addr)
	if err != nil {
		return fault.With(fault.Refused, fmt.Errorf("ERR leader %q: %w", options.ShownURL(addr), err))
	}
	r := n.repl
	if err := r.mu.take(ctx); err != nil {
		return err
	}
	defer r.mu.Unlock()
	if r.ctx == nil {
		return writer.ErrStopped
	}
	if sameHost(leader, n.jet().ClientURL()) {
		return fault.With(fault.Refused, errors.New("ERR a node can't follow itself"))
	}
	if err := n.inDoubt(); err != nil {
		return err
	}
	sink := r.sink
	if sink == nil {
		ctx, cancel := context.WithTimeout(ctx, changeLimit)
		defer cancel()
		if sink, err = n.writer.Follow(ctx, errReadOnly); err != nil {
			return err
		}
	}
	err = r.haltLocked()
	if err == nil {
		err = n.dir.follow(leader)
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
	n.server.Demote(errReadOnly)
	n.cfg.Logger.Warn("follows", "leader", leader)
	return nil
}

// Promote makes the node lead. What it has applied is all that it has: it raises
// the epoch by one entry behind that. When that fails it goes on as before. When the
// disk does not say whether it has it leads, without writes until that is known, and
// that is the error.
func (n *Node) Promote(ctx context.Context) error {
	r := n.repl
	if err := r.mu.take(ctx); err != nil {
		return err
	}
	defer r.mu.Unlock()
	switch {
	case r.ctx == nil:
		return writer.ErrStopped
	case r.url == "":
		return nil
	case n.state.Pos().Seq == 0:
		return fault.With(fault.Refused, errors.New("ERR the node has never been in step with a leader"))
	}
	if err := n.inDoubt(); err != nil {
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
func (r *replication) leadLocked(ctx context.Context) error {
	n := r.n
	r.dismiss() // before a write is taken that counts on them
	n.gate.Set(n.refusals(n.Link(), n.cfg.Clock()))
	err := n.dir.lead(r.url) // first, since an entry of our own can't be taken back
	if err == nil {
		err = n.writer.Lead(ctx)
		if err != nil && !errors.Is(err, writer.ErrLeadInDoubt) {
			err = errors.Join(err, n.dir.follow(r.url))
		}
	}
	if err != nil && !errors.Is(err, writer.ErrLeadInDoubt) {
		r.launchLocked() // the writer refuses what clients write, as before
		n.server.Demote(errReadOnly)
		return fmt.Errorf("promote: %w", err)
	}
	n.cfg.Logger.Warn("leads", "number", uint64(n.state.Pos().Seq), "epoch", n.state.Epoch(), "followed", r.url)
	r.url, r.sink = "", nil
	r.showLocked()
	return err
}

// sameHost reports whether two URLs lead to one address, with TLS or without.
func sameHost(a, b string) bool {
	_, a, _ = strings.Cut(a, "://")
	_, b, _ = strings.Cut(b, "://")
	return a == b
}

// leaderPassword reads the password for a leader, before each attempt: it may
// have been changed.
func (n *Node) leaderPassword(leader string) (string, error) {
	path := n.dir.leaderPath()
	if _, err := os.Stat(path); n.cfg.FollowPasswordFile != "" && (leader == n.cfg.Follow || err != nil) {
		path = n.cfg.FollowPasswordFile
	}
	p, err := ReadPassword(path)
	if err != nil {
		err = fmt.Errorf("the leader's password can't be read: %w; copy %s of the leader's directory to %s, "+
			"or name another file with --follow-password-file", err, filepath.Join(authDir, admin.ReplicaUser), path)
	}
	return p, err
}

// source is the node as its replicas' requests see it.
type source struct{ n *Node }

func (s source) Lineage() journal.Lineage { return s.n.log.Lineage() }
func (s source) State() *replay.State     { return s.n.state }
func (s source) Log() *journal.Log        { return s.n.log }
func (s source) Feed() *remote.Feed       { return s.n.repl.feed }

// Serves refuses replicas while the node itself has nothing to go by.
func (s source) Serves() error {
	if l := s.n.Link(); l.State != standing.LinkNone && l.Applied == 0 {
		return fault.With(fault.Retryable, errors.New("the leader is a replica itself that has nothing yet"))
	}
	return nil
}

// Snapshot returns the newest snapshot if the journal goes on from it, or takes
// one.
func (s source) Snapshot(ctx context.Context) (snapshot.Info, error) {
	st, err := s.n.log.Stat(ctx)
	if err != nil {
		return snapshot.Info{}, err
	}
	list, _ := snapshot.List(s.n.dir.snapshotPath()) // damaged ones are not in it
	if len(list) > 0 && list[0].Pos.Seq+1 >= st.First {
		return list[0], nil
	}
	info, err := s.n.saves.takeInfo(ctx)
	if err != nil {
		return info, fault.With(fault.Retryable, fmt.Errorf("take a snapshot: %w", err))
	}
	return info, nil
}
