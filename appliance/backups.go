package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"sync"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay/backup"
	"ledge/replay/snapshot"
)

// Bounds of the backups that are being taken. What one holds, an open snapshot and
// the journal after it, is let go when nobody has read on for a while.
const (
	mostBackups = 4
	backupIdle  = time.Minute
	backupMost  = 6 * time.Hour
	// backupSync is how long a backup waits for the disk to have what it ends with.
	backupSync = 10 * time.Second
	// A node that is being written to rests, after each chunk, for chunkRest times
	// what the chunk took, as it does for a full sync: its clients come first.
	chunkRest = 4
	restMost  = 100 * time.Millisecond
)

// backupsConfig is what taking backups needs.
type backupsConfig struct {
	dir   string // of the snapshots
	node  string
	state backedState
	log   backedLog
	read  func(ctx context.Context, from journal.Seq) iter.Seq2[journal.Frame, error]
	clock func() time.Time
}

// backedState is where the state is that a backup ends with: a node's *replay.State.
type backedState interface {
	Position() (journal.Pos, uint64)
	Pos() journal.Pos
	Databases() int
}

// backedLog is the journal that is backed up: a node's *journal.Log.
type backedLog interface {
	journal.History
	Synced() journal.Seq
	Sync(ctx context.Context) error
}

// backups are the backups that are being taken. They are read from outside, piece
// by piece, and what they need stays meanwhile.
type backups struct {
	cfg backupsConfig

	mu   sync.Mutex
	open map[string]*taking // mu
}

// taking is one backup. It does not change once it is open, but for what is said.
type taking struct {
	admin.Backup
	lineage journal.Lineage
	after   backup.Point
	last    backup.Point
	file    *os.File // the snapshot, or nil

	used  time.Time   // mu of backups
	began time.Time   // fixed
	seen  journal.Seq // mu of backups; the journal's last number when the last piece was read
	took  time.Duration
	read  time.Time // mu of backups, like took; when that was
}

func newBackups(cfg backupsConfig) *backups {
	return &backups{cfg: cfg, open: make(map[string]*taking)}
}

// begin holds what a backup needs that goes on from since, and says what that is.
func (b *backups) begin(ctx context.Context, since admin.BackupSince) (admin.Backup, error) {
	from, lineage, err := parseSince(since)
	if err != nil {
		return admin.Backup{}, err
	}
	now := b.cfg.clock()
	t := &taking{used: now, began: now, lineage: b.cfg.log.Lineage()}
	t.ID = rand.Text()
	// From here on nothing is truncated: the backup needs all until it is known what.
	if err := b.register(t); err != nil {
		return admin.Backup{}, err
	}
	err = b.prepare(ctx, t)
	if err == nil && lineage != 0 {
		err = b.goOn(ctx, t, from, lineage, since.Base)
	}
	if err == nil && (lineage == 0 || t.after != from) {
		err = b.base(ctx, t, since.Base)
	}
	if err != nil {
		b.end(t.ID)
		return admin.Backup{}, fault.As(fault.Operator, "backup", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[t.ID] != t { // the disk has taken so long that it was let go
		if t.file != nil {
			t.file.Close() // it was only read
		}
		return admin.Backup{}, fault.With(fault.Retryable, fmt.Errorf("what the backup needs took longer than %s to find; begin anew", backupIdle))
	}
	t.After, t.AfterSum, t.AfterIn = uint64(t.after.Seq), t.after.Digest.String(), t.after.Epoch
	t.Last, t.Digest, t.Epoch = uint64(t.last.Seq), t.last.Digest.String(), t.last.Epoch
	t.Node, t.Lineage, t.Databases, t.Created = b.cfg.node, t.lineage.String(), b.cfg.state.Databases(), now.UTC()
	t.used = b.cfg.clock()
	return t.Backup, nil
}

// parseSince takes in where the backup ends that is to be added to. Lineage 0 is none.
func parseSince(s admin.BackupSince) (p backup.Point, l journal.Lineage, err error) {
	if s.Lineage == "" {
		return p, 0, nil
	}
	lineage, err := strconv.ParseUint(s.Lineage, 16, 64)
	digest, derr := strconv.ParseUint(s.Digest, 16, 64)
	if err = errors.Join(err, derr); err != nil || lineage == 0 {
		return p, 0, fault.With(fault.Refused, fmt.Errorf("lineage %.32q and digest %.32q: want 16 hexadecimal digits", s.Lineage, s.Digest))
	}
	p = backup.Point{Pos: journal.Pos{Seq: journal.Seq(s.Number), Digest: journal.Digest(digest)}, Epoch: s.Epoch}
	return p, journal.Lineage(lineage), nil
}

// register makes room for a backup and holds the journal for it.
func (b *backups) register(t *taking) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLocked()
	if len(b.open) >= mostBackups {
		return fault.With(fault.Retryable, fmt.Errorf("%d backups are being taken already", len(b.open)))
	}
	b.open[t.ID] = t
	return nil
}

// forgetLocked lets those go that nobody reads any more.
func (b *backups) forgetLocked() {
	now := b.cfg.clock()
	for id, t := range b.open {
		if now.Sub(t.used) > backupIdle || now.Sub(t.began) > backupMost {
			b.endLocked(id)
		}
	}
}

func (b *backups) endLocked(id string) {
	if t := b.open[id]; t != nil && t.file != nil {
		t.file.Close() // it was only read
	}
	delete(b.open, id)
}

// end lets a backup go, if it is there.
func (b *backups) end(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endLocked(id)
}

// close lets all go.
func (b *backups) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.open {
		b.endLocked(id)
	}
}

