package move

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/cluster"
)

// Config is what a Mover needs of its node.
type Config struct {
	State  *replay.State
	Log    *journal.Log
	Writer Proposer
	// Call asks the node that leads a shard. It fails at once if that is not connected.
	Call func(ctx context.Context, shard journal.Lineage, subject string, q any) (*nats.Msg, error)
	// Leads reports whether the node leads its shard.
	Leads func() bool
	// Hold has clients wait whose commands concern slots: those that write, and of the
	// second all.
	Hold func(writes, all []journal.SlotRange)
	// Turn returns once clients are served by what Hold has said last, those whose reads were
	// under way among them.
	Turn func(ctx context.Context) error
	// Fence waits until all replicas that may be promoted have the journal up to a number.
	Fence func(ctx context.Context, seq journal.Seq) error
	// Known reports whether the node has heard that others own slots, at an epoch or later.
	Known func(ranges []journal.SlotRange, epoch uint64) bool
	// AddFunctions adds a library of functions to a draft, as FUNCTION LOAD does without
	// REPLACE. An error is that it can't be added.
	AddFunctions func(d *replay.Draft, code string) error
	// Active reports whether the node serves clients at present, who are not to feel a move.
	Active func() bool
	// Room returns why nothing more can be taken in at present, or nil.
	Room   func() error
	Limits func() Limits
	// Changed, if there is one, is told of each move that has come to another phase by what
	// the node has done: copying once it has begun, given, taken and ended. It must not wait.
	Changed func(cluster.Move)
	Clock   func() time.Time
	Logger  *slog.Logger
}

// Limits are bounds that may change while moves are under way.
type Limits struct {
	Hold  time.Duration // for how long a source may hold slots at a time
	Rate  int64         // bytes a second that a target copies for one move; 0 is any
	Moves int           // that may be under way on one side; 0 is any
}

// Proposer takes proposals through the journal.
type Proposer interface {
	Propose(ctx context.Context, p replay.Proposal) error
	// Refusal returns what a write is refused with at present, or nil. frees says that it
	// is one that frees room.
	Refusal(frees bool) error
}

// Mover has a node's part in all moves of its shard, on either side. What it does follows
// from the moves that the journal has, so that it goes on with them after a restart, and at
// a replica that is promoted.
type Mover struct {
	cfg  Config
	wake chan struct{}
	ctx  context.Context // Run's; answers end with it
	stop context.CancelFunc

	// tidying is held while what is left of slots that no move is about is cleared, and for
	// reading while a move begins as the target: what that brings is not left over.
	tidying sync.RWMutex

	mu       sync.Mutex
	workers  map[journal.MoveID]*worker   // mu
	sessions map[journal.MoveID]*session  // mu
	holds    map[journal.MoveID]*handover // mu
	said     clientHolds                  // mu; by Hold
	state    []journal.SlotRange          // mu; that the state has nothing written to
	paces    map[journal.MoveID]*pace     // mu
	told     map[journal.MoveID]bool      // mu; what was given is on the disk and at the replicas
	fenced   map[journal.MoveID]bool      // mu; replicas know of the move
	progress map[journal.MoveID]*Progress // mu
	stats    Stats                        // mu
}

// worker is the goroutine that does a node's part in one move.
type worker struct {
	cancel context.CancelFunc
	wake   chan struct{}
	done   chan struct{}
	// told says that operators were told of libraries that are not added. It is the
	// goroutine's own.
	told bool
}

// New returns a Mover, which does nothing before Run. Its Handlers may be called at once.
func New(cfg Config) *Mover {
	ctx, stop := context.WithCancel(context.Background())
	return &Mover{cfg: cfg, wake: make(chan struct{}, 1), ctx: ctx, stop: stop,
		workers: make(map[journal.MoveID]*worker), sessions: make(map[journal.MoveID]*session),
		holds: make(map[journal.MoveID]*handover), paces: make(map[journal.MoveID]*pace), told: make(map[journal.MoveID]bool), fenced: make(map[journal.MoveID]bool),
		progress: make(map[journal.MoveID]*Progress)}
}

// lookEvery is how often it is looked what there is to do, beside when something is heard.
const lookEvery = 100 * time.Millisecond

// Run does the node's part in all moves until ctx ends.
func (m *Mover) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	defer m.stop()
	var tidy sync.WaitGroup
	defer tidy.Wait()
	tidy.Go(func() { m.tidy(ctx) })
	for ctx.Err() == nil {
		m.look(ctx)
		select {
		case <-tick.C:
		case <-m.wake:
		case <-ctx.Done():
		}
	}
	m.rest(nil)
	m.release()
}

// release ends holds whose end nobody waits for any more.
func (m *Mover) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, h := range m.holds {
		if !h.giving {
			m.unholdLocked(id, h)
		}
	}
}

