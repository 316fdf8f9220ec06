package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
)

// Source is the node that others follow.
type Source interface {
	// Serves returns why the node can't be followed at present, or nil.
	Serves() error
	// Lineage returns whose journal it is.
	Lineage() journal.Lineage
	// State returns what the journal adds up to.
	State() *replay.State
	// Log returns the journal.
	Log() *journal.Log
	// Feed returns its end.
	Feed() *Feed
	// Snapshot returns a snapshot from which the journal goes on: the newest
	// there is, or one that it takes.
	Snapshot(ctx context.Context) (replay.Info, error)
	// Yield notes for good that the node no longer leads but follows the one at
	// that URL, which is about to lead.
	Yield(url, password string) error
}

// LeaderConfig is what a Leader needs.
type LeaderConfig struct {
	Node   string
	Conn   *nats.Conn // may publish into inboxes
	Source Source
	// MaxFetches bounds the fetches that are being answered; 0 is 64.
	MaxFetches int
	// Idle is after how long without a word a replica is forgotten, and what is
	// held open for it let go; 0 is a minute.
	Idle   time.Duration
	Clock  func() time.Time
	Logger *slog.Logger
}

// Leader answers replicas. It keeps what they have told it.
type Leader struct {
	cfg   LeaderConfig
	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	subs  []*nats.Subscription
	busy  sync.WaitGroup
	slots chan struct{} // one for each fetch

	mu       sync.Mutex
	replicas map[string]*follower // by the id of their run; mu
	moved    chan struct{}        // closed when any has come further; mu
	handing  *handover            // the offer that stands, or was taken; mu
}

// follower is a replica as its leader knows it.
type follower struct {
	replay.Replica
	cancel context.CancelFunc // ends the fetch that is being answered, or nil
	file   *os.File           // the snapshot held open, or nil
	number journal.Seq        // of that snapshot
	needs  journal.Seq        // the number behind which it needs the journal
	pace   pace
}

