// Package writer takes what clients propose, and what a leader sends, through the
// journal into a state. The Writer is the one goroutine that writes; its Health
// is the one place that knows whether the journal takes writes.
package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/events"
)

// ErrBusy refuses a proposal because the writer's queue is full.
var ErrBusy = fault.With(fault.Refused,
	errors.New("TRYAGAIN the write queue is full, try again later"))

// ErrInternal answers what a bug of this program has kept from being evaluated.
// Nothing of it has changed anything.
var ErrInternal = fault.With(fault.Refused,
	errors.New("ERR internal error: nothing was changed; the node's log says more"))

// ErrStopped answers a proposal when the writer has ended.
var ErrStopped = fault.With(fault.Operator, errors.New("the node is stopping"))

// DefaultMaxValue is the longest value of a key, less its name, when nobody says.
const DefaultMaxValue = 8 << 20

// Config is what a Writer needs.
type Config struct {
	Log   *journal.Log
	State *replay.State
	// Node names the node in the epoch entry.
	Node string
	// Epoch is the least that the next epoch may be; 0 is any.
	Epoch uint64
	// MaxValue is the longest value; 0 is DefaultMaxValue.
	MaxValue int
	// Queue is the most proposals that may wait; 0 is 65536.
	Queue int
	// AppendTimeout bounds how long one append may take before it is in doubt, if
	// the journal has no shorter bound; 0 is 30 s.
	AppendTimeout time.Duration
	// DoubtWait is how long clients wait for the outcome of an append that is in
	// doubt before they are told that it is not known; 0 is a minute.
	DoubtWait time.Duration
	// StopWait is how long Run waits for it when the node stops; 0 is 5 s.
	StopWait time.Duration
	// Resume says when it is tried to resume without being asked.
	Resume ResumePolicy
	// AttemptTimeout bounds one attempt to resume; 0 is 10 min. Writing a
	// whole snapshot is the one thing in it that may take long.
	AttemptTimeout time.Duration
	// Reserve is given up when the disk is full; nil is none.
	Reserve Reserve
	// Secure makes all that is acknowledged durable without the journal as it
	// stands, which it may truncate; it is called after a failed sync. nil is
	// for journals where that is not needed.
	Secure func(context.Context) error
	// Notify is told when the health has changed. It must not wait.
	Notify func(HealthChange)
	// Wanted returns the classes of events that Events is to be told; nil is
	// none.
	Wanted func() events.Class
	// Events is told what the commands of a group did, in order, once it is
	// applied and before its clients are answered. It must not wait.
	Events func([]events.Event)
	// Clock returns the time; nil is time.Now.
	Clock func() time.Time
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// Writer is the one goroutine that writes. All proposals that have queued up
// while the last append was under way are its next group:
//
//	gather    the first waiter and all that queued meanwhile
//	evaluate  on one still view, each over its predecessors' drafts
//	append    one batch, one sync
//	apply     State.Apply, the same that recovery runs
//	answer    every waiter of the group
//
// Invariants: nothing is answered before its outcome is known; no lock of the
// state is held across the append, so readers never wait for a sync; when an
// append fails the drafts are dropped and the state is as it was. While nobody
// knows whether an append has failed, its group is neither applied nor answered;
// see pending.
type Writer struct {
	cfg     Config
	drafted *replay.Group // belongs to Run
	health  *Health

	mu    sync.Mutex
	queue []replay.Proposal // mu
	ended bool              // mu
	wake  chan struct{}
	spare []replay.Proposal // the queue's other buffer; belongs to Run
	took  atomic.Int64      // of an append, smoothed, in nanoseconds
	// refuses is why nothing is written but what a leader sends; see Follow.
	refuses atomic.Pointer[error]

	voids    int       // drafts that were dropped; belongs to Run
	voidSaid time.Time // when that was logged; likewise

	// appending is held by whoever appends: the writer, an attempt to resume, or
	// what is in doubt.
	appending turn
	epoch     uint64    // appending
	last      lastBatch // appending

	pendings chan *pending // what is in doubt, on its way to Run
	cur      *pending      // what is in doubt; belongs to Run
}

// lastBatch is what an attempt to resume must find at the journal's end.
type lastBatch struct {
	epoch uint64
	prev  journal.Digest
}

// New returns a Writer; Run makes it work.
func New(cfg Config) *Writer {
	if cfg.MaxValue == 0 {
		cfg.MaxValue = DefaultMaxValue
	}
	if cfg.Queue == 0 {
		cfg.Queue = 65536
	}
	if cfg.AppendTimeout == 0 {
		cfg.AppendTimeout = 30 * time.Second
	}
	if cfg.DoubtWait == 0 {
		cfg.DoubtWait = time.Minute
	}
	if cfg.StopWait == 0 {
		cfg.StopWait = 5 * time.Second
	}
	if cfg.AttemptTimeout == 0 {
		cfg.AttemptTimeout = 10 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Writer{cfg: cfg, drafted: cfg.State.NewGroup(cfg.MaxValue), wake: make(chan struct{}, 1), health: newHealth(&cfg),
		appending: make(turn, 1), pendings: make(chan *pending, 1)}
}

// Health returns whether the journal takes writes, and why not.
func (w *Writer) Health() *Health { return w.health }

// Start raises the epoch by one entry. It proves that the journal takes writes
// before any client's is accepted, and makes sure that a number which is used
// again after a lost tail carries another epoch. A journal that can't take it
// now, or does not say whether it has, begins suspended: what it holds is served.
func (w *Writer) Start(ctx context.Context) error {
	t, err := w.hold(ctx)
	if err != nil {
		return err
	}
	defer t.release()
	w.epoch = w.cfg.State.Epoch()
	if err := w.recall(ctx); err != nil {
		return err
	}
	_, err = w.probe(ctx)
	if err == nil {
		return nil
	}
	if d := doubtIn(err); d != nil {
		t.leave(d, nil)
		return nil
	}
	err = fmt.Errorf("begin epoch %d: %w", w.epoch+1, err)
	if fault.Of(err) != fault.Fatal {
		w.health.suspend(err)
		return nil
	}
	return err
}

// recall reads what the last batch was, for attempts to resume.
func (w *Writer) recall(ctx context.Context) error {
	st, err := w.cfg.Log.Stat(ctx)
	if err != nil || st.Last < st.First {
		return err
	}
	for c, err := range w.cfg.Log.Read(ctx, st.Last) {
		w.last = lastBatch{c.Batch().Epoch, c.Batch().Prev}
		return err
	}
	return nil
}

// Submit queues proposals, all or none, and returns at once. Each will be
// answered through its methods unless Submit returns an error.
func (w *Writer) Submit(ps ...replay.Proposal) error {
	w.mu.Lock()
	if w.ended {
		w.mu.Unlock()
		return ErrStopped
	}
	if len(w.queue)+len(ps) > w.cfg.Queue {
		w.mu.Unlock()
		return ErrBusy
	}
	w.queue = append(w.queue, ps...)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return nil
}

// AppendTime returns about how long an append takes at present.
func (w *Writer) AppendTime() time.Duration { return time.Duration(w.took.Load()) }

// Run answers proposals until ctx ends or something Fatal happens. When it
// returns every proposal has been answered.
func (w *Writer) Run(ctx context.Context) error {
	var err error
	for err == nil {
		if err = guarded(w.settled); err != nil {
			break
		}
		if ps := w.gather(); len(ps) > 0 {
			err = guarded(func() error { return w.group(ctx, ps) })
			clear(ps)
			w.spare = ps[:0]
			continue
		}
		if w.sleep(ctx) {
			continue
		}
		err = guarded(w.lastWord)
		break
	}
	w.end(err)
	return err
}

// settled takes in what was in doubt, if that is known.
func (w *Writer) settled() error {
	if w.cur == nil {
		select {
		case w.cur = <-w.pendings:
			w.cur.timer = time.NewTimer(w.cfg.DoubtWait)
		default:
			return nil
		}
	}
	select {
	case <-w.cur.doubt.Done():
		p := w.cur
		w.cur = nil
		return w.resolve(p)
	default:
		return nil
	}
}

// sleep waits until there is something to do. It returns false when ctx ends.
func (w *Writer) sleep(ctx context.Context) bool {
	var settled <-chan struct{}
	var late <-chan time.Time
	next := w.pendings
	if w.cur != nil {
		settled, late, next = w.cur.doubt.Done(), w.cur.timer.C, nil
	}
	select {
	case <-w.wake:
	case <-settled:
	case w.cur = <-next:
		w.cur.timer = time.NewTimer(w.cfg.DoubtWait)
	case <-late:
		w.cur.giveUp()
	case <-ctx.Done():
		return false
	}
	return true
}

func (p *pending) giveUp() {
	if p.late != nil {
		p.late()
	}
}

// lastWord waits for what is in doubt for as long as a node that stops can. The
// next start finds out what was not known by then.
func (w *Writer) lastWord() error {
	if w.cur == nil {
		return w.settled()
	}
	t := time.NewTimer(w.cfg.StopWait)
	defer t.Stop()
	select {
	case <-w.cur.doubt.Done():
		return w.settled()
	case <-t.C:
		w.cur.giveUp()
		return fault.As(fault.Operator, "stop", fmt.Errorf("%s; the next start finds out", w.cur.doubt.Error()))
	}
}

// gather takes all that is queued.
func (w *Writer) gather() []replay.Proposal {
	w.mu.Lock()
	defer w.mu.Unlock()
	ps := w.queue
	w.queue = w.spare
	w.spare = nil
	return ps
}

// end refuses what is queued and what comes later.
func (w *Writer) end(cause error) {
	w.mu.Lock()
	w.ended = true
	ps := w.queue
	w.queue = nil
	w.mu.Unlock()
	if cause == nil {
		cause = ErrStopped
	}
	for _, p := range ps {
		p.Settle(cause)
		p.Done()
	}
}

// guarded does a part of Run. A panic in the midst of it, where what is stored,
// applied and answered would no longer agree, is Fatal; recovery goes by the
// journal.
func guarded(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.As(fault.Fatal, "write a group", fault.Caught(p))
		}
	}()
	return do()
}

