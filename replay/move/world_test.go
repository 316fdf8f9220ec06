package move_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/mem"
	"ledge/replay"
	"ledge/replay/move"
	"ledge/replay/replaytest"
	"ledge/replay/wire"
	"ledge/replay/writer"
)

// world is shards that can reach each other, in one process.
type world struct {
	t      *testing.T
	shards map[journal.Lineage]*shard
	// fails is asked before each request, and again, with done set, before its answer: an
	// error is that it got lost.
	fails atomic.Pointer[func(subject string, done bool) error]
	// late is called with each request that has been answered, and what answers it again.
	late atomic.Pointer[func(again func())]
	// asked is told at which epoch it is asked who owns slots.
	asked atomic.Pointer[func(epoch uint64)]
	// calls counts requests, those that reach nobody, too.
	calls atomic.Int64
	// harm changes an answer.
	harm   atomic.Pointer[func(subject string, r *nats.Msg)]
	logger *slog.Logger
}

// shard is a node with its Mover. When it is killed its journal stays.
type shard struct {
	w       *world
	lineage journal.Lineage
	drv     *mem.Journal

	mu    sync.Mutex
	n     *replaytest.Node // mu; nil while it is down
	mover *move.Mover      // mu
	stop  func()           // mu
	holds atomic.Pointer[[2][]journal.SlotRange]
	hold  atomic.Int64 // nanoseconds that slots may be held
	rate  atomic.Int64 // bytes a second that a move copies; 0 is any
	moves atomic.Int64 // that may be under way; 0 is any

	active atomic.Bool // clients are served beside moves

	// crashes is asked about each entry before it is stored, and after: true ends the node
	// then and there, as a kill does.
	crashes atomic.Pointer[func(ops []journal.Op, stored bool) bool]
	short   atomic.Pointer[error] // why it takes nothing in, if there is one
	refuses atomic.Pointer[error] // what its writer refuses all with, if there is anything
	behind  atomic.Pointer[error] // what keeps its replicas behind, if there is anything
	dead    atomic.Bool           // it has ended so, and is not restarted yet
}

func newWorld(t *testing.T, lineages ...journal.Lineage) *world {
	w := &world{t: t, shards: make(map[journal.Lineage]*shard), logger: slog.New(slog.DiscardHandler)}
	for _, l := range lineages {
		s := &shard{w: w, lineage: l, drv: mem.New()}
		s.hold.Store(int64(5 * time.Second))
		w.shards[l] = s
		s.start()
		t.Cleanup(s.kill)
	}
	return w
}

