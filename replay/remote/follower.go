package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// Target is the node that follows. The follower's one goroutine calls it.
type Target interface {
	// Lineage returns whose journal it has.
	Lineage() journal.Lineage
	// State returns what that adds up to.
	State() *replay.State
	// Empty reports whether nothing in it would be lost.
	Empty() bool
	// Ingest appends and applies frames. The leader's last number is last.
	Ingest(ctx context.Context, frames []journal.Frame, last journal.Seq) error
	// Synced returns the number up to which the journal is on the disk.
	Synced() journal.Seq
	// Adopt puts a new journal of another lineage in place of the one there is:
	// behind the snapshot in path, or empty if that is "". The snapshot is
	// verified before anything is replaced.
	Adopt(ctx context.Context, l journal.Lineage, path string) error
	// SetAside keeps what is there under another name, before Adopt.
	SetAside(ctx context.Context, why error) error
	// Inbox is the directory for what is being received.
	Inbox() string
}

// FollowerConfig is what a Follower needs. Zero durations are the defaults.
type FollowerConfig struct {
	Leader   string // the NATS URL
	User     string
	Password func() string // asked before each attempt
	// TLS is for a leader that asks for it, and for one whose URL does; nil
	// trusts the system's roots.
	TLS         *tls.Config
	ID          string // drawn anew for each run
	Node, Redis string // for the leader to know us by
	Target      Target
	// Resync lets a replica that has diverged set aside what it has and take
	// the leader's. Otherwise it waits for an operator.
	Resync bool

	// Reach returns where the node can be followed, and with which password, given
	// the address from which it has reached the leader. nil is that it can't be.
	Reach func(local net.Addr) (url, password string, err error)

	Timeouts func() Timeouts // what holds at the moment
	Notify   func(replay.Link)
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
	link replay.Link // mu

	causes []error // of the attempts since the last that worked; belongs to Run
	alike  int     // how many of them in a row were, or weren't, for nobody being there; likewise
	away   bool    // which of the two; likewise
	pace   int     // how many frames the target takes in tellEvery; likewise
}

// NewFollower returns a follower; Run makes it work.
func NewFollower(cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg}
	f.link = replay.Link{Leader: cfg.Leader, State: replay.LinkConnecting, Since: cfg.Clock()}
	return f
}

// Link returns how the follower stands with its leader.
func (f *Follower) Link() replay.Link {
	pos := f.cfg.Target.State().Pos()
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.link
	l.Applied = pos.Seq
	return l
}

