package journal

import (
	"context"
	"errors"
	"iter"
)

// Driver keeps frames under consecutive numbers. It knows nothing of what
// they mean. journaltest is the suite that every Driver passes.
//
// One goroutine appends; reads, Stat and Truncate may run beside it.
type Driver interface {
	// Append stores frame under the number prev+1 and returns nil only when
	// it is durable as the sync mode promises. An error classed Refused,
	// Retryable or Operator means that the frame is not stored and never
	// will be. A driver that gets no clear answer finds out by itself; if it
	// can't, the error is Fatal. It does not keep frame.
	Append(ctx context.Context, prev Seq, frame []byte) error

	// AppendAll is Append for frames in a row, which stand behind each other
	// before the first is answered. It returns how many are stored: all of them,
	// or those in front of the one that the error is about. A *Doubt is about
	// those behind them; some may turn out not to be stored without an error, as
	// they were not tried.
	AppendAll(ctx context.Context, prev Seq, frames [][]byte) (stored int, err error)

	// Read yields the frames from number from up to the last one that stood
	// when Read was called. A number that is missing or unreadable ends the
	// sequence with an error that names it. A frame's data are valid until
	// the next frame is asked for.
	Read(ctx context.Context, from Seq) iter.Seq2[Frame, error]

	// Stat returns what the journal spans.
	Stat(ctx context.Context) (Stat, error)

	// Truncate forgets every frame with a number up to and including upTo.
	// The numbers are not used again.
	Truncate(ctx context.Context, upTo Seq) error

	// Cut forgets every frame behind number last. Their numbers are used again.
	// When it returns an error it is not certain what is left. It belongs to the
	// appending goroutine.
	Cut(ctx context.Context, last Seq) error

	// Bulk says that many appends are to come that nobody waits for, or that
	// this is over. Meanwhile a driver that syncs each frame may leave that to
	// Sync. When it fails appends may go on failing, as behind a failed append.
	// It belongs to the appending goroutine, and may be in Doubt.
	Bulk(ctx context.Context, on bool) error

	// Sync returns when all frames that stood when it was called are durable,
	// whatever the sync mode. When it fails that may never be so. It may run
	// beside the appends. When ctx ends first the error is a *Doubt, which
	// appends need not wait for.
	Sync(ctx context.Context) error

	// Synced returns the number up to which the frames are surely on the disk,
	// and a channel that is closed once more are. It promises what has come to
	// pass, and not what the sync mode lets hope for. It may run beside the
	// appends.
	Synced() (Seq, <-chan struct{})

	// Reopen makes a journal that has refused an append fit to take one again:
	// it opens anew what the fault has closed, and reads what it has
	// acknowledged, all of it if that may not be what was written. When it
	// returns an error appends may go on failing, and nothing else is worse.
	// It belongs to the appending goroutine.
	Reopen(ctx context.Context) error

	// Close gives up what Open took, within a bound: what hangs is left as it is,
	// for the next Open to find out. It is safe to call twice.
	Close() error
}

// An append's error wraps one of these when more than waiting is called for.
var (
	// ErrNoSpace: the disk, or a quota on it, is full.
	ErrNoSpace = errors.New("no space")
	// ErrSync: a sync has failed, so what was stored since the last one that
	// worked may not be on the disk, whatever later syncs say.
	ErrSync = errors.New("sync failed")
)

// Frame is what a Driver keeps under one number.
type Frame struct {
	Seq  Seq
	Data []byte
}

// Stat is the span of a journal. In an empty one First is Last+1.
type Stat struct {
	First, Last Seq
	Bytes       int64
}
