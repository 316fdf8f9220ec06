package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/rare"
	"ledge/replay"
	"ledge/replay/snapshot"
	"ledge/replay/standing"
	"ledge/replay/wire"
	"ledge/replay/writer"
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
	Snapshot(ctx context.Context) (snapshot.Info, error)
	// Yield notes for good that the node no longer leads but follows the one at
	// that URL, which is about to lead.
	Yield(url, password string) error
}

// Conn is a connection to a broker that may publish into replicas' inboxes.
type Conn interface {
	Subscribe(subject string, answer nats.MsgHandler) (*nats.Subscription, error)
	PublishMsg(m *nats.Msg) error
}

// LeaderConfig is what a Leader needs.
type LeaderConfig struct {
	Node   string
	ID     string // of this run; what a replica of the node's own has
	Conn   Conn
	Source Source
	// Upstream returns the id of the run of the leader that the node follows
	// itself, or "".
	Upstream func() string
	// Views is what the node knows of its cluster; nil is that it is in none.
	Views wire.Views
	// Heard is given what clients have published at the replica of that run, or it was told
	// of; nil is that nobody wants that. It must not wait.
	Heard func(posts []wire.Post, from string)
	// Followed is told when a replica streams that did not; nil is that nobody wants that. It
	// must not wait.
	Followed func()
	// Untold counts messages that were not told to a replica, for each replica; nil is that
	// nobody wants that.
	Untold *atomic.Int64
	// MaxReplicas bounds the replicas that are known at a time; 0 is 64.
	MaxReplicas int
	// Present returns after how long without a word a replica counts no longer: not
	// among those that follow, nor for a write; nil is DefaultPresent.
	Present func() time.Duration
	// Idle is after how long without a word a replica is forgotten, and what is
	// held open for it, and of the journal, let go; 0 is a minute.
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
	slots chan struct{} // one for each fetch, and one for what else a replica asks
	rare  *rare.Log     // of replicas that are refused, which come again and again

	mu       sync.Mutex
	line     int                     // grows when the node's role changes; mu
	replicas map[wire.Name]*follower // by the id of their run; mu
	moved    chan struct{}           // closed when any has come further; mu
	handing  *handover               // the offer that stands, or was taken; mu
}

// follower is a replica as its leader knows it.
type follower struct {
	standing.Replica
	line   int                // on which it has said hello
	cancel context.CancelFunc // ends the fetch that is being answered, or nil
	asking bool               // for meta or a chunk, and has no answer yet
	file   *os.File           // the snapshot held open, or nil
	number journal.Seq        // of that snapshot
	bytes  int64              // of it
	needs  journal.Seq        // the number after which it needs the journal
	pace   pace
	posts  *wire.PostQueue // messages that it is to be told of; nil is that it takes none
}

// Defaults of LeaderConfig.
const (
	DefaultMaxReplicas = 64
	DefaultPresent     = 10 * time.Second
)

// Lead begins to answer replicas.
func Lead(cfg LeaderConfig) (*Leader, error) {
	if cfg.MaxReplicas == 0 {
		cfg.MaxReplicas = DefaultMaxReplicas
	}
	if cfg.Present == nil {
		cfg.Present = func() time.Duration { return DefaultPresent }
	}
	if cfg.Untold == nil {
		cfg.Untold = new(atomic.Int64)
	}
	if cfg.Idle == 0 {
		cfg.Idle = time.Minute
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &Leader{cfg: cfg, ctx: ctx, stop: stop, slots: make(chan struct{}, 2*cfg.MaxReplicas), rare: rare.New(cfg.Logger),
		replicas: make(map[wire.Name]*follower), moved: make(chan struct{})}
	for subject, answer := range map[string]func(*nats.Msg) error{
		subjectHello: l.hello, subjectFetch: l.fetch, subjectMeta: l.meta,
		subjectChunk: l.chunk, subjectReport: l.report, subjectLead: l.lead,
		subjectView: l.view, subjectPublish: l.published,
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
	l.rare.Close()
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
	if m.Reply == "" {
		return // it does not want to know
	}
	with.Subject = m.Reply
	if err := l.cfg.Conn.PublishMsg(with); err != nil {
		l.cfg.Logger.Debug("a replica could not be answered", "subject", m.Subject, "cause", err)
	}
}

func (l *Leader) replyJSON(m *nats.Msg, v any) error {
	with, err := jsonMsg(v)
	if err == nil {
		l.reply(m, with)
	}
	return err
}

// jsonMsg makes a message that is JSON.
func jsonMsg(v any) (*nats.Msg, error) {
	b, err := json.Marshal(v)
	return &nats.Msg{Data: b}, err
}

// inBackground has fn, which may take long, answer a replica on a goroutine of its
// own. A replica asks for one thing at a time, and may ask for the next as soon as it
// has its answer: so the request counts as answered before that is sent.
func (l *Leader) inBackground(m *nats.Msg, id wire.Name, fn func(answer func(*nats.Msg)) error) error {
	if err := l.with(id, func(f *follower) error {
		if f.asking {
			return errAsking
		}
		f.asking = true
		return nil
	}); err != nil {
		return err
	}
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if f := l.replicas[id]; f != nil {
			f.asking = false
		}
	}
	answer := func(with *nats.Msg) {
		done()
		l.reply(m, with)
	}
	err := l.spawn(func() {
		if err := fn(answer); err != nil {
			answer(failure(err))
		}
	})
	if err != nil {
		done()
	}
	return err
}

// errAsking refuses a second request while the first is being answered.
var errAsking = fault.With(fault.Retryable, errors.New("what the replica has asked for before is not answered yet"))

// errCrowded refuses what there is no slot for.
var errCrowded = fault.With(fault.Retryable, errors.New("too many requests of replicas at once"))

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
	if err := wire.Decode(m, &q); err != nil {
		return err
	}
	l.mu.Lock()
	line := l.line
	l.mu.Unlock()
	if err := l.admits(&q); err != nil {
		return err
	}
	s := l.cfg.Source.State()
	span, err := l.cfg.Source.Log().Stat(l.ctx)
	if err != nil {
		return err
	}
	r := helloReply{ID: wire.Name(l.cfg.ID), Node: wire.Name(l.cfg.Node), Lineage: wire.Hex(l.cfg.Source.Lineage()),
		Cluster: l.cfg.Views != nil, Databases: s.Databases(), First: span.First, Last: span.Last, Epoch: s.Epoch()}
	if r.Start, err = l.start(&q, span); err != nil {
		if errors.Is(err, writer.ErrDiverged) { // it may be this node that has missed something: who leads since
			l.rare.Add(slog.LevelWarn, "a replica with another history is refused", "replica", string(q.Node),
				"number", uint64(q.Number), "epoch", q.Epoch, "cause", err)
		}
		return err
	}
	if err := l.meet(&q, r.Start, line); err != nil {
		return err
	}
	return l.replyJSON(m, r)
}