// Lead begins to answer replicas.
func Lead(cfg LeaderConfig) (*Leader, error) {
	if cfg.MaxFetches == 0 {
		cfg.MaxFetches = 64
	}
	if cfg.Idle == 0 {
		cfg.Idle = time.Minute
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Leader{cfg: cfg, ctx: ctx, stop: stop, slots: make(chan struct{}, cfg.MaxFetches),
		replicas: make(map[string]*follower), moved: make(chan struct{})}
	for subject, answer := range map[string]func(*nats.Msg) error{
		subjectHello: l.hello, subjectFetch: l.fetch, subjectMeta: l.inBackground(l.meta),
		subjectChunk: l.inBackground(l.chunk), subjectReport: l.report, subjectLead: l.lead,
	} {
		sub, err := cfg.Conn.Subscribe(subject, func(m *nats.Msg) {
			if err := answer(m); err != nil {
				l.reply(m, failure(err))
			}
		})
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.subs = append(l.subs, sub)
	}
	return l, nil
}

// Close ends all fetches and waits for them.
func (l *Leader) Close() error {
	var errs []error
	for _, sub := range l.subs {
		if err := sub.Unsubscribe(); !errors.Is(err, nats.ErrConnectionClosed) {
			errs = append(errs, err)
		}
	}
	l.stop()
	l.busy.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.replicas {
		l.forgetLocked(id)
	}
	return errors.Join(errs...)
}

// reply answers a request. What can't be sent is missed by the replica, which
// asks again.
func (l *Leader) reply(m, with *nats.Msg) {
	with.Subject = m.Reply
	if err := l.cfg.Conn.PublishMsg(with); err != nil {
		l.cfg.Logger.Debug("replica not answered", "subject", m.Subject, "cause", err)
	}
}

func (l *Leader) replyJSON(m *nats.Msg, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	l.reply(m, &nats.Msg{Data: b})
	return nil
}

// inBackground has fn, which may take long, answer on a goroutine of its own.
func (l *Leader) inBackground(fn func(*nats.Msg) error) func(*nats.Msg) error {
	return func(m *nats.Msg) error {
		return l.spawn(func() {
			if err := fn(m); err != nil {
				l.reply(m, failure(err))
			}
		})
	}
}

// errCrowded refuses what there is no slot for.
var errCrowded = fault.As(fault.Retryable, "", errors.New("too many requests of replicas at once"))

func (l *Leader) spawn(fn func()) error {
	select {
	case l.slots <- struct{}{}:
	default:
		return errCrowded
	}
	l.busy.Go(func() {
		defer func() { <-l.slots }()
		fn()
	})
	return nil
}

// hello says where a replica is to go on.
func (l *Leader) hello(m *nats.Msg) error {
	var q helloRequest
	if err := decode(m, &q); err != nil {
		return err
	}
	if err := l.cfg.Source.Serves(); err != nil {
		return err
	}
	if q.Version != Version {
		return fault.As(fault.Operator, "", fmt.Errorf(
			"the replica speaks version %d of the protocol; this node speaks %d", q.Version, Version))
	}
	s := l.cfg.Source.State()
	if q.Databases != s.Databases() {
		return fault.As(fault.Operator, "", fmt.Errorf(
			"the replica has %d databases; this node has %d", q.Databases, s.Databases()))
	}
	span, err := l.cfg.Source.Log().Stat(l.ctx)
	if err != nil {
		return err
	}
	r := helloReply{Node: l.cfg.Node, Lineage: l.cfg.Source.Lineage().String(), Databases: s.Databases(),
		First: uint64(span.First), Last: uint64(span.Last), Epoch: s.Epoch()}
	if r.Start, err = l.start(&q, span); err != nil {
		return err
	}
	l.meet(&q, r.Start)
	return l.replyJSON(m, r)
}

// start decides where a replica goes on. One that has what is not in this
// journal is told so, and nothing else.
func (l *Leader) start(q *helloRequest, span journal.Stat) (string, error) {
	seq := journal.Seq(q.Number)
	fromScratch := startBegin
	if span.First > 1 {
		fromScratch = startSnapshot
	}
	switch {
	case q.Empty && (q.Lineage != l.cfg.Source.Lineage().String() || seq == 0):
		return fromScratch, nil
	case q.Lineage != l.cfg.Source.Lineage().String():
		return "", diverged("its journal is of lineage %s; this one is %s", q.Lineage, l.cfg.Source.Lineage())
	case q.Epoch > l.cfg.Source.State().Epoch():
		return "", diverged("it has entries of epoch %d; this journal has come to epoch %d", q.Epoch, l.cfg.Source.State().Epoch())
	case seq > span.Last:
		return "", diverged("it has come to number %d; this journal ends with %d", seq, span.Last)
	case seq < span.First-1:
		return startSnapshot, nil
	}
	digest, err := l.digestAt(seq)
	switch {
	case err != nil:
		return "", err
	case digest.String() != q.Digest:
		return "", diverged("its digest at number %d is %s; here it is %s", seq, q.Digest, digest)
	}
	return startTail, nil
}

// diverged is what a leader says to a replica with another history.
func diverged(format string, args ...any) error {
	return fault.As(fault.Operator, "", fmt.Errorf("%w: "+format, append([]any{replay.ErrDiverged}, args...)...))
}

// digestAt returns the digest of the state behind number seq, from the next
// batch or, at the end, from the state.
func (l *Leader) digestAt(seq journal.Seq) (journal.Digest, error) {
	for range 100 {
		if pos := l.cfg.Source.State().Pos(); pos.Seq == seq {
			return pos.Digest, nil
		}
		for c, err := range l.cfg.Source.Log().Read(l.ctx, seq+1) {
			return c.Batch().Prev, err
		}
		// The batch behind it is stored and not applied yet, or the other way.
		l.cfg.Source.Feed().Wait(l.ctx, seq, l.cfg.Source.Feed().Woken(), 10*time.Millisecond)
	}
	return 0, fault.As(fault.Retryable, "", fmt.Errorf("number %d is not settled yet", seq))
}

// meet notes a replica.
func (l *Leader) meet(q *helloRequest, start string) {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetIdleLocked(now)
	f := l.replicas[q.ID]
	if f == nil {
		f = &follower{}
		l.replicas[q.ID] = f
	}
	for _, other := range l.replicas {
		if other.Node == q.Node {
			// Most likely the same replica before it was restarted, which must not
			// count twice. A namesake says within a second how it stands.
			other.State, other.Applied, other.Synced = replay.LinkConnecting.String(), 0, 0
		}
	}
	f.ID, f.Node, f.Redis, f.Heard = q.ID, q.Node, q.Redis, now
	f.State = replay.LinkHandshake.String()
	if f.needs = journal.Seq(q.Number); start == startBegin {
		f.needs = 0
	}
}

// forgetIdleLocked forgets replicas of which nothing has been heard for long.
func (l *Leader) forgetIdleLocked(now time.Time) {
	for id, f := range l.replicas {
		if now.Sub(f.Heard) > l.cfg.Idle {
			l.forgetLocked(id)
		}
	}
}

func (l *Leader) forgetLocked(id string) {
	f := l.replicas[id]
	if f.cancel != nil {
		f.cancel()
	}
	if f.file != nil {
		f.file.Close()
	}
	delete(l.replicas, id)
}

// errStranger sends a replica that the leader does not know back to hello.
var errStranger = fault.As(fault.Retryable, "", errors.New("the leader does not know this replica; say hello first"))

// with calls fn with a replica, which has just been heard of.
func (l *Leader) with(id string, fn func(*follower) error) error {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.replicas[id]
	if f == nil {
		return errStranger
	}
	f.Heard = now
	return fn(f)
}

// report notes how far a replica has come.
func (l *Leader) report(m *nats.Msg) error {
	var q report
	if err := decode(m, &q); err != nil {
		return err
	}
	if err := l.with(q.ID, func(f *follower) error {
		f.State, f.Applied, f.Synced = q.State, journal.Seq(q.Applied), journal.Seq(q.Synced)
		if q.State == replay.LinkStreaming.String() {
			if f.needs = f.Applied; f.file != nil {
				f.file.Close()
				f.file = nil
			}
		}
		close(l.moved)
		l.moved = make(chan struct{})
		return nil
	}); err != nil {
		return err
	}
	if m.Reply == "" {
		return nil
	}
	return l.replyJSON(m, progress{Last: uint64(l.cfg.Source.Feed().Last())})
}

// Replicas returns those that have been heard of lately, by name.
func (l *Leader) Replicas() []replay.Replica {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetIdleLocked(now)
	list := make([]replay.Replica, 0, len(l.replicas))
	for _, f := range l.replicas {
		list = append(list, f.Replica)
	}
	slices.SortFunc(list, func(a, b replay.Replica) int {
		return strings.Compare(a.Node+" "+a.ID, b.Node+" "+b.ID)
	})
	return list
}

// Held returns the number behind which some replica still needs the journal.
func (l *Leader) Held() (held journal.Seq, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetIdleLocked(l.cfg.Clock())
	for _, f := range l.replicas {
		if !ok || f.needs < held {
			held, ok = f.needs, true
		}
	}
	return held, ok
}

// Await waits until want replicas have come to seq, applied or synced too, or
// ctx ends, and returns how many have.
func (l *Leader) Await(ctx context.Context, seq journal.Seq, want int, synced bool) int {
	for {
		n := 0
		l.mu.Lock()
		for _, f := range l.replicas {
			if at := f.Applied; at >= seq && (!synced || f.Synced >= seq) {
				n++
			}
		}
		moved := l.moved
		l.mu.Unlock()
		if n >= want {
			return n
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return n
		case <-l.ctx.Done():
			return n
		}
	}
}
