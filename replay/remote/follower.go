package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// Target is the node that follows. The follower's one goroutine calls it.
type Target interface {
	// Lineage returns whose journal it has.
	Lineage() journal.Lineage
	// State returns what that adds up to.
	State() *replay.State
	// Empty reports whether nothing in it would be lost.
	Empty() bool
	// Ingest appends and applies frames. The leader's last number is last. It
	// takes as long as the disk does. That the node's own journal takes no writes
	// is a *writer.Suspension.
	Ingest(ctx context.Context, frames []journal.Frame, last journal.Seq) error
	// Suspended returns why the node's own journal takes no writes, or nil.
	Suspended() error
	// Synced returns the number up to which the journal is on the disk.
	Synced() journal.Seq
	// Fits returns why a snapshot of so many bytes, of which have are on the disk
	// already, can't be received, or nil: the disk or an option is in the way.
	Fits(bytes, have int64) error
	// Adopt puts a new journal of another lineage in place of the one there is:
	// after the snapshot in path, which must be of the state at a position, or
	// empty if that is "". The snapshot is verified before anything is replaced.
	Adopt(ctx context.Context, l journal.Lineage, path string, at journal.Pos) error
	// SetAside keeps what is there under another name, before Adopt.
	SetAside(ctx context.Context, why error) error
	// Inbox is the directory for what is being received.
	Inbox() string
}

// FollowerConfig is what a Follower needs. Zero durations are the defaults.
type FollowerConfig struct {
	Leader   string // the NATS URL
	User     string
	Password func() (string, error) // asked before each attempt
	// TLS is asked before each attempt. What it returns is for a leader that asks
	// for TLS, and for one whose URL does; nil, as without it, trusts the system's
	// roots.
	TLS    func() *tls.Config
	ID     string // drawn anew for each run
	Node   string // for the leader to know us by
	Target Target
	// Redis returns the address at which Redis clients reach the node, given the
	// one that the leader sees the node's connection come from.
	Redis func(seen net.IP) string
	// NATS returns the URL at which the node is asked, given the address from which it
	// has reached the leader; "" or nil is that nobody can.
	NATS func(local net.Addr) string
	// Views is what the node knows of its cluster; nil is that it is in none.
	Views wire.Views
	// Resync lets a replica that has diverged set aside what it has and take
	// the leader's. Otherwise it waits for an operator.
	Resync bool
	// Heard is given what clients have published at the leader, or it was told of; nil is
	// that nobody wants that. It must not wait.
	Heard func([]wire.Post)
	// Untold counts messages that the leader was not told of; nil is that nobody wants that.
	Untold *atomic.Int64

	// Reach returns where the node can be followed, and with which password, given
	// the address from which it has reached the leader. nil is that it can't be.
	Reach func(local net.Addr) (url, password string, err error)

	Timeouts func() Timeouts // what holds at the moment
	Notify   func(standing.Link)
	Clock    func() time.Time
	Logger   *slog.Logger

	ConnectTimeout time.Duration // what Timeouts says; set for each attempt
}

// Timeouts bound each step.
type Timeouts struct {
	Connect, Fetch, Chunk time.Duration
	// Attempts is after how many failures in a row the link has failed. It goes
	// on being tried, each RetryMost.
	Attempts int
}

// Defaults of Timeouts.
const (
	DefaultConnectTimeout = 3 * time.Second
	DefaultFetchTimeout   = 3 * time.Second
	DefaultChunkTimeout   = 5 * time.Second
	DefaultAttempts       = 10
)

// metaWait is how much longer than a chunk a leader may take for the meta of a
// full sync, for which it may have to take a snapshot.
const metaWait = 30 * time.Second

// Follower follows a leader until its context ends.
type Follower struct {
	cfg FollowerConfig

	mu   sync.Mutex
	link standing.Link // mu

	causes  []error // of the attempts since the last progress; belongs to Run
	alike   int     // how many of them in a row were, or weren't, for nobody being there; likewise
	away    bool    // which of the two; likewise
	turns   int     // how often that has changed since the last progress; likewise
	knocked bool    // the last pause was cut short, because somebody was there; likewise
	pace    int     // how many frames the target takes in tellEvery; likewise

	reached  journal.Seq   // the highest number that was ever applied; belongs to Run
	received int64         // the most of any snapshot that was stored since; likewise
	steady   time.Duration // how long a stream must be level to count as progress

	again  chan struct{} // has a token once it is to be tried again at once
	reread chan struct{} // has a token once the password may be another
	renew  atomic.Bool   // the link is to be made anew, with another password

	leader atomic.Value // the id of the leader's run

	posts   *wire.PostQueue // for the leader
	telling atomic.Bool     // there is a link by which it is told

	syncing  atomic.Pointer[syncing] // nil but during a full sync
	tellSync time.Duration           // how often the log says how far that is

	busy atomic.Int64 // when the target was given what it is busy with, Unix nanoseconds; 0 for nothing
}

// NewFollower returns a follower; Run makes it work.
func NewFollower(cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg, steady: RetryMost, tellSync: syncTick, reached: cfg.Target.State().Pos().Seq, again: make(chan struct{}, 1), reread: make(chan struct{}, 1), posts: wire.NewPostQueue()}
	if f.cfg.Untold == nil {
		f.cfg.Untold = new(atomic.Int64)
	}
	began := cfg.Clock()
	f.link = standing.Link{Leader: cfg.Leader, State: standing.LinkConnecting, Since: began, Began: began}
	return f
}