// held returns the number after which backups need the journal, if any do.
func (b *backups) held() (after journal.Seq, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLocked()
	for _, t := range b.open {
		if !ok || t.after.Seq < after {
			after, ok = t.after.Seq, true
		}
	}
	return after, ok
}

// prepare decides where a backup ends: at what has been applied and is on the disk.
// What is not could be lost by the node, which would write other things under the
// same numbers.
func (b *backups) prepare(ctx context.Context, t *taking) error {
	last := b.position()
	if b.cfg.log.Synced() < last.Seq {
		sctx, cancel := context.WithTimeout(ctx, backupSync)
		err := b.cfg.log.Sync(sctx)
		cancel()
		if err != nil && b.cfg.log.Synced() < last.Seq { // a sick node has all the more need of a backup
			if last, err = b.pointAt(ctx, b.cfg.log.Synced()); err != nil {
				return err
			}
		}
	}
	t.last = last
	return nil
}

// position returns where the state is.
func (b *backups) position() backup.Point {
	pos, epoch := b.cfg.state.Position()
	return backup.Point{Pos: pos, Epoch: epoch}
}

// pointAt returns what is at a number of the journal before its last.
func (b *backups) pointAt(ctx context.Context, seq journal.Seq) (p backup.Point, err error) {
	st, err := b.cfg.log.Stat(ctx)
	if err != nil {
		return p, err
	}
	p.Seq = seq
	found := false
	for c, err := range b.cfg.log.Read(ctx, max(seq, st.First)) {
		if err != nil {
			return p, err
		}
		if c.Seq() > seq {
			p.Digest, found = c.Batch().Prev, true
			break
		}
		p.Epoch = c.Batch().Epoch
	}
	if !found {
		return p, fault.With(fault.Retryable, fmt.Errorf("what is at number %d is not settled yet", seq))
	}
	return p, nil
}

// goOn sees whether a backup can go on from where another one ends. If the journal
// goes no longer back to there it can't, and there has to be a base.
func (b *backups) goOn(ctx context.Context, t *taking, from backup.Point, l journal.Lineage, base bool) error {
	if l != t.lineage {
		return fault.With(fault.Operator, fmt.Errorf("the backup is of lineage %s; the node's journal is %s", l, t.lineage))
	}
	st, err := b.cfg.log.Stat(ctx)
	if err != nil {
		return err
	}
	other := func(here backup.Point) error {
		return fault.With(fault.Operator, fmt.Errorf("the backup has another history: at number %d its digest is %s in epoch %d; the node's is %s in epoch %d",
			from.Seq, from.Digest, from.Epoch, here.Digest, here.Epoch))
	}
	var here backup.Point
	switch {
	case from.Seq > t.last.Seq:
		return fault.With(fault.Operator, fmt.Errorf("the backup has come to number %d; the node's journal ends with %d", from.Seq, t.last.Seq))
	case from.Seq == t.last.Seq:
		here = t.last
	case from.Seq+1 < st.First:
		return nil
	default:
		if here, err = b.pointAt(ctx, from.Seq); err != nil {
			return err
		}
		if from.Seq < st.First { // its own frame is gone, which has the epoch
			here.Epoch = from.Epoch
		}
	}
	if here != from {
		return other(here)
	}
	if !base {
		b.needs(t, from)
		t.Frames = share(st, from.Seq, t.last.Seq)
	}
	return nil
}

// needs notes where a backup begins: the journal is held from there on only.
func (b *backups) needs(t *taking, after backup.Point) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.after = after
}

