package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/snapshot"
	"ledge/replay/value"
)

// SaveAs writes the state to a snapshot in dir, as that of a journal of lineage l, and
// returns when it is durable and has been read again: all rows in the file come to the
// digest that the journal led to. It is for a state that no journal goes on from yet
// and that nobody changes meanwhile, so the keys are sorted as they lie in the dicts
// and no tree is filled. A snapshot that fails leaves no file.
func (s *State) SaveAs(ctx context.Context, dir string, l journal.Lineage) (snapshot.Info, error) {
	return snapshot.Create(dir, func(f *os.File) (snapshot.Info, error) {
		disk := durable.Begin(f)
		info, err := s.writeStill(ctx, disk, l, time.Now())
		if err != nil {
			return info, errors.Join(err, disk.Close())
		}
		synced := make(chan error, 1)
		go func() { synced <- fault.With(fault.Operator, disk.Close()) }()
		read, err := snapshot.Verify(ctx, f.Name())
		if err == nil && (read.Pos != info.Pos || read.Bytes != info.Bytes) {
			err = fault.With(fault.Operator, fmt.Errorf("it was written as %s in %d bytes, and is read as %s in %d",
				info.Pos, info.Bytes, read.Pos, read.Bytes))
		}
		return info, errors.Join(err, <-synced)
	})
}

// writeStill writes a state that stands still.
func (s *State) writeStill(ctx context.Context, w *durable.Stream, l journal.Lineage, created time.Time) (snapshot.Info, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return snapshot.Info{}, errClosed()
	}
	saved := s.savedCatalog()
	h := snapshot.Header{Databases: len(s.dbs), Lineage: l, Pos: s.pos, Epoch: s.epoch, Created: created,
		Tables: len(saved.rows) > 0}
	for _, db := range s.dbs {
		h.Rows += uint64(db.dict.n)
	}
	shown := progress.Of(ctx)
	shown.Step(progress.StepSave, progress.Keys, int64(h.Rows))
	enc := snapshot.NewWriter(w)
	enc.Header(h)
	saved.write(enc)
	for i, db := range s.dbs {
		if db.dict.n == 0 {
			continue
		}
		enc.Database(snapshot.Database{DB: journal.DB(i), Rows: uint64(db.dict.n), Digest: db.digest})
		for n, r := range db.dict.inOrder() {
			if n%walkRows == walkRows-1 {
				shown.Add(walkRows)
				if err := errors.Join(ctx.Err(), enc.Err()); err != nil {
					return snapshot.Info{}, err
				}
			}
			enc.Row(r.pos, r.b)
		}
	}
	enc.Trailer()
	return h.Info("", enc.Size()), enc.Err()
}

// placed is a block and where it belongs in the order of keys.
type placed struct {
	pos uint64
	b   *value.Block
}

// inOrder returns all blocks in the order of their keys.
func (d *dict) inOrder() []placed {
	all := make([]placed, 0, d.n)
	for b := range d.all() {
		pos, _ := value.RowPos(b.Name())
		all = append(all, placed{pos, b})
	}
	return bySlot(all, func(p placed) uint64 { return p.pos }, func(some []placed) {
		slices.SortFunc(some, func(a, b placed) int {
			if a.pos != b.pos {
				return cmp.Compare(a.pos, b.pos)
			}
			return strings.Compare(a.b.Name(), b.b.Name())
		})
	})
}
