package jet

import (
	"context"
	"sync"
	"sync/atomic"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/timing"
	"ledge/journal/turn"
)

// Journal is a journal.Driver on the unreplicated stream of a broker.
//
// One goroutine appends. Everything else may run beside it.
type Journal struct {
	cfg    Config
	store  blocks.Store
	guard  broker.Guard
	mark   *marker
	stream *broker.Stream

	// These belong to the appending goroutine.
	wire   *wire
	down   error // why the broker doesn't have the stream, or nil
	ragged error // why a torn tail could not be cut off, or nil
	// doubt is about the last call that has not come back. Until it has, what
	// belongs to the appending goroutine is used by the goroutine of that call.
	doubt *journal.Doubt

	bulk    atomic.Bool // frames are synced by Sync, not by the broker; see Bulk
	syncing atomic.Pointer[journal.Syncing]
	suspect atomic.Bool // a sync has failed, so the page cache may lie
	synced  syncPoint
	// syncTimes counts how long syncs take; nil until TimeSyncs.
	syncTimes atomic.Pointer[timing.Histogram]
	witness   witness

	// first and last span what is acknowledged; bytes is what it takes.
	first, last atomic.Uint64
	bytes       atomic.Int64
	// dead is the Fatal error after which nothing is appended any more.
	dead atomic.Pointer[error]

	// api is held by whatever changes the stream other than by appending: Truncate,
	// Cut, Bulk, SetSync, Reopen and settling. It is taken before shape.
	api turn.Turn
	// halfTruncated is that a truncation up to just before first has not come to its
	// end. It belongs to whoever has api.
	halfTruncated bool
	// shape is held while a truncation has the broker remove and rename blocks, and
	// while Sync syncs them: a directory that is synced in the middle of a renaming
	// would keep the new name of a block whose bytes are not on the disk yet.
	shape turn.Turn

	resume resumePoint

	// life ends with Close, for owned: the goroutines that may hang with the disk.
	life  context.Context
	stop  context.CancelFunc
	owned sync.WaitGroup

	closing sync.Once
	closed  error
}

var _ journal.Driver = (*Journal)(nil)

// Open has the broker load the stream, or make it, and returns the journal that is in
// it. The broker has been started as Broker says, and is closed after the journal.
func (c *Checked) Open(ctx context.Context, b *broker.Broker) (*Journal, error) {
	const op = "open journal"
	j := &Journal{cfg: c.cfg, store: c.store, guard: c.guard, mark: c.mark,
		api: turn.New(), shape: turn.New()}
	j.syncing.Store(&journal.Syncing{Mode: c.cfg.Sync, Every: c.cfg.SyncEvery})
	j.life, j.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := j.open(ctx, b, c); err != nil {
		j.stop()
		j.release()
		return nil, fault.As(fault.Operator, op, err)
	}
	return j, nil
}

func (j *Journal) open(ctx context.Context, b *broker.Broker, c *Checked) (err error) {
	if j.stream, err = b.OpenStream(j.store, j.guard); err != nil {
		return err
	}
	sum := c.sum
	if err := j.enableStream(ctx, c.fresh, sum); err != nil {
		return err
	}
	j.first.Store(uint64(sum.First))
	j.last.Store(uint64(sum.Last))
	j.bytes.Store(sum.Bytes)
	if j.wire, err = dial(ctx, j.stream); err != nil {
		return err
	}
	err = j.mark.update(func(m *mark) {
		m.last, m.clean, m.synced = sum.Last, false, !j.lazy()
	})
	if err == nil {
		j.witness.begin(j, sum.Last)
	}
	return err
}

// enableStream has the broker load the stream, or make it. If it can't load the stream
// for want of room the journal is open for reading only: reads don't need the broker.
func (j *Journal) enableStream(ctx context.Context, fresh bool, sum Summary) error {
	if err := j.stream.Load(); err != nil {
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

// Stat returns what the journal spans.
func (j *Journal) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{
		First: journal.Seq(j.first.Load()), Last: journal.Seq(j.last.Load()), Bytes: j.bytes.Load(),
	}, nil
}