// set changes the link, and tells of it when its state or step changes.
func (f *Follower) set(change func(*replay.Link)) {
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

func (f *Follower) enter(s replay.LinkState, step string) {
	f.set(func(l *replay.Link) { l.State, l.Step = s, step })
}

// Run follows until ctx ends, or the leader has handed over, which is ErrLead, or
// what was fetched can't be applied for a reason that stops the node, which is
// Fatal. It tries for ever otherwise, and says how
// that goes.
func (f *Follower) Run(ctx context.Context) error {
	for {
		err := f.attempt(ctx)
		if ctx.Err() != nil {
			return nil
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
	limits := f.cfg.Timeouts()
	f.cfg.ConnectTimeout = limits.Connect
	f.set(func(l *replay.Link) {
		if l.State != replay.LinkFailed && l.State != replay.LinkStalled {
			l.State, l.Step = replay.LinkConnecting, ""
		}
	})
	c, err := dial(ctx, &f.cfg)
	if err != nil {
		return err
	}
	defer c.close()
	start, lineage, err := f.hello(ctx, c, limits)
	if err != nil {
		return err
	}
	if start != startTail {
		if err := f.fullSync(ctx, c, start, lineage); err != nil {
			return fmt.Errorf("full sync: %w", err)
		}
	}
	return f.stream(ctx, c)
}

// hello tells the leader who we are, and learns where to go on.
func (f *Follower) hello(ctx context.Context, c *conn, limits Timeouts) (string, journal.Lineage, error) {
	f.set(func(l *replay.Link) {
		if l.State == replay.LinkConnecting {
			l.State = replay.LinkHandshake
		}
	})
	q := f.greeting()
	r, err := f.ask(ctx, c, limits, q)
	if err != nil && f.cfg.Resync && errors.Is(err, replay.ErrDiverged) {
		if err = f.cfg.Target.SetAside(ctx, err); err == nil {
			q.Empty, q.Number, q.Digest = true, 0, journal.Digest(0).String()
			r, err = f.ask(ctx, c, limits, q)
		}
	}
	if err != nil {
		return "", 0, fmt.Errorf("handshake: %w", err)
	}
	lineage, err := parseLineage(r.Lineage)
	if err != nil {
		return "", 0, err
	}
	f.set(func(l *replay.Link) { l.Node, l.Last, l.Heard = r.Node, journal.Seq(r.Last), f.cfg.Clock() })
	return r.Start, lineage, nil
}

// greeting is what a replica says of itself.
func (f *Follower) greeting() helloRequest {
	t := f.cfg.Target
	pos := t.State().Pos()
	return helloRequest{
		Version: Version, ID: f.cfg.ID, Node: f.cfg.Node, Redis: f.cfg.Redis,
		Databases: t.State().Databases(), Empty: t.Empty(), Lineage: t.Lineage().String(),
		Number: uint64(pos.Seq), Digest: pos.Digest.String(), Epoch: t.State().Epoch(),
	}
}

func (f *Follower) ask(ctx context.Context, c *conn, limits Timeouts, q helloRequest) (r helloReply, err error) {
	m, err := c.call(ctx, subjectHello, q, limits.Fetch)
	if err == nil {
		err = decode(m, &r)
	}
	return r, err
}

func parseLineage(s string) (l journal.Lineage, err error) {
	if _, err := fmt.Sscanf(s, "%x", (*uint64)(&l)); err != nil {
		return 0, fault.As(fault.Operator, "", fmt.Errorf("lineage %q: %w", s, err))
	}
	return l, nil
}

// stream fetches what is behind the state's position, applies it and says so.
func (f *Follower) stream(ctx context.Context, c *conn) error {
	t := f.cfg.Target
	for streaming := false; ; {
		last, err := f.reportTo(ctx, c)
		if err != nil {
			return err
		}
		f.heard(last)
		if !streaming {
			f.enter(replay.LinkStreaming, "")
			f.worked()
			streaming = true
			continue // says that it streams
		}
		told := time.Now()
		err = c.fetch(ctx, t.State().Pos().Seq+1, f.cfg.Timeouts().Fetch,
			func(last journal.Seq) error {
				f.heard(last)
				if time.Since(told) < tellEvery {
					return nil
				}
				told = time.Now()
				return f.tell(c)
			},
			func(frames []journal.Frame) error {
				err := f.ingest(ctx, c, frames)
				told = time.Now()
				return err
			})
		var o offered
		if errors.As(err, &o) {
			err = f.take(ctx, c, o.m)
		}
		if err != nil {
			return fmt.Errorf("fetch: %w", err)
		}
	}
}

// tellEvery is how often a leader hears of a replica that has nothing new, and
// about how often of one that has much to do.
const tellEvery = time.Second

// ingest gives frames to the target, as many at a time as it takes in until the
// leader is to hear of it.
func (f *Follower) ingest(ctx context.Context, c *conn, frames []journal.Frame) error {
	for len(frames) > 0 {
		n, last, began := min(len(frames), max(f.pace, 1)), f.Link().Last, time.Now()
		if err := f.cfg.Target.Ingest(ctx, frames[:n], last); err != nil {
			return err
		}
		f.pace = int(int64(n) * int64(tellEvery) / int64(max(time.Since(began), time.Microsecond)))
		f.heard(last)
		if err := f.tell(c); err != nil {
			return err
		}
		frames = frames[n:]
	}
	return nil
}

func (f *Follower) position() report {
	t := f.cfg.Target
	return report{ID: f.cfg.ID, State: f.Link().State.String(),
		Applied: uint64(t.State().Pos().Seq), Synced: uint64(t.Synced())}
}

// reportTo tells the leader how far we have come, and learns how far it has.
func (f *Follower) reportTo(ctx context.Context, c *conn) (journal.Seq, error) {
	m, err := c.call(ctx, subjectReport, f.position(), f.cfg.Timeouts().Fetch)
	if err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	var p progress
	err = decode(m, &p)
	return journal.Seq(p.Last), err
}
