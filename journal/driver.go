package journal

import (
	"context"
	"errors"
	"iter"
)

// Reader has the frames that are stored. Its methods may run beside each other and
// beside appends.
type Reader interface {
	// Read yields the frames from number from up to the last one that was stored
	// when Read was called. A number that is missing or unreadable ends the
	// sequence with an error that names it. A frame's data are valid until the
	// next frame is asked for.
	Read(ctx context.Context, from Seq) iter.Seq2[Frame, error]

	// Stat returns what the journal spans.
	Stat(ctx context.Context) (Stat, error)
}

// Appender writes at the journal's end. All its methods belong to one goroutine,
// the appending one. When a call returns a *Doubt, no other may be made until that
// is settled.
type Appender interface {
	// Append stores frame under the number prev+1 and returns nil only when
	// it is durable as the sync mode promises. An error classed Refused,
	// Retryable or Operator means that the frame is not stored and never
	// will be. A driver that gets no clear answer finds out by itself; if it
	// can't, the error is Fatal. It does not keep frame.
	Append(ctx context.Context, prev Seq, frame []byte) error

	// AppendAll is Append for several frames in a row, all of which the driver may
	// take in before the first is answered. It returns how many are stored: all of
	// them, or those before the one that the error is about. A *Doubt is about that
	// one and those after it; some may turn out not to be stored without an error,
	// as they were not tried.
	AppendAll(ctx context.Context, prev Seq, frames [][]byte) (stored int, err error)

	// Cut forgets every frame after number last. Their numbers are used again.
	// When it returns an error it is not certain what is left.
	Cut(ctx context.Context, last Seq) error

	// Bulk says that many appends are to come that nobody waits for, or that
	// this is over. Meanwhile a driver that syncs each frame may leave that to
	// Sync. When it fails appends may go on failing, as after a failed append.
	Bulk(ctx context.Context, on bool) error

	// SetSync changes when what is appended is synced, for the appends to come. After
	// a change to SyncAlways what was appended before is synced as well. When it
	// fails appends may go on failing, and Syncing says what holds.
	SetSync(ctx context.Context, s Syncing) error

	// Reopen makes a journal that has refused an append fit to take one again:
	// it opens anew what the fault has closed, and reads what it has
	// acknowledged, all of it if that may not be what was written. When it
	// returns an error appends may go on failing, and nothing else is worse.
	Reopen(ctx context.Context) error
}

// Driver keeps frames under consecutive numbers. It knows nothing of what
// they mean. journaltest is the suite that every Driver passes.
//
// Truncate, Sync and Synced may run beside appends and reads.
type Driver interface {
	Reader
	Appender

	// Truncate forgets every frame with a number up to and including upTo.
	// The numbers are not used again.
	Truncate(ctx context.Context, upTo Seq) error

	// Sync returns when all frames that were stored when it was called are
	// durable, whatever the sync mode. When it fails that may never be so. When
	// ctx ends first the error is a *Doubt, which appends need not wait for.
	Sync(ctx context.Context) error

	// Synced returns the number up to which the frames are surely on the disk,
	// and a channel that is closed once more are, or that is synced in another way. It promises what has come to
	// pass, and not what the sync mode lets hope for.
	Synced() (Seq, <-chan struct{})

	// Syncing returns when what is appended is synced at present. It is zero for a
	// driver to which that means nothing.
	Syncing() Syncing

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