// Again has an attempt made at once, if one is waited for: what made the last one fail
// may have been mended. A link that is there is made anew if the password is another.
func (f *Follower) Again() {
	for _, c := range []chan struct{}{f.again, f.reread} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Link returns how the follower stands with its leader.
func (f *Follower) Link() standing.Link {
	pos := f.cfg.Target.State().Pos()
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.link
	l.Applied = pos.Seq
	return l
}

// set changes the link, and tells of it when its state or step changes.
func (f *Follower) set(change func(*standing.Link)) {
	f.mu.Lock()
	was := f.link
	change(&f.link)
	if f.link.State != was.State {
		f.link.Since = f.cfg.Clock()
	}
	now := f.link
	f.mu.Unlock()
	if now.State != was.State || now.Step != was.Step {
		f.cfg.Notify(now)
	}
}

func (f *Follower) enter(s standing.LinkState, step string) {
	f.set(func(l *standing.Link) { l.State, l.Step = s, step })
}

// Run follows until ctx ends, or the leader has handed over, which is ErrLead, or
// what was fetched can't be applied for a reason that stops the node, which is
// Fatal. It tries for ever otherwise, and says how
// that goes.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.withNext(f.attempt(ctx))
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errRenew) {
			f.cfg.Logger.Info("the leader's password has changed, and the link is made anew with it", "leader", f.cfg.Leader)
			continue
		}
		if errors.Is(err, ErrLead) || fault.Of(err) == fault.Fatal {
			return err
		}
		f.pause(ctx, f.failed(err), err)
		if ctx.Err() != nil {
			return nil
		}
	}
}

// withNext adds to the error of a replica that has diverged, and waits for somebody to
// decide what becomes of what it has, what there is to decide.
func (f *Follower) withNext(err error) error {
	if f.cfg.Resync || !errors.Is(err, writer.ErrDiverged) {
		return err
	}
	return fmt.Errorf("%w; nothing is changed here: ledge journal tail shows what this node has, and a restart with "+
		"--on-divergence resync keeps that under diverged/ and takes what the leader has", err)
}

// heard notes a word of the leader's.
func (f *Follower) heard(last journal.Seq) {
	now, pos := f.cfg.Clock(), f.cfg.Target.State().Pos()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.link.Heard, f.link.Last = now, max(last, pos.Seq)
	if pos.Seq >= last {
		f.link.Level = now
	}
}

// attempt connects and follows until something fails.
func (f *Follower) attempt(ctx context.Context) error {
	select {
	case <-f.again: // this is it
	default:
	}
	select {
	case <-f.reread: // this reads it
	default:
	}
	renewed := f.renew.Swap(false)
	limits := f.cfg.Timeouts()
	f.cfg.ConnectTimeout = limits.Connect
	f.set(func(l *standing.Link) {
		if l.State != standing.LinkFailed && l.State != standing.LinkStalled && !renewed {
			l.State, l.Step = standing.LinkConnecting, ""
		}
	})
	c, err := dial(ctx, &f.cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	as, err := f.hello(ctx, c, limits)
	if err != nil {
		return err
	}
	defer f.keepTelling(c)()
	defer f.keepExchanging(ctx, c)()
	defer f.keepPosting(ctx, c)()
	defer f.watchPassword(ctx, c)()
	if as.reply.Start != startTail {
		if err := f.fullSync(ctx, c, as); err != nil {
			return fmt.Errorf("full sync: %w", err)
		}
	}
	return f.stream(ctx, c)
}

// greeted is what a replica has said of itself, and the leader's answer.
type greeted struct {
	q     helloRequest
	reply helloReply
}

// hello tells the leader who we are, and learns where to go on.
func (f *Follower) hello(ctx context.Context, c *conn, limits Timeouts) (*greeted, error) {
	f.set(func(l *standing.Link) {
		if l.State == standing.LinkConnecting {
			l.State = standing.LinkHandshake
		}
	})
	as := &greeted{q: f.greeting(c)}
	err := f.greet(ctx, c, limits, as)
	if err != nil && f.cfg.Resync && errors.Is(err, writer.ErrDiverged) {
		if err = f.cfg.Target.SetAside(ctx, err); err == nil {
			as.q.Empty, as.q.Number, as.q.Digest = true, 0, 0
			err = f.greet(ctx, c, limits, as)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	r := &as.reply
	f.leader.Store(string(r.ID))
	f.set(func(l *standing.Link) { l.Node, l.Last, l.Heard = string(r.Node), r.Last, f.cfg.Clock() })
	return as, nil
}

// LeaderID returns the id of the leader's run, once it has said it.
func (f *Follower) LeaderID() string {
	id, _ := f.leader.Load().(string)
	return id
}

// greeting is what a replica says of itself.
func (f *Follower) greeting(c *conn) helloRequest {
	t := f.cfg.Target
	pos := t.State().Pos()
	at := ""
	if f.cfg.NATS != nil {
		at = f.cfg.NATS(c.Local)
	}
	return helloRequest{
		Version: Version, ID: c.id, Node: wire.Name(f.cfg.Node), Redis: wire.Address(f.cfg.Redis(c.Seen)), NATS: wire.Text(at),
		Cluster: f.cfg.Views != nil, Databases: t.State().Databases(), Empty: t.Empty(), Lineage: wire.Hex(t.Lineage()),
		Number: pos.Seq, Digest: wire.Hex(pos.Digest), Epoch: t.State().Epoch(),
	}
}

func (f *Follower) greet(ctx context.Context, c *conn, limits Timeouts, as *greeted) error {
	m, err := c.call(ctx, subjectHello, as.q, limits.Fetch)
	if err == nil {
		err = wire.Decode(m, &as.reply)
	}
	if err == nil {
		err = as.reply.suits(&as.q)
	}
	return err
}