// group takes proposals through the journal, in as many batches as their size
// asks for. It returns only a Fatal error.
func (w *Writer) group(ctx context.Context, ps []replay.Proposal) error {
	for len(ps) > 0 {
		finished, open, err := w.evaluate(ps)
		if err == nil {
			err = w.settle(ctx)
		}
		if d := doubtIn(err); d != nil {
			ps = w.await(d, ps, finished, open)
			continue
		}
		if err == nil {
			w.announce(w.drafted)
		}
		for _, p := range ps[:finished] {
			p.Settle(err)
			p.Done()
		}
		for _, p := range w.drafted.Joined() {
			p.Settle(err)
			p.Done()
		}
		ps = ps[finished:]
		if open {
			ps[0].Settle(err)
		}
		if fault.Of(err) == fault.Fatal {
			for _, p := range ps {
				p.Settle(err)
				p.Done()
			}
			return err
		}
	}
	return nil
}

// announce tells what the commands of a group did.
func (w *Writer) announce(g *replay.Group) {
	if events := g.Events(); len(events) > 0 && w.cfg.Events != nil {
		w.cfg.Events(events)
	}
}

// evaluate steps proposals on one draft until it is full. It returns how many
// are finished, and whether the next has been begun. An error is what all of
// them are told: the draft is void, because the last of them panicked.
func (w *Writer) evaluate(ps []replay.Proposal) (finished int, open bool, err error) {
	var wanted events.Class
	if w.cfg.Wanted != nil {
		wanted = w.cfg.Wanted()
	}
	finished, open, err = w.drafted.Evaluate(w.cfg.Clock(), wanted, ps)
	if err == nil || fault.Of(err) == fault.Fatal {
		return finished, open, err
	}
	if p := (*fault.Panic)(nil); errors.As(err, &p) {
		w.voided(p)
	}
	return finished, open, ErrInternal
}