// share is about how much of a journal comes after a number.
func share(st journal.Stat, after, last journal.Seq) int64 {
	if st.Last < st.First {
		return 0
	}
	return int64(float64(st.Bytes) * float64(last-min(after, last)) / float64(st.Last-st.First+1))
}

// base chooses what a backup begins with: nothing, if the journal goes back to its
// beginning, else the oldest snapshot from which it goes on, so that as much of the
// past as there is can be restored. newest takes the newest instead.
func (b *backups) base(ctx context.Context, t *taking, newest bool) error {
	st, err := b.cfg.log.Stat(ctx)
	if err != nil {
		return err
	}
	t.Frames = share(st, 0, t.last.Seq)
	list, damagedOnes := snapshot.List(b.cfg.dir)
	var best *snapshot.Info
	for i := range list {
		if in := &list[i]; in.Lineage == t.lineage && in.Pos.Seq+1 >= st.First && in.Pos.Seq <= t.last.Seq && (best == nil || !newest) {
			best = in
		}
	}
	switch {
	case st.First == 1 && (!newest || best == nil):
		return nil
	case best == nil:
		return fault.With(fault.Retryable, errors.Join(
			fmt.Errorf("there is no snapshot from which the journal goes on: it begins with number %d", st.First), damagedOnes))
	}
	file, err := durable.Open(best.Path)
	if err != nil {
		return fault.With(fault.Retryable, err) // it may have been pruned meanwhile
	}
	t.file, t.Snapshot, t.Frames = file, best.Bytes, share(st, best.Pos.Seq, t.last.Seq)
	b.needs(t, backup.Point{Pos: best.Pos, Epoch: best.Epoch})
	return nil
}

// piece returns bytes of the snapshot from an offset on, or frames from a number on.
func (b *backups) piece(ctx context.Context, id string, offset int64, from journal.Seq) (admin.Raw, error) {
	t, rest, err := b.use(id)
	if err != nil {
		return nil, err
	}
	if rest > 0 {
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	began := time.Now()
	var piece admin.Raw
	if from > 0 {
		piece, err = b.frames(ctx, t, from)
	} else {
		piece, err = t.bytes(offset)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t.seen, t.took, t.read, t.used = b.cfg.state.Pos().Seq, time.Since(began), time.Now(), b.cfg.clock()
	return piece, err
}

// use returns a backup that is held, and how long its next piece is to wait.
func (b *backups) use(id string) (t *taking, rest time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgetLocked()
	if t = b.open[id]; t == nil {
		return nil, 0, fault.With(fault.Retryable, fmt.Errorf("backup %.40q is not held any more; begin anew", id))
	}
	t.used = b.cfg.clock()
	if t.seen != b.cfg.state.Pos().Seq { // somebody writes
		rest = max(min(chunkRest*t.took, restMost)-time.Since(t.read), 0)
	}
	return t, rest, nil
}

// bytes reads a piece of the snapshot.
func (t *taking) bytes(offset int64) (admin.Raw, error) {
	if offset >= t.Snapshot {
		return nil, fault.With(fault.Refused, fmt.Errorf("offset %d of a snapshot of %d bytes", offset, t.Snapshot))
	}
	buf := make([]byte, min(backup.ChunkSize, t.Snapshot-offset))
	switch n, err := t.file.ReadAt(buf, offset); {
	case err == nil || errors.Is(err, io.EOF):
		return buf[:n], nil
	case errors.Is(err, os.ErrClosed):
		return nil, fault.With(fault.Retryable, errors.New("the backup was let go meanwhile; begin anew"))
	default:
		return nil, fault.With(fault.Operator, err)
	}
}

// frames reads frames from a number on, up to the backup's last.
func (b *backups) frames(ctx context.Context, t *taking, from journal.Seq) (admin.Raw, error) {
	if from <= t.after.Seq || from > t.last.Seq {
		return nil, fault.With(fault.Refused, fmt.Errorf("number %d; the backup has %d to %d", from, t.after.Seq+1, t.last.Seq))
	}
	if l := b.cfg.log.Lineage(); l != t.lineage {
		return nil, fault.With(fault.Retryable, fmt.Errorf("the node's journal was replaced by one of lineage %s meanwhile; begin anew", l))
	}
	var out []byte
	for f, err := range b.cfg.read(ctx, from) {
		if err != nil {
			if st, serr := b.cfg.log.Stat(ctx); serr == nil && from < st.First {
				err = fault.With(fault.Retryable, fmt.Errorf("number %d was truncated meanwhile; begin anew", from))
			}
			return nil, err
		}
		if out = backup.AppendFrame(out, f); len(out) >= backup.ChunkSize || f.Seq >= t.last.Seq {
			break
		}
	}
	return out, nil
}
