package appliance

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/replay"
)

// Stopped is the directory of a node that doesn't run. Looking at it changes
// nothing but that Replay takes away what unfinished snapshots have left.
type Stopped struct {
	dir *directory
}

// OpenStopped takes the directory of a stopped node. It is refused while a
// process owns it.
func OpenStopped(dir string) (*Stopped, error) {
	d, err := openStopped(dir)
	if err != nil {
		return nil, err
	}
	return &Stopped{d}, nil
}

// Close lets the directory go.
func (s *Stopped) Close() error { return s.dir.close() }

// Node returns the node's name.
func (s *Stopped) Node() string { return s.dir.node }

// Created returns when the directory was made.
func (s *Stopped) Created() time.Time { return s.dir.id.Created }

// Journal checks every byte of the journal and says what it holds.
func (s *Stopped) Journal(ctx context.Context) (jet.Summary, error) {
	return jet.Verify(ctx, s.dir.journalPath())
}

// Batches yields the batches from number from on, each checked.
func (s *Stopped) Batches(ctx context.Context, from journal.Seq) iter.Seq2[journal.Committed, error] {
	return func(yield func(journal.Committed, error) bool) {
		log, err := s.log(ctx, journal.Stat{})
		if err != nil {
			yield(journal.Committed{}, err)
			return
		}
		log.Read(ctx, from)(yield)
	}
}

// Replay adds the journal up as recovery does, and returns where that ends and
// how many keys there are then. Nothing is left of it afterwards.
func (s *Stopped) Replay(ctx context.Context) (pos journal.Pos, n int, err error) {
	sum, err := s.Journal(ctx)
	if err != nil {
		return pos, 0, err
	}
	log, err := s.log(ctx, journal.Stat{First: sum.First, Last: sum.Last, Bytes: sum.Bytes})
	if err != nil {
		return pos, 0, err
	}
	st, _, err := replay.Recover(ctx, s.dir.snapshotPath(), log, max(s.dir.id.Databases, 1),
		slog.New(slog.DiscardHandler))
	if err != nil {
		return pos, 0, err
	}
	pos, n = st.Pos(), keys(st)
	return pos, n, st.Close()
}

// Snapshots returns the snapshots there are, newest first. Those that can't be
// read make up the error; the list is good all the same.
func (s *Stopped) Snapshots() ([]replay.Info, error) {
	return replay.ListSnapshots(s.dir.snapshotPath())
}

func (s *Stopped) log(ctx context.Context, span journal.Stat) (*journal.Log, error) {
	return journal.NewLog(ctx, &stoppedDriver{s.dir.journalPath(), span}, s.dir.lineage)
}

// stoppedDriver reads the journal's files where no broker has them.
type stoppedDriver struct {
	dir  string
	span journal.Stat
}

var errStopped = fault.As(fault.Refused, "", errors.New("a stopped node's journal is only read"))

// Append refuses.
func (d *stoppedDriver) Append(context.Context, journal.Seq, []byte) error { return errStopped }

// AppendAll refuses.
func (d *stoppedDriver) AppendAll(context.Context, journal.Seq, [][]byte) (int, error) {
	return 0, errStopped
}

// Cut refuses.
func (d *stoppedDriver) Cut(context.Context, journal.Seq) error { return errStopped }

// Bulk refuses.
func (d *stoppedDriver) Bulk(context.Context, bool) error { return errStopped }

// Sync has nothing to do: nothing is appended.
func (d *stoppedDriver) Sync(context.Context) error { return nil }

// Truncate refuses.
func (d *stoppedDriver) Truncate(context.Context, journal.Seq) error { return errStopped }

// Reopen refuses.
func (d *stoppedDriver) Reopen(context.Context) error { return errStopped }

// Read yields the frames from number from on.
func (d *stoppedDriver) Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return jet.Scan(ctx, d.dir, from)
}

// Stat returns what the journal was found to span.
func (d *stoppedDriver) Stat(context.Context) (journal.Stat, error) { return d.span, nil }

// Close has nothing to give up.
func (d *stoppedDriver) Close() error { return nil }
