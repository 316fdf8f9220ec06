package replication

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay"
	"ledge/replay/recovery"
	"ledge/replay/remote"
	"ledge/replay/writer"
)

// adopter is the node as the follower's goroutine sees it.
type adopter struct{ r *Replication }

func (t adopter) Lineage() journal.Lineage { return t.r.cfg.Log.Lineage() }
func (t adopter) State() *replay.State     { return t.r.cfg.State }
func (t adopter) Inbox() string            { return t.r.cfg.Inbox }
func (t adopter) Synced() journal.Seq      { return t.r.cfg.Synced() }

// Empty reports whether the node holds nothing that anybody has written: no keys
// and no functions.
func (t adopter) Empty() bool { return t.r.cfg.State.Empty() }

// Suspended returns why the node's journal takes no writes, or nil.
func (t adopter) Suspended() error {
	if s := t.r.cfg.Writer.Health().Suspension(); s != nil {
		return s
	}
	return nil
}

// Fits refuses a snapshot for which the disk has no room, or which is longer than
// all the memory that the process may take.
func (t adopter) Fits(bytes, have int64) error {
	if most := t.r.cfg.MaxMemory(); most > 0 && bytes > most {
		return fault.With(fault.Operator, fmt.Errorf(
			"the leader's snapshot has %d bytes; max-memory is %d", bytes, most))
	}
	free, err := t.r.cfg.Free()
	if err != nil {
		return fault.With(fault.Operator, fmt.Errorf("see how much room there is for a snapshot: %w", err))
	}
	if bytes-have > free {
		return fault.With(fault.Operator, fmt.Errorf(
			"the leader's snapshot has %d bytes, of which %d are here; the disk has room for %d", bytes, have, free))
	}
	return nil
}

// Ingest appends and applies frames.
func (t adopter) Ingest(ctx context.Context, frames []journal.Frame, last journal.Seq) error {
	hurry(t.r, writer.Far(t.r.cfg.State.Pos().Seq, last))
	err := t.r.sink.Ingest(ctx, frames, last)
	if err == nil {
		t.r.cfg.Clients.Came()
	}
	return err
}

// SetAside has what there is kept under another name when the leader's journal
// comes in its place.
func (t adopter) SetAside(_ context.Context, why error) error {
	t.r.diverged = why
	return nil
}

// Adopt puts a journal that begins after the snapshot in path in place of the
// node's, or an empty one that begins with number 1.
//
// What is to be done is written into ledge.json before anything is removed, so
// that a start after a cut finishes it. The broker is away for a moment, and
// with it all connections to its port; clients are served from the old state
// until the new one stands.
func (t adopter) Adopt(ctx context.Context, l journal.Lineage, path string, at journal.Pos) error {
	cfg := &t.r.cfg
	fresh, first, err := t.load(ctx, l, path, at)
	if err != nil {
		return err
	}
	progress.Of(ctx).Step(remote.StepAdopt, progress.Unmeasured, 0)
	done, err := cfg.Snapshots.Hold(ctx)
	if err != nil {
		return errors.Join(fault.With(fault.Retryable, err), fresh.Close())
	}
	defer done()
	goOn, err := t.r.Hold(ctx)
	if err != nil {
		return errors.Join(err, fresh.Close())
	}
	defer goOn()
	if err := ctx.Err(); err != nil { // told to stop by whoever had the turn
		return errors.Join(fault.With(fault.Retryable, err), fresh.Close())
	}
	release, err := t.r.sink.Quiesce(ctx)
	if err != nil {
		return errors.Join(err, fresh.Close())
	}
	defer release()
	if err := cfg.Directory.Adopt(l, first, path, t.r.diverged); err != nil {
		return errors.Join(err, fresh.Close())
	}
	if t.r.diverged != nil {
		cfg.Logger.Warn("what the leader does not have is set aside in the directory diverged",
			"last", uint64(cfg.State.Pos().Seq), "cause", t.r.diverged)
	}
	t.r.diverged = nil
	// From here on there is no way back, and no end but the node's.
	if err := t.replace(context.WithoutCancel(ctx), l, fresh); err != nil {
		return fault.As(fault.Fatal, "adopt the leader's journal", errors.Join(err, fresh.Close()))
	}
	cfg.Snapshots.Adopted(first - 1)
	cfg.Logger.Warn("the leader's journal is adopted", "lineage", l.String(), "first", uint64(first))
	return nil
}

// load loads and verifies what is to be adopted.
func (t adopter) load(ctx context.Context, l journal.Lineage, path string, at journal.Pos) (*replay.State, journal.Seq, error) {
	if path == "" {
		s, err := replay.New(t.r.cfg.Databases)
		return s, 1, err
	}
	s, info, err := recovery.Load(ctx, path, t.r.cfg.Databases)
	if err != nil {
		// What was received is of no use; the next attempt begins anew. It is
		// the leader's file that is damaged, and not this node, whatever class
		// that has where it is the node's own.
		return nil, 0, fault.With(fault.Retryable, fmt.Errorf("%v", errors.Join(err, os.Remove(path))))
	}
	if info.Lineage != l || info.Pos != at {
		return nil, 0, fault.With(fault.Operator, errors.Join(
			fmt.Errorf("the snapshot is of lineage %s at %s; the leader has said %s at %s", info.Lineage, info.Pos, l, at),
			s.Close(), os.Remove(path)))
	}
	return s, info.Pos.Seq + 1, nil
}

// replace has the journal replaced, and gives the new one to all that stand on it.
// Replicas are answered again on the broker that comes with it.
func (t adopter) replace(ctx context.Context, l journal.Lineage, fresh *replay.State) error {
	r := t.r
	if err := r.Unserve(); err != nil {
		return err
	}
	if err := r.cfg.Broker.Replace(ctx, func(d journal.Driver) error {
		if err := r.sink.Replace(ctx, d, l, fresh); err != nil {
			return err
		}
		r.feed.Reset(r.cfg.State.Pos().Seq)
		return nil
	}); err != nil {
		return err
	}
	return r.Serve()
}
