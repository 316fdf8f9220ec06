package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"ledge/journal/fault"
)

// Log gives the frames of a Driver their meaning: it numbers and checksums
// batches on the way in and checks them on the way out.
//
// Append is for one goroutine; the rest may run beside it.
type Log struct {
	on atomic.Pointer[kept]

	// These belong to the appending goroutine.
	last  Seq
	buf   []byte                                  // reused between appends
	coder coder                                   // of the frames that are appended
	doubt *Doubt                                  // what is not settled, or nil
	after func(stored int, err error) []Committed // takes its outcome in
	// single says that it is Append's, which is not to be taken for stored when it
	// was not tried.
	single bool
	// syncing is what SetSync was called with last; nil is that it was not.
	syncing *Syncing
}

// kept is where a Log keeps its frames, and what they are of.
type kept struct {
	drv     Driver
	lineage Lineage
}

// NewLog returns a Log of the given lineage on drv.
func NewLog(ctx context.Context, drv Driver, l Lineage) (*Log, error) {
	log := &Log{}
	if err := log.Replace(ctx, drv, l); err != nil {
		return nil, err
	}
	return log, nil
}

// Replace puts another journal in place of the one that the log was on, which
// it does not close. It belongs to the appending goroutine.
func (l *Log) Replace(ctx context.Context, drv Driver, lineage Lineage) error {
	st, err := drv.Stat(ctx)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if l.syncing != nil { // it may have been set while drv was opened
		if err := drv.SetSync(ctx, *l.syncing); err != nil {
			return fmt.Errorf("open journal: %w", err)
		}
	}
	l.last = st.Last
	l.on.Store(&kept{drv, lineage})
	return nil
}

// Append stores b as the next number and returns it when it is durable. Any
// error but a Fatal one means that b is not in the journal, and a Doubt that this
// is still to be found out: Settle tells what came of it.
func (l *Log) Append(ctx context.Context, b Batch) (Committed, error) {
	const op = "append to the journal"
	if err := l.unsettled(op); err != nil {
		return Committed{}, err
	}
	seq := l.last + 1
	frame := l.coder.encodeFrame(l.buf[:0], l.Lineage(), seq, b)
	if cap(frame) <= 4*SoftBatch {
		l.buf = frame // a rare giant is not worth holding on to
	}
	if len(frame) > MaxFrame {
		return Committed{}, fault.As(fault.Refused, op,
			fmt.Errorf("batch of %d bytes; the limit is %d", len(frame), MaxFrame))
	}
	c := Committed{seq: seq, batch: b, size: len(frame)}
	if err := l.on.Load().drv.Append(ctx, l.last, frame); err != nil {
		l.hold(err, l.stored([]Committed{c}))
		l.single = l.doubt != nil
		return Committed{}, fault.As(fault.Fatal, op, err)
	}
	l.last = seq
	return c, nil
}

// hold keeps what is to be done when a doubt is settled. The driver still has
// the frames.
func (l *Log) hold(err error, after func(int, error) []Committed) {
	if errors.As(err, &l.doubt) {
		l.after, l.buf = after, nil
	}
}

// stored returns what takes in that some of cs are stored.
func (l *Log) stored(cs []Committed) func(int, error) []Committed {
	return func(n int, _ error) []Committed {
		l.last += Seq(n)
		return cs[:n]
	}
}

// unsettled refuses what has to wait for an outcome that is not known.
func (l *Log) unsettled(op string) error {
	if l.doubt == nil {
		return nil
	}
	return errInDoubt(op, l.doubt)
}

// Settle takes in how the doubt that the last call has ended in was settled, which
// it must be: what is stored of it, and why the rest is not. It belongs to the
// appending goroutine.
func (l *Log) Settle(d *Doubt) ([]Committed, error) {
	n, err := d.Outcome()
	var cs []Committed
	if l.doubt == d && l.after != nil {
		cs = l.after(n, err)
	}
	if err == nil && l.single && len(cs) == 0 {
		err = fault.With(fault.Retryable, errors.New("the disk has kept the journal from being written to"))
	}
	l.doubt, l.after, l.single = nil, nil, false
	return cs, fault.As(fault.Fatal, "settle an append", err)
}

// Check decodes frames that come from a journal of the same lineage and must
// follow number prev. They are not stored yet. An error is about the one after
// those that are returned.
func (l *Log) Check(prev Seq, frames []Frame) ([]Received, error) {
	rs := make([]Received, 0, len(frames))
	epoch := uint64(0)
	var c coder
	for _, f := range frames {
		b, err := l.history().check(&c, f, prev+1+Seq(len(rs)), epoch)
		if err != nil {
			return rs, err
		}
		rs, epoch = append(rs, Received{b, f.Data}), b.batch.Epoch
	}
	return rs, nil
}

// Received is a batch from another node's journal, as it is stored there.
type Received struct {
	c    Committed
	data []byte
}

// Seq returns the number that it has there.
func (r Received) Seq() Seq { return r.c.seq }

// Batch returns what the frame holds. It must not be changed.
func (r Received) Batch() Batch { return r.c.batch }

