// Package writer takes what clients propose, and what a leader sends, through the
// journal into a state. The Writer is the one goroutine that writes; its Health
// is the one place that knows whether the journal takes writes.
//
// # A commit, stage by stage
//
//	submit    whoever serves clients queues proposals (queue.go)
//	gather    all that has queued up while the last group was under way is the
//	          next group
//	evaluate  each proposal is stepped on one draft, on top of those before it
//	          (group.go, replay.Group)
//	append    one batch, one message, one sync (commit.go)
//	apply     replay.Group.Apply, which runs the same code as recovery
//	answer    every proposal of the group, those that only read or failed too
//
// A group that has grown past journal.SoftBatch, or holds much memory, is cut
// short: the rest of its proposals is the next batch, and one that was in the
// middle of its commands goes on there.
//
// # What holds
//
//   - A state changes only by a batch that is in the journal. Lead, the probe of an
//     attempt to resume and the follower's intake go through commit or Ingest, too.
//   - Nothing is answered before its outcome is known, reads in the same group
//     included: they may have seen what then is not stored.
//   - No lock of the state is held across the append, so readers never wait for a
//     sync. They see what has been applied.
//   - When an append fails, the draft is dropped and the state is as it was.
//   - While nobody knows whether an append has failed, its group is neither applied
//     nor answered, and nothing is appended after it (in_doubt.go).
//   - One right to append, the turn in Writer.appending, is with whoever appends,
//     reopens or cuts the journal, and moves to what is in doubt (appending.go).
//   - A panic costs the group in which it came up, before the append. From the
//     append on it is Fatal: what is stored, applied and answered might not agree,
//     and recovery goes by the journal.
//
// # Who may touch what
//
// Run owns the draft, the spare queue and what is in doubt. The queue is under mu,
// which is held for a few instructions. Epoch and last batch belong to whoever has
// the turn. Health has a mutex of its own, under which nothing is called that waits.
// The turn is taken first; mu and Health's mutex are never held together.
//
// # What was tried first
//
// One proposal for each append made the sync the limit: groups that gather while an
// append is under way are why 50 clients write as fast as one disk can sync for all
// of them. A timer that held a group open for more to come cost a lone client its
// delay; the event loop gathers instead, because it knows its clients (respd), and
// asks AppendTime how long it may. Taking the state's lock for the append, as a
// simple loop would, had reads wait for a disk that hung.
//
// An append that had no answer after ten seconds was Fatal at first. A disk that hung
// for 25 s then stopped the node, reads included, though nothing had failed. Since
// such an append stays in doubt instead, fsyncs that hang for 15 to 300 s cost
// nothing but writes: reads' p99 stayed at 1 to 2 ms, and the first write came 5 to
// 13 ms after the disk's return (50 clients, two shared cores).
package writer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/turn"
	"ledge/replay"
)

// Writer is the one goroutine that writes; see the head of the package for how.
// Submit, Propose, Refusal, Health and AppendTime may be called from any goroutine.
// Start comes before Run; Run and RunHealth are called once each, beside each other.
type Writer struct {
	cfg     Config
	drafted *replay.Group // what the group under way has drafted; belongs to Run
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

	// appending is the right to append. Run has it for each batch, an attempt to
	// resume and a follower for as long as they are at it, and what is in doubt
	// until it is settled.
	appending turn.Turn
	// brief is closed when whoever has the turn for a moment is done, and nil while
	// nobody has it so: a group waits for that. briefs counts how often that began.
	brief  atomic.Pointer[chan struct{}]
	briefs atomic.Int64
	epoch  uint64    // of the next batch; appending
	last   lastBatch // appending

	pendings chan *pending // what is in doubt, on its way to Run
	doubted  *pending      // what is in doubt; belongs to Run
}

// lastBatch says of the last batch what an attempt to resume must find at the
// journal's end. Anything else there was not written by this Writer.
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
		appending: turn.New(), pendings: make(chan *pending, 1)}
}

// Health returns whether the journal takes writes, and why not.
func (w *Writer) Health() *Health { return w.health }

// AppendTime returns about how long an append takes at present.
func (w *Writer) AppendTime() time.Duration { return time.Duration(w.took.Load()) }

// Refusal returns what a write is refused with, or nil: a journal that takes
// none, or a leader that does. frees says that it is one that frees room.
func (w *Writer) Refusal(frees bool) error {
	if reason := w.refuses.Load(); reason != nil {
		return *reason
	}
	return w.health.Refusal(frees)
}

// AtLeast raises the least that the next epoch may be, once that is known. It comes
// before Start and Follow.
func (w *Writer) AtLeast(epoch uint64) { w.cfg.Epoch = max(w.cfg.Epoch, epoch) }

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

// Sweep removes expired keys until ctx ends, unless writes are refused; see
// replay.State.Sweep.
func (w *Writer) Sweep(ctx context.Context, removed func(keys int)) {
	w.cfg.State.Sweep(ctx, w, w.cfg.Clock, removed)
}