// start starts the shard's node on what its journal has.
func (s *shard) start() {
	s.drv.Judge(nil)
	n := replaytest.OpenOn(s.w.t, 1, s.drv, s.lineage, writer.Config{})
	// Its Mover writes as soon as it runs, and may do so now.
	s.dead.Store(false)
	s.drv.Judge(func(seq journal.Seq, frame []byte, stored bool) error { return s.judge(n, seq, frame, stored) })
	mover := move.New(move.Config{State: n.State, Log: n.Log, Writer: &refusing{n.Writer, &s.refuses}, Call: s.w.call, Leads: func() bool { return true },
		Hold:         func(writes, all []journal.SlotRange) { s.holds.Store(&[2][]journal.SlotRange{writes, all}) },
		Turn:         func(context.Context) error { return nil },
		Fence:        func(context.Context, journal.Seq) error { return s.fence() },
		AddFunctions: addLibrary, Known: s.w.known, Room: s.room, Active: s.active.Load,
		Limits: func() move.Limits {
			return move.Limits{Hold: time.Duration(s.hold.Load()), Rate: s.rate.Load(), Moves: int(s.moves.Load())}
		},
		Clock: time.Now, Logger: s.w.logger.With("shard", s.lineage)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); mover.Run(ctx) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n, s.mover = n, mover
	s.stop = func() { cancel(); <-done; _ = n.Stop() }
}

// refusing is a writer that refuses what it is given at times.
type refusing struct {
	*writer.Writer
	why *atomic.Pointer[error]
}

func (r *refusing) Propose(ctx context.Context, p replay.Proposal) error {
	if why := r.why.Load(); why != nil {
		return *why
	}
	return r.Writer.Propose(ctx, p)
}

// errKilled is what an append fails with at which the node ends.
var errKilled = errors.New("the node is killed")

// judge ends the node at an append if it is to end there.
func (s *shard) judge(n *replaytest.Node, seq journal.Seq, frame []byte, stored bool) error {
	if s.dead.Load() {
		return errKilled
	}
	crashes := s.crashes.Load()
	if crashes == nil {
		return nil
	}
	rs, err := n.Log.Check(seq-1, []journal.Frame{{Seq: seq, Data: frame}})
	if err != nil {
		return err
	}
	var ops []journal.Op
	for _, e := range rs[0].Batch().Entries {
		ops = append(ops, e.Ops...)
	}
	if (*crashes)(ops, stored) {
		s.crashes.Store(nil)
		s.dead.Store(true)
		return errKilled
	}
	return nil
}

// fence returns why the shard's replicas lack what they should have.
func (s *shard) fence() error {
	if why := s.behind.Load(); why != nil {
		return *why
	}
	return nil
}

// room returns why the shard takes nothing in.
func (s *shard) room() error {
	if why := s.short.Load(); why != nil {
		return *why
	}
	return nil
}

// kill ends the node. What it had in memory is lost.
func (s *shard) kill() {
	s.mu.Lock()
	stop := s.stop
	s.n, s.mover, s.stop = nil, nil, nil
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (s *shard) up() (*replaytest.Node, *move.Mover) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.mover
}

var errAway = fault.With(fault.Retryable, errors.New("the shard is not connected"))

// call is what shards ask each other by.
func (w *world) call(ctx context.Context, l journal.Lineage, subject string, q any) (*nats.Msg, error) {
	w.calls.Add(1)
	s := w.shards[l]
	if s == nil {
		return nil, errAway
	}
	_, mover := s.up()
	if mover == nil || s.dead.Load() {
		return nil, errAway
	}
	lost := func(done bool) error {
		if f := w.fails.Load(); f != nil {
			return (*f)(subject, done)
		}
		return nil
	}
	if err := lost(false); err != nil {
		return nil, err
	}
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	r, err := mover.Handlers()[subject](&nats.Msg{Data: b})
	if late := w.late.Load(); late != nil {
		(*late)(func() {
			if _, mover := s.up(); mover != nil {
				_, _ = mover.Handlers()[subject](&nats.Msg{Data: b})
			}
		})
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, wire.Failed(wire.Failure(err), "peer")
	}
	if s.dead.Load() {
		return nil, errAway
	}
	if harm := w.harm.Load(); harm != nil {
		(*harm)(subject, r)
	}
	return r, lost(true)
}

// known looks into the shards' journals.
func (w *world) known(ranges []journal.SlotRange, epoch uint64) bool {
	if asked := w.asked.Load(); asked != nil {
		(*asked)(epoch)
	}
	for _, s := range w.shards {
		if n, _ := s.up(); n != nil {
			if all, _, at := n.Custody().OwnsAll(ranges); all && at >= epoch {
				return true
			}
		}
	}
	return false
}

const (
	left  journal.Lineage = 0xa
	right journal.Lineage = 0xb
)

// pair is a world of two shards of which the left one owns all slots.
func pair(t *testing.T) (w *world, a, b *shard) {
	t.Helper()
	w = newWorld(t, left, right)
	a, b = w.shards[left], w.shards[right]
	a.n.Must(func(d *replay.Draft) error {
		return d.FoundSlots(aCluster, []journal.SlotRange{{First: 0, Last: journal.MaxSlot}})
	})
	b.n.Must(func(d *replay.Draft) error { return d.Moving(&journal.ClusterJoin{Cluster: aCluster}) })
	return w, a, b
}

const aCluster = "00000000000000000000000000000000000000c1"

// until waits until something is so.
func until(t *testing.T, what string, so func() bool, show func() any) {
	t.Helper()
	limit := time.Now().Add(60 * time.Second)
	for !so() {
		if time.Now().After(limit) {
			t.Fatalf("not %s: %+v", what, show())
		}
		time.Sleep(time.Millisecond)
	}
}

// moved waits until a move is over at both sides.
func moved(t *testing.T, id journal.MoveID, sides ...*shard) {
	t.Helper()
	for _, s := range sides {
		until(t, "over", func() bool {
			if n, _ := s.up(); n != nil {
				for _, m := range n.Moves() {
					if m.ID == id && m.Over() {
						return true
					}
				}
			}
			return false
		}, func() any { return standing(sides) })
	}
}

// standing returns how the moves stand at some shards.
func standing(shards []*shard) (all [][]move.Status) {
	for _, s := range shards {
		if _, mover := s.up(); mover != nil {
			all = append(all, mover.Moves())
		}
	}
	return all
}

// ask makes a request of a shard.
func ask(s *shard, subject string, q any) (*nats.Msg, error) {
	b, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	_, mover := s.up()
	return mover.Handlers()[subject](&nats.Msg{Data: b})
}

// proposalOf is a proposal of one command.
func proposalOf(fn func(*replay.Draft) error) *replaytest.Group { return replaytest.NewGroup(fn) }