// voided logs that a draft was dropped, with a stack now and then: whoever can
// make it happen can do so often.
func (w *Writer) voided(p *fault.Panic) {
	w.voids++
	if now := w.cfg.Clock(); now.Sub(w.voidSaid) >= voidEvery {
		w.voidSaid = now
		w.cfg.Logger.Error("a group of writes is refused: one of them panicked",
			"cause", p, "groups", w.voids, "stack", string(p.Stack))
	}
}

// voidEvery is how often that is logged at most.
const voidEvery = 10 * time.Second

// settle appends and applies what was drafted, if anything. What a suspended
// journal is offered here frees room: the server refuses the rest before it is
// evaluated.
func (w *Writer) settle(ctx context.Context) error {
	if len(w.drafted.Entries()) == 0 {
		return nil
	}
	if err := w.Refusal(true); err != nil {
		return err
	}
	if !w.appending.tryLock() {
		if err := w.Refusal(true); err != nil { // whoever has it said so first
			return err
		}
		return errResuming
	}
	err := w.appendDraft(ctx)
	if doubtIn(err) == nil {
		w.appending.unlock()
	}
	return err
}

// appendDraft appends and applies what was drafted. A doubt keeps the right to
// append.
func (w *Writer) appendDraft(ctx context.Context) error {
	// Follow may have come in between; nothing may be written behind it.
	if reason := w.refuses.Load(); reason != nil {
		return *reason
	}
	_, err := w.commit(ctx, w.drafted.Entries(), w.drafted)
	switch {
	case err == nil:
		return nil
	case doubtIn(err) != nil || fault.Of(err) == fault.Refused:
		return err
	}
	return w.health.suspend(err)
}