// AppendReceived stores frames as they are under the numbers that they have
// where they come from. It returns those that are stored; an error, which is
// Append's, is about the one after them.
func (l *Log) AppendReceived(ctx context.Context, rs []Received) ([]Committed, error) {
	const op = "append what was received"
	if err := l.unsettled(op); err != nil {
		return nil, err
	}
	frames, cs := make([][]byte, len(rs)), make([]Committed, len(rs))
	for i, r := range rs {
		if want := l.last + 1 + Seq(i); r.c.seq != want {
			return nil, fault.As(fault.Fatal, op, Damaged(want, "number %d was received", r.c.seq))
		}
		frames[i], cs[i] = r.data, r.c
	}
	n, err := l.on.Load().drv.AppendAll(ctx, l.last, frames)
	l.last += Seq(n)
	l.hold(err, l.stored(cs[n:]))
	return cs[:n], fault.As(fault.Fatal, op, err)
}

// Bulk says that many frames are to be stored that nobody waits for, or that this
// is over. It belongs to the appending goroutine.
func (l *Log) Bulk(ctx context.Context, on bool) error {
	const op = "begin or end bulk mode"
	if err := l.unsettled(op); err != nil {
		return err
	}
	err := l.on.Load().drv.Bulk(ctx, on)
	l.hold(err, nil)
	return fault.As(fault.Fatal, op, err)
}

// SetSync changes when what is appended is synced, for this journal and those that
// are put in its place. It belongs to the appending goroutine.
func (l *Log) SetSync(ctx context.Context, s Syncing) error {
	const op = "change when the journal is synced"
	if err := l.unsettled(op); err != nil {
		return err
	}
	err := l.on.Load().drv.SetSync(ctx, s)
	l.hold(err, nil)
	if err == nil {
		l.syncing = &s
	}
	return fault.As(fault.Fatal, op, err)
}

// Syncing returns when what is appended is synced at present; zero is that the journal
// has not been opened yet.
func (l *Log) Syncing() Syncing { return l.on.Load().drv.Syncing() }

// Sync returns when all that is stored is durable, whatever the sync mode. It may
// run beside the appends.
func (l *Log) Sync(ctx context.Context) error {
	return fault.As(fault.Fatal, "sync the journal", l.on.Load().drv.Sync(ctx))
}

// Synced returns the number up to which the journal is surely on the disk.
func (l *Log) Synced() Seq {
	n, _ := l.on.Load().drv.Synced()
	return n
}

// AwaitSync waits until the journal is on the disk up to a number, or ctx ends,
// and reports whether it is. It asks for no sync. With SyncOff nobody does, so it
// doesn't wait.
func (l *Log) AwaitSync(ctx context.Context, seq Seq) bool {
	for {
		n, grown := l.on.Load().drv.Synced()
		if n >= seq {
			return true
		}
		if l.Syncing().Mode == SyncOff {
			return false
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return false
		}
	}
}

// Cut takes out what is stored after number last, and turned out not to belong
// there. It belongs to the appending goroutine.
func (l *Log) Cut(ctx context.Context, last Seq) error {
	const op = "cut the journal"
	if err := l.unsettled(op); err != nil {
		return err
	}
	ends := func(_ int, err error) []Committed {
		if err == nil {
			l.last = last
		}
		return nil
	}
	err := l.on.Load().drv.Cut(ctx, last)
	ends(0, err)
	l.hold(err, ends)
	return fault.As(fault.Fatal, op, err)
}

// Reopen makes a journal that has refused an append fit to take one again, and
// checks that it ends where it did. It belongs to the appending goroutine.
func (l *Log) Reopen(ctx context.Context) error {
	const op = "open the journal anew"
	if err := l.unsettled(op); err != nil {
		return err
	}
	if err := l.on.Load().drv.Reopen(ctx); err != nil {
		return fault.As(fault.Operator, op, err)
	}
	st, err := l.Stat(ctx)
	switch {
	case err != nil:
		return fault.As(fault.Operator, op, err)
	case st.Last < l.last:
		return fault.As(fault.Fatal, op,
			Damaged(st.Last+1, "the journal ends here; number %d was acknowledged", l.last))
	case st.Last > l.last:
		return fault.As(fault.Operator, op, fmt.Errorf(
			"the journal goes on to number %d, which nobody here wrote; the last of ours is %d", st.Last, l.last))
	}
	return nil
}

// Read yields the batches from number from to the last, as History says.
func (l *Log) Read(ctx context.Context, from Seq) iter.Seq2[Committed, error] {
	return func(yield func(Committed, error) bool) { l.history().Read(ctx, from)(yield) }
}

// history is what the log has at present.
func (l *Log) history() history {
	k := l.on.Load()
	return history{k.drv, k.lineage}
}

// Truncate forgets every batch up to and including upTo.
func (l *Log) Truncate(ctx context.Context, upTo Seq) error {
	return l.on.Load().drv.Truncate(ctx, upTo)
}

// Stat returns what the journal spans.
func (l *Log) Stat(ctx context.Context) (Stat, error) { return l.on.Load().drv.Stat(ctx) }

// Lineage returns the journal's identity.
func (l *Log) Lineage() Lineage { return l.on.Load().lineage }

// Close closes the driver.
func (l *Log) Close() error { return l.on.Load().drv.Close() }
