package appliance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/snapshot"
	"ledge/replay/writer"
)

// adopter is the node as the follower's goroutine sees it.
type adopter struct{ r *replication }

func (t adopter) Lineage() journal.Lineage { return t.r.n.log.Lineage() }
func (t adopter) State() *replay.State     { return t.r.n.state }
func (t adopter) Inbox() string            { return t.r.n.dir.inboxPath() }
func (t adopter) Synced() journal.Seq      { return t.r.n.log.Synced() }

// Empty reports whether the node holds nothing that anybody has written: no keys
// and no functions.
func (t adopter) Empty() bool { return t.r.n.state.Empty() }

// Suspended returns why the node's journal takes no writes, or nil.
func (t adopter) Suspended() error {
	if s := t.r.n.writer.Health().Suspension(); s != nil {
		return s
	}
	return nil
}

// Fits refuses a snapshot for which the disk has no room, or which is longer than
// all the memory that the process may take.
func (t adopter) Fits(bytes, have int64) error {
	n := t.r.n
	if most := n.cfg.MaxMemory; most > 0 && bytes > most {
		return fault.With(fault.Operator, fmt.Errorf(
			"the leader's snapshot has %d bytes; max-memory is %d", bytes, most))
	}
	free, err := freeBytes(n.dir.path)
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
	t.r.hurry(writer.Far(t.r.n.state.Pos().Seq, last))
	err := t.r.sink.Ingest(ctx, frames, last)
	if n := t.r.n; err == nil && n.gate.Closed() {
		n.gate.Set(n.refusals(n.Link(), n.cfg.Clock()))
	}
	return err
}

// SetAside has what there is kept under another name when the leader's journal
// comes in its place.
func (t adopter) SetAside(_ context.Context, why error) error {
	t.r.diverged = why
	return nil
}

// Adopt puts a journal that begins behind the snapshot in path in place of the
// node's, or an empty one that begins with number 1.
//
// What is to be done is written into ledge.json before anything is removed, so
// that a start after a cut finishes it. The broker is away for a moment, and
// with it all connections to its port; clients are served from the old state
// until the new one stands.
func (t adopter) Adopt(ctx context.Context, l journal.Lineage, path string, at journal.Pos) error {
	n := t.r.n
	fresh, first, err := t.load(ctx, l, path, at)
	if err != nil {
		return err
	}
	if err := n.saves.await(ctx); err != nil {
		return errors.Join(fault.With(fault.Retryable, err), fresh.Close())
	}
	defer n.saves.release()
	if err := t.r.mu.take(ctx); err != nil {
		return errors.Join(err, fresh.Close())
	}
	defer t.r.mu.Unlock()
	if err := ctx.Err(); err != nil { // told to stop by who had the turn
		return errors.Join(fault.With(fault.Retryable, err), fresh.Close())
	}
	release, err := t.r.sink.Quiesce(ctx)
	if err != nil {
		return errors.Join(err, fresh.Close())
	}
	defer release()
	if err := n.dir.adopt(l, first, path, t.r.diverged); err != nil {
		return errors.Join(err, fresh.Close())
	}
	t.r.diverged = nil
	// From here on there is no way back, and no end but the node's.
	if err := t.replace(context.WithoutCancel(ctx), l, fresh); err != nil {
		return fault.As(fault.Fatal, "adopt the leader's journal", errors.Join(err, fresh.Close()))
	}
	n.saves.adopted(first - 1)
	n.cfg.Logger.Warn("the leader's journal is adopted", "lineage", l.String(), "first", uint64(first))
	return nil
}

