package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
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
	// doubt is about the last call that has not come back. Until it has, what
	// belongs to the appending goroutine is used by the goroutine of that call.
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

	// api is held by whatever changes the stream other than by appending: Truncate,
	// Cut, Bulk, Reopen and settling. It is taken before shape.
	api turn
	// shape is held while a truncation has the broker remove and rename blocks, and
	// while Sync syncs them: a directory that is synced in the middle of a renaming
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
	if err := j.enableStream(ctx, fresh, sum); err != nil {
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

// enableStream has the broker load the stream, or make it. If it can't load the stream
// for want of room the journal is open for reading only: reads don't need the broker.
func (j *Journal) enableStream(ctx context.Context, fresh bool, sum Summary) error {
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

// check reads the whole store before the broker gets to see it. What no frame depends
// on it makes good: it cuts off a torn end, and writes the stream's configuration
// again. It removes the broker's index unless the journal was closed in good order
// and the index goes up to the end: an old one can make the broker leave a gap.
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

// Stat returns what the journal spans.
func (j *Journal) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{
		First: journal.Seq(j.first.Load()), Last: journal.Seq(j.last.Load()), Bytes: j.bytes.Load(),
	}, nil
}

// Broker returns the broker that the journal runs. It ends with the journal.
func (j *Journal) Broker() *broker.Broker { return j.broker }

// ClientURL returns where NATS clients connect, or "" without a listener.
func (j *Journal) ClientURL() string { return j.broker.ClientURL() }