var errResuming = fault.With(fault.Retryable,
	errors.New("it is being tried to resume; reads are served; writes resume when that has worked"))

// commit is the only way from entries to state: journal first, then Apply. The
// append is not cut short by a stopping node: its outcome must be known. g is the
// group that has drafted the entries, nil if none has.
func (w *Writer) commit(ctx context.Context, es []journal.Entry, g *replay.Group) (journal.Committed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.AppendTimeout)
	defer cancel()
	began := time.Now()
	w.cfg.State.Appending(false)
	b := journal.Batch{Epoch: w.epoch, Prev: w.cfg.State.Pos().Digest, Entries: es}
	c, err := w.cfg.Log.Append(ctx, b)
	if err != nil {
		return c, err
	}
	w.took.Add((int64(time.Since(began)) - w.took.Load()) / 8)
	w.last = lastBatch{b.Epoch, b.Prev}
	if g != nil {
		return c, g.Apply(c)
	}
	return c, w.cfg.State.Apply(c)
}

// Propose submits p and waits until it is done or ctx ends. In the second case
// p may still be carried out.
func (w *Writer) Propose(ctx context.Context, p replay.Proposal) error {
	done := make(chan struct{})
	if err := w.Submit(&waited{p, done}); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waited tells somebody when a proposal is done.
type waited struct {
	replay.Proposal
	done chan struct{}
}

func (p *waited) Done() {
	p.Proposal.Done()
	close(p.done)
}

// Sweep removes expired keys until ctx ends, unless writes are refused; see
// replay.State.Sweep.
func (w *Writer) Sweep(ctx context.Context, removed func(keys int)) {
	w.cfg.State.Sweep(ctx, w, w.cfg.Clock, removed)
}
