package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Journal is a journal.Driver on a stream of the broker that it runs.
//
// One goroutine appends. Everything else may run beside it.
type Journal struct {
	cfg    Config
	store  blocks.Store
	guard  broker.Guard
	mark   *marker
	broker *broker.Broker

	// These belong to the appending goroutine.
	wire   *wire
	down   error // why the broker doesn't have the stream, or nil
	ragged error // why a torn tail could not be cut off, or nil
	// doubt is what has not come back; until it has, what belongs to the appending
	// goroutine is its goroutine's.
	doubt *journal.Doubt

	bulk    atomic.Bool // frames are synced by Sync, not by the broker; see Bulk
	suspect atomic.Bool // a sync has failed, so the page cache may lie
	synced  syncPoint
	witness witness

	// first and last span what is acknowledged; bytes is what it takes.
	first, last atomic.Uint64
	bytes       atomic.Int64
	// dead is the Fatal error after which nothing is appended any more.
	dead atomic.Pointer[error]

	// api serializes what changes the stream other than by appending: Truncate
	// and settling.
	api turn
	// shape is held while the broker removes and renames blocks, and by whoever
	// syncs them, one at a time: a directory that is synced in the middle of it
	// would keep the new name of a block whose bytes are not on the disk yet.
	shape turn

	resume resumePoint

	// life ends with Close, for owned: the goroutines that may hang with the disk.
	life  context.Context
	stop  context.CancelFunc
	owned sync.WaitGroup

	closing sync.Once
	closed  error
}

var _ journal.Driver = (*Journal)(nil)