// admits returns why a replica can't follow the node, whatever it has.
func (l *Leader) admits(q *helloRequest) error {
	if err := l.cfg.Source.Serves(); err != nil {
		return err
	}
	if q.Version != Version {
		return fault.With(fault.Operator, fmt.Errorf(
			"the replica speaks version %d of the protocol; its leader speaks %d", q.Version, Version))
	}
	if err := sameMode(l.cfg.Views != nil, q.Cluster); err != nil {
		return err
	}
	if have := l.cfg.Source.State().Databases(); q.Databases != have {
		return fault.With(fault.Operator, fmt.Errorf(
			"the replica has %d databases; its leader has %d", q.Databases, have))
	}
	switch string(q.ID) {
	case l.cfg.ID:
		return fault.With(fault.Operator, errors.New("a node can't follow itself"))
	case l.upstream():
		return fault.With(fault.Retryable, errors.New(
			"the leader follows this replica itself: have one of the two lead, by ledge promote"))
	}
	return nil
}

func (l *Leader) upstream() string {
	if l.cfg.Upstream == nil {
		return ""
	}
	return l.cfg.Upstream()
}

// start decides where a replica goes on. One that has what is not in this
// journal is told so, and nothing else.
func (l *Leader) start(q *helloRequest, span journal.Stat) (start, error) {
	seq, lineage := q.Number, l.cfg.Source.Lineage()
	same := journal.Lineage(q.Lineage) == lineage
	fromScratch := startBegin
	if span.First > 1 {
		fromScratch = startSnapshot
	}
	switch {
	case q.Empty && (!same || seq == 0):
		return fromScratch, nil
	case !same:
		return "", diverged("the replica's is of lineage %s; its leader's of %s", journal.Lineage(q.Lineage), lineage)
	case q.Epoch > l.cfg.Source.State().Epoch():
		return "", diverged("the replica's has entries of epoch %d; its leader's has come to epoch %d", q.Epoch, l.cfg.Source.State().Epoch())
	case seq > span.Last:
		return "", diverged("the replica's has come to number %d; its leader's ends with %d", seq, span.Last)
	case seq+1 < span.First:
		return startSnapshot, nil
	}
	digest, err := l.digestAt(seq)
	switch {
	case err != nil:
		return "", err
	case digest != journal.Digest(q.Digest):
		return "", diverged("the digest at number %d is %s at the replica; at its leader it is %s", seq, journal.Digest(q.Digest), digest)
	}
	return startTail, l.sameEpoch(q, span)
}

// sameEpoch refuses a replica whose last number is of another epoch here: a
// repair has lost it and it was used again, though the states are equal.
func (l *Leader) sameEpoch(q *helloRequest, span journal.Stat) error {
	seq := journal.Seq(q.Number)
	if seq < span.First {
		return nil // it is truncated here, and on the same digest
	}
	for c, err := range l.cfg.Source.Log().Read(l.ctx, seq) {
		if err == nil && c.Batch().Epoch != q.Epoch {
			err = diverged("number %d is of epoch %d at the replica; at its leader it is of epoch %d", seq, q.Epoch, c.Batch().Epoch)
		}
		return err
	}
	return nil
}

// diverged is what a leader says to a replica with another history. It is read at both, so it
// says of each number whose it is.
func diverged(format string, args ...any) error {
	return fault.With(fault.Operator, fmt.Errorf("%w: "+format, append([]any{writer.ErrDiverged}, args...)...))
}

// digestAt returns the digest of the state after number seq, from the next
// batch or, at the end, from the state.
func (l *Leader) digestAt(seq journal.Seq) (journal.Digest, error) {
	for range 100 {
		if pos := l.cfg.Source.State().Pos(); pos.Seq == seq {
			return pos.Digest, nil
		}
		for c, err := range l.cfg.Source.Log().Read(l.ctx, seq+1) {
			return c.Batch().Prev, err
		}
		// The batch after it is stored and not applied yet, or the other way.
		l.cfg.Source.Feed().Wait(l.ctx, seq, l.cfg.Source.Feed().Woken(), 10*time.Millisecond)
	}
	return 0, fault.With(fault.Retryable, fmt.Errorf("number %d is not settled yet", seq))
}