// Wake has it looked at once what there is to do.
func (m *Mover) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// look begins what is to be done, and ends what is not.
func (m *Mover) look(ctx context.Context) {
	list := m.cfg.State.Moves()
	under := make(map[journal.MoveID]bool)
	if m.cfg.Leads() {
		for i := range list {
			if !list[i].Over() {
				under[list[i].ID] = true
			}
		}
	}
	m.rest(under)
	for i := range list {
		if under[list[i].ID] {
			m.work(ctx, list[i])
		}
	}
	m.hold()
}

// rest ends the workers of moves that are not under way here, and what there is of them.
func (m *Mover) rest(under map[journal.MoveID]bool) {
	var ended []*worker
	var left []*session
	m.mu.Lock()
	for id, w := range m.workers {
		if !under[id] {
			w.cancel()
			ended = append(ended, w)
			delete(m.workers, id)
		}
	}
	for id, s := range m.sessions {
		if !under[id] {
			delete(m.sessions, id)
			left = append(left, s)
		}
	}
	for _, flags := range []map[journal.MoveID]bool{m.told, m.fenced} {
		maps.DeleteFunc(flags, func(id journal.MoveID, _ bool) bool { return !under[id] })
	}
	maps.DeleteFunc(m.paces, func(id journal.MoveID, _ *pace) bool { return !under[id] })
	for id := range m.progress {
		if _, kept := m.find(id); !kept {
			delete(m.progress, id)
		}
	}
	m.mu.Unlock()
	for _, s := range left {
		s.end()
	}
	for _, w := range ended {
		<-w.done
	}
}

// work begins the node's part in a move if it is not at it.
func (m *Mover) work(ctx context.Context, of cluster.Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.workers[of.ID] != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &worker{cancel: cancel, wake: make(chan struct{}, 1), done: make(chan struct{})}
	m.workers[of.ID] = w
	go func() {
		defer close(w.done)
		m.cfg.Logger.Debug("move of slots", "move", of.ID, "phase", of.Phase, "slots", journal.SlotsText(of.Ranges))
		if of.Side == journal.Source {
			m.serve(ctx, of.ID, w)
		} else {
			m.copy(ctx, of.ID, w)
		}
	}()
}

// find returns a move as the journal has it.
func (m *Mover) find(id journal.MoveID) (cluster.Move, bool) {
	for _, of := range m.cfg.State.Moves() {
		if of.ID == id {
			return of, true
		}
	}
	return cluster.Move{}, false
}

// under returns a move that is under way, on one side, while the node leads.
func (m *Mover) under(id journal.MoveID, side journal.Side) (cluster.Move, error) {
	if !m.cfg.Leads() {
		return cluster.Move{}, errFollows
	}
	of, ok := m.find(id)
	if !ok || of.Side != side {
		return of, errUnknown
	}
	return of, nil
}

// Why a node does nothing for a move.
var (
	errFollows = fault.With(fault.Retryable, errors.New("the node does not lead its shard, or does not serve its slots yet"))
	errUnknown = fault.With(fault.Refused, errors.New("the shard has no such move"))
)

// propose takes one entry through the journal: what fn does, or nothing if it fails. Only
// what fn says may be that something is refused for good: what the writer refuses, with its
// queue full or while the lead is handed over, it takes later.
func (m *Mover) propose(ctx context.Context, fn func(*replay.Draft) error) error {
	p := &proposal{fn: fn}
	if err := m.cfg.Writer.Propose(ctx, p); err != nil {
		return later(err)
	}
	return errors.Join(p.err, later(p.outcome))
}

// later has what is refused, or has no class, be tried again.
func later(err error) error {
	if fault.Of(err) == fault.Refused {
		return fault.Instead(fault.Retryable, err)
	}
	return fault.With(fault.Retryable, err)
}

// moving is propose for effects on moves.
func (m *Mover) moving(ctx context.Context, op journal.Op) error {
	return m.propose(ctx, func(d *replay.Draft) error { return d.Moving(op) })
}

// proposal is one entry.
type proposal struct {
	fn      func(*replay.Draft) error
	err     error // of fn
	outcome error
}

func (p *proposal) Step(d *replay.Draft) bool {
	at := d.Mark()
	if p.err = p.fn(d); p.err != nil {
		d.Undo(at)
		return false
	}
	d.Seal(nil)
	return false
}

func (p *proposal) Settle(err error) { p.outcome = err }

func (p *proposal) Done() {}

// wait waits until a worker is woken, or some time has passed.
func (w *worker) wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.wake:
	case <-t.C:
	case <-ctx.Done():
	}
}

// nudge wakes the worker of a move.
func (m *Mover) nudge(id journal.MoveID) {
	m.mu.Lock()
	w := m.workers[id]
	m.mu.Unlock()
	if w == nil {
		m.Wake()
		return
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// note changes what is known of how a move goes.
func (m *Mover) note(id journal.MoveID, fn func(*Progress)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.progress[id]
	if p == nil {
		p = &Progress{}
		m.progress[id] = p
	}
	fn(p)
}