// Open checks the store in cfg.Dir, starts the broker on it and returns the
// journal. A store that is damaged, missing or of another lineage is refused
// and left as it is.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	const op = "open journal"
	if err := cfg.Validate(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	cfg.setDefaults()
	store := blocks.NewStore(cfg.Dir)
	j := &Journal{cfg: cfg, store: store, guard: broker.NewGuard(cfg.Dir, store), api: make(turn, 1), shape: make(turn, 1)}
	j.life, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := j.open(ctx); err != nil {
		j.stop()
		j.release()
		return nil, fault.As(fault.Operator, op, err)
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context) error {
	if err := os.MkdirAll(j.cfg.Dir, 0o700); err != nil {
		return err
	}
	if n, err := j.guard.Restore(); err != nil {
		return err
	} else if n > 0 {
		j.cfg.Log.Warn("a start was cut short while the broker deleted the journal; it is put back", "files", n)
	}
	fresh, err := j.openMark()
	if err != nil {
		return err
	}
	sum := Summary{First: j.cfg.First, Last: j.cfg.First - 1}
	if !fresh {
		if sum, err = j.check(ctx); err != nil {
			return err
		}
	}
	if err := j.mark.reopen(); err != nil {
		return err
	}
	if j.broker, err = broker.Start(ctx, j.cfg.broker()); err != nil {
		return err
	}
	if err := j.give(ctx, fresh, sum); err != nil {
		return err
	}
	j.first.Store(uint64(sum.First))
	j.last.Store(uint64(sum.Last))
	j.bytes.Store(sum.Bytes)
	if j.wire, err = dial(ctx, j.broker); err != nil {
		return err
	}
	err = j.mark.update(func(m *mark) {
		m.last, m.clean, m.synced = sum.Last, false, j.cfg.Sync == SyncAlways
	})
	if err == nil {
		j.witness.begin(j, sum.Last)
	}
	return err
}

// give lets the broker have the stream. One that it can't load for want of room
// is served from without it: reads don't need the broker.
func (j *Journal) give(ctx context.Context, fresh bool, sum Summary) error {
	if err := j.broker.Enable(); err != nil {
		if err = broker.DiskError(err.Error()); fresh || fault.Of(err) != fault.Retryable {
			return err
		}
		j.cfg.Log.Error("the journal is open for reading only", "cause", err)
		j.down = err
		return nil
	}
	if fresh {
		if err := j.createStream(ctx); err != nil {
			return err
		}
	}
	return j.checkStream(ctx, sum.First, sum.Last)
}

// openMark reads the mark, or makes one for a new journal. It reports whether
// the stream is to be created.
func (j *Journal) openMark() (fresh bool, err error) {
	there, err := j.store.Exists()
	if err != nil {
		return false, err
	}
	j.mark, err = loadMark(j.cfg.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && there:
		return false, errNoMark(j.cfg.Dir)
	case errors.Is(err, fs.ErrNotExist) && j.cfg.Create:
		j.mark, err = createMark(j.cfg.Dir, j.cfg.Lineage, j.cfg.First-1)
		return true, err
	case errors.Is(err, fs.ErrNotExist):
		return false, journal.Damage(
			fmt.Errorf("journal stream %q is missing: there is no %s", blocks.Stream, j.store.Dir))
	case err != nil:
		return false, err
	}
	m := j.mark.get()
	if m.lineage != j.cfg.Lineage {
		return false, journal.Damage(fmt.Errorf("journal in %s is of lineage %s; this node is %s",
			j.cfg.Dir, m.lineage, j.cfg.Lineage))
	}
	// A first start that was cut short may have left part of a stream.
	unborn := m.last == j.cfg.First-1 && m.floor == j.cfg.First-1 && !m.clean
	return unborn && j.cfg.Create && !j.store.Created(), nil
}

// errNoMark says that there is a journal and no mark.
func errNoMark(dir string) error {
	return journal.Damage(fmt.Errorf("%s has a journal stream but no file %q that vouches for it", dir, markFile))
}

// check reads the whole store before the broker gets to see it. What costs
// nothing it makes good: it cuts off what is at the end and no frame, writes
// the stream's own files again, and takes the broker's index away unless the
// journal was closed in good order and it goes up to the end: an old index can
// make the broker leave a gap.
func (j *Journal) check(ctx context.Context) (Summary, error) {
	m := j.mark.get()
	sum, e, err := verify(ctx, j.store, m, nil)
	if err != nil {
		return sum, err
	}
	if j.mark.note != "" {
		j.cfg.Log.Warn(j.mark.note)
	}
	for _, note := range sum.Notes {
		j.cfg.Log.Warn(note)
	}
	if e.Torn > 0 {
		if err := j.store.Cut(e.Tail); err != nil {
			return sum, fmt.Errorf("cut the torn tail: %w", err)
		}
	}
	if metaFault(j.store, j.cfg.Lineage) != nil {
		if err := writeMeta(j.store, &j.cfg); err != nil {
			return sum, fmt.Errorf("write the stream's own files again: %w", err)
		}
	}
	if n, ok := j.store.IndexLast(); !m.clean || !ok || n != sum.Last {
		return sum, j.store.DropIndex()
	}
	return sum, nil
}

// Read yields the frames from number from up to the last one that is
// acknowledged now. It reads the files, not the broker, so it goes on while
// the broker can't.
func (j *Journal) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		first, last := journal.Seq(j.first.Load()), journal.Seq(j.last.Load())
		if from < first {
			yield(journal.Frame{}, fault.As(fault.Fatal, "jet.Read", &journal.DamageError{
				Seq: from, Cause: fmt.Sprintf("truncated; the journal begins with number %d", first),
			}))
			return
		}
		if from > last {
			return
		}
		if err := j.read(ctx, first, from, last, yield); err != nil && err != blocks.ErrStop {
			yield(journal.Frame{}, fault.As(fault.Fatal, "jet.Read", err))
		}
	}
}

func (j *Journal) read(ctx context.Context, first, from, last journal.Seq,
	yield func(journal.Frame, error) bool) error {
	start := j.resume.get(from)
	next := from
	_, err := j.store.Walk(ctx, first-1, from, start, func(r blocks.Record, p blocks.Place) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		more := yield(journal.Frame{Seq: r.Seq, Data: r.Data}, nil)
		next++
		if more && r.Seq < last {
			return nil
		}
		p.Off += int64(r.Size)
		j.resume.set(next, p)
		return blocks.ErrStop
	})
	if err == nil && next <= last {
		err = journal.Damaged(next, "the journal ends here; the last number is %d", last)
	}
	return err
}

// resumePoint remembers where the latest Read ended, so that who reads on from
// there, some frames at a time, doesn't read a whole block for each few.
type resumePoint struct {
	mu  sync.Mutex
	seq journal.Seq
	at  blocks.Place
}