// load loads and verifies what is to be adopted.
func (t adopter) load(ctx context.Context, l journal.Lineage, path string, at journal.Pos) (*replay.State, journal.Seq, error) {
	n := t.r.n
	if path == "" {
		s, err := replay.New(n.cfg.Databases)
		return s, 1, err
	}
	s, info, err := replay.LoadSnapshot(ctx, path, n.cfg.Databases)
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

// replace closes the journal, has the directory changed, opens the new one and
// gives it to all that stand on it.
func (t adopter) replace(ctx context.Context, l journal.Lineage, fresh *replay.State) error {
	n, r := t.r.n, t.r
	listen := n.cfg.NATSListen
	if addr := n.jet().Broker().Addr(); addr != nil {
		listen = addr.String() // the one that was free, if any would do
	}
	err := errors.Join(r.unserve(), n.admin().close(), n.jet().Close())
	if err != nil {
		return err
	}
	if err := n.dir.finish(); err != nil {
		return err
	}
	if err := n.openStream(ctx, listen); err != nil {
		return err
	}
	if err := r.sink.Replace(ctx, n.meter.on(n.jet()), l, fresh); err != nil {
		return err
	}
	r.feed.Reset(n.state.Pos().Seq)
	if err := n.openAdmin(ctx); err != nil {
		return err
	}
	return r.serve()
}

// adopt writes down that the journal is to be replaced, and how.
func (d *directory) adopt(l journal.Lineage, first journal.Seq, snapshot string, diverged error) error {
	id := d.id
	id.State, id.Lineage = stateCreating, l.String()
	id.Adopt = &adoption{First: uint64(first)}
	if snapshot != "" {
		rel, err := filepath.Rel(d.path, snapshot)
		if err == nil {
			err = durable.File(filepath.Dir(snapshot)) // it is all that there will be
		}
		if err != nil {
			return fault.With(fault.Operator, err)
		}
		id.Adopt.Snapshot = rel
	}
	if diverged != nil {
		id.Adopt.Aside = filepath.Join(divergedDir,
			fmt.Sprintf("%s-%s", time.Now().UTC().Format("20060102T150405.000"), d.lineage))
	}
	if err := d.store(id); err != nil {
		return err
	}
	d.lineage = l
	return nil
}

// adoption is a journal that is to be put in place of the one there is. Its
// paths are relative to the directory, which may be copied elsewhere before a
// start.
type adoption struct {
	First    uint64 `json:"first"`
	Snapshot string `json:"snapshot,omitempty"` // the file that was received
	Aside    string `json:"aside,omitempty"`    // where to keep what there was
}

// finish does what adopt has written down, as often as it is called. The journal
// itself is made by who opens it. Nothing is removed unless the snapshot is there
// that comes in its place.
func (d *directory) finish() error {
	a := d.id.Adopt
	if a == nil {
		return nil
	}
	moved, err := d.moved(a)
	if err != nil {
		return fault.As(fault.Operator, "adopt", err)
	}
	err = d.putAway(d.journalPath(), a)
	if err == nil && !moved {
		err = d.putAway(d.snapshotPath(), a)
	}
	if err == nil && !moved && a.Snapshot != "" {
		err = d.moveIn(a)
	}
	return fault.As(fault.Operator, "adopt", err)
}

// adopted returns where the snapshot is to be.
func (d *directory) adopted(a *adoption) string {
	return snapshot.Path(d.snapshotPath(), journal.Seq(a.First-1))
}

// moved reports whether the snapshot is in place already.
func (d *directory) moved(a *adoption) (bool, error) {
	if a.Snapshot == "" {
		return false, nil
	}
	_, err := os.Stat(filepath.Join(d.path, a.Snapshot))
	if !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	_, there := os.Stat(d.adopted(a))
	if there != nil {
		return false, journal.Damage(errors.Join(err, there))
	}
	return true, nil
}

// moveIn puts the snapshot that was received in place.
func (d *directory) moveIn(a *adoption) error {
	err := os.MkdirAll(d.snapshotPath(), 0o700)
	if err == nil {
		err = os.Rename(filepath.Join(d.path, a.Snapshot), d.adopted(a))
	}
	if err == nil {
		err = durable.File(d.snapshotPath())
	}
	return err
}

// putAway removes a directory, or keeps it under another name.
func (d *directory) putAway(dir string, a *adoption) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if a.Aside == "" {
		return os.RemoveAll(dir)
	}
	aside := filepath.Join(d.path, a.Aside)
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	to := filepath.Join(aside, filepath.Base(dir))
	if _, err := os.Stat(to); err == nil {
		return os.RemoveAll(dir) // set aside before a cut; this was begun anew
	}
	if err := os.Rename(dir, to); err != nil {
		return err
	}
	return durable.File(aside)
}
