package appliance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/replay/recovery"
)

// StoppedBackup gives what a backup of a stopped node needs, as a running node does
// when it is asked. Its methods are for one goroutine.
type StoppedBackup struct {
	held   *backups
	frames *onward
}

// Backup makes the state as a start does, and says where it stands: what could not be
// started is not backed up. Nothing of the state is kept.
func (s *Stopped) Backup(ctx context.Context) (*StoppedBackup, error) {
	const op = "back up a stopped node"
	var v Verified
	if rest, err := s.unfinished(ctx, &v); err != nil || rest {
		if err == nil {
			err = fault.With(fault.Operator, fmt.Errorf("%s; start the node once", strings.Join(v.Notes, "; ")))
		}
		return nil, fault.As(fault.Operator, op, err)
	}
	sum, err := s.Journal(ctx)
	if err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	log := stillLog{s.history(journal.Stat{First: sum.First, Last: sum.Last, Bytes: sum.Bytes}), sum.Last}
	st, _, err := recovery.Recover(ctx, s.dir.snapshotPath(), log, max(s.dir.id.Databases, 1), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	pos, epoch := st.Position()
	still := stillState{pos: pos, epoch: epoch, databases: st.Databases()}
	if err := st.Close(); err != nil {
		return nil, fault.As(fault.Operator, op, err)
	}
	now := time.Now()
	b := &StoppedBackup{frames: &onward{dir: s.dir.journalPath()}}
	b.held = newBackups(backupsConfig{dir: s.dir.snapshotPath(), node: s.dir.node, state: still, log: log, read: b.frames.read,
		clock: func() time.Time { return now }}) // so it is never let go: nothing waits for it to end
	return b, nil
}

// BackupBegin is admin.Conn's, without asking anybody.
func (b *StoppedBackup) BackupBegin(ctx context.Context, _ string, since admin.BackupSince) (admin.Backup, error) {
	return b.held.begin(ctx, since)
}

// BackupSnapshot returns bytes of the snapshot from an offset on.
func (b *StoppedBackup) BackupSnapshot(ctx context.Context, _, id string, offset int64) (admin.Raw, error) {
	return b.held.piece(ctx, id, offset, 0)
}

// BackupFrames returns frames from a number on.
func (b *StoppedBackup) BackupFrames(ctx context.Context, _, id string, from uint64) (admin.Raw, error) {
	return b.held.piece(ctx, id, 0, journal.Seq(from))
}

// BackupEnd lets the backup go. That it was taken is noted nowhere, since the directory
// is not changed.
func (b *StoppedBackup) BackupEnd(_ context.Context, _, id string, _ *uint64) error {
	b.held.end(id)
	b.frames.close()
	return nil
}

// stillState is where a state stood that is not there any more.
type stillState struct {
	pos       journal.Pos
	epoch     uint64
	databases int
}

func (s stillState) Position() (journal.Pos, uint64) { return s.pos, s.epoch }
func (s stillState) Pos() journal.Pos                { return s.pos }
func (s stillState) Databases() int                  { return s.databases }

// stillLog is a journal that nobody writes: all of it is on the disk.
type stillLog struct {
	journal.History
	last journal.Seq
}

func (l stillLog) Synced() journal.Seq        { return l.last }
func (l stillLog) Sync(context.Context) error { return nil }

// onward reads the frames of a directory that nobody has open. Reads that go on where
// the one before them has ended don't search for that anew.
type onward struct {
	dir  string
	next journal.Seq
	pull func() (journal.Frame, error, bool)
	stop func()
}

func (o *onward) read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		if o.pull == nil || o.next != from {
			o.close()
			o.pull, o.stop = iter.Pull2(jet.Scan(context.WithoutCancel(ctx), o.dir, from))
		}
		for {
			f, err, ok := o.pull()
			if err = errors.Join(err, ctx.Err()); !ok || err != nil {
				o.close()
			}
			if !ok {
				return
			}
			if o.next = f.Seq + 1; !yield(f, err) || err != nil {
				return
			}
		}
	}
}

func (o *onward) close() {
	if o.stop != nil {
		o.stop()
	}
	o.pull, o.stop = nil, nil
}