func (r *resumePoint) get(seq journal.Seq) *blocks.Place {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seq != seq {
		return nil
	}
	p := r.at
	return &p
}

func (r *resumePoint) set(seq journal.Seq, at blocks.Place) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq, r.at = seq, at
}

// Stat returns what the journal spans.
func (j *Journal) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{
		First: journal.Seq(j.first.Load()), Last: journal.Seq(j.last.Load()), Bytes: j.bytes.Load(),
	}, nil
}

// Truncate forgets the frames up to and including upTo. That they may be gone
// is on disk before they go.
func (j *Journal) Truncate(ctx context.Context, upTo journal.Seq) error {
	const op = "jet.Truncate"
	if err := j.api.lock(ctx); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer j.api.unlock()
	last := journal.Seq(j.last.Load())
	upTo = min(upTo, last)
	if upTo < journal.Seq(j.first.Load()) {
		return nil
	}
	lazy := j.lazy()
	if lazy { // a power cut takes what is not synced, and the mark must not miss it
		if err := j.Sync(ctx); err != nil {
			var d *journal.Doubt
			if errors.As(err, &d) { // nothing is changed by it
				err = fault.As(fault.Retryable, op, errors.New(d.Error()))
			}
			return err
		}
		if err := j.shape.lock(ctx); err != nil {
			return fault.As(fault.Retryable, op, err)
		}
		defer j.shape.unlock()
		if err := j.guardTruncation(); err != nil {
			return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
		}
	}
	if err := j.mark.update(func(m *mark) { m.floor, m.last = upTo, max(m.last, last) }); err != nil {
		return fault.As(fault.Operator, op, broker.DiskError(err.Error()))
	}
	j.first.Store(uint64(upTo) + 1)
	if err := j.broker.Purge(ctx, upTo); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	if lazy { // what the broker has rewritten it has not synced
		if err := durable.Tree(j.store.Dir); err != nil {
			return fault.As(fault.Operator, op, err)
		}
		if err := j.guard.Clear(); err != nil {
			return fault.As(fault.Operator, op, err)
		}
	}
	info, err := j.broker.StreamInfo(ctx)
	if err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	j.bytes.Store(info.Bytes)
	return nil
}

// guardTruncation keeps the blocks as they are until the broker's are synced. On a
// full disk there may be no room for that, and a truncation is what makes room.
func (j *Journal) guardTruncation() error {
	err := j.guard.Set()
	if err == nil {
		err = j.guard.Sync()
	}
	if durable.Full(err) {
		return j.guard.Clear()
	}
	return err
}

// Broker returns the broker that the journal runs. It ends with the journal.
func (j *Journal) Broker() *broker.Broker { return j.broker }

// ClientURL returns where NATS clients connect, or "" without a listener.
func (j *Journal) ClientURL() string { return j.broker.ClientURL() }

// Close stops the broker and syncs the store. The appending goroutine must be
// done. What hangs with the disk, and what has to wait for that, is left behind
// after CloseLimit: the next Open finds out what stands.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closed = fault.As(fault.Operator, "close journal", j.close()) })
	return j.closed
}

// CloseLimit bounds how long Close takes.
const CloseLimit = 10 * time.Second

func (j *Journal) close() error {
	j.stop()
	done := make(chan error, 1)
	go func() {
		j.owned.Wait()
		j.api <- struct{}{} // for good
		done <- j.shut()
	}()
	t := time.NewTimer(CloseLimit)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("%w in %s; the next start finds out what is stored", errBusy, CloseLimit)
	}
}

// shut gives up what Open took, when nothing is at the store any more.
func (j *Journal) shut() error {
	if !j.witness.end(CloseLimit) {
		return errBusy
	}
	j.release()
	if err := durable.Tree(j.cfg.Dir); err != nil {
		return err
	}
	if j.dead.Load() != nil || j.down != nil {
		return nil // what stands in the files is for the next Open to find out
	}
	return j.mark.close(func(m *mark) { m.last, m.clean = journal.Seq(j.last.Load()), true })
}

// release gives up what runs.
func (j *Journal) release() {
	j.witness.end(CloseLimit)
	if j.wire != nil {
		j.wire.close()
	}
	if j.broker != nil {
		j.broker.Close()
	}
}
