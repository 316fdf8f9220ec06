package replay

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay/snapshot"
	"ledge/replay/value"
)

// Load returns the state that a snapshot holds, with the given number of databases. It
// reads, checks, takes apart and fills. Errors don't name the file.
//
// Where the file has a Filter, the state holds what that lets through and nothing else:
// no function libraries, and a digest that says nothing. It is for ApplySome.
func Load(ctx context.Context, f *snapshot.File, databases int) (*State, error) {
	s, err := New(databases)
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, f); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, db := range s.dbs {
		db.time()
	}
	s.pos, s.epoch = f.Header.Pos, f.Header.Epoch
	s.sayLocked()
	if f.Filter != nil {
		return s, nil
	}
	if err := s.loadCatalog(savedCatalog{f.Libraries, f.Tables}); err != nil {
		return nil, errors.Join(&snapshot.Damage{Cause: err.Error()}, s.Close())
	}
	return s, nil
}

// minRow is the shortest that a row can be in a snapshot.
const minRow = 2 + value.RowHead + 1

// fill puts the rows of f, which come in order, into the dicts and the trees.
func (s *State) fill(ctx context.Context, f *snapshot.File) error {
	var c snapshot.Chunk
	shown, keys := progress.Of(ctx), 0
	shown.Step(progress.StepLoad, progress.Bytes, f.Info.Bytes)
	for {
		err := f.Next(&c)
		if err == io.EOF {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if int(c.Of.DB) >= len(s.dbs) {
			return fault.With(fault.Operator, fmt.Errorf(
				"has keys in database %d; this node is set to %d databases", c.Of.DB, len(s.dbs)))
		}
		db := s.dbs[c.Of.DB]
		if db.dict.n == 0 && f.Filter == nil {
			db.dict.reserve(int(min(c.Of.Rows, uint64(f.Info.Bytes)/minRow)))
		}
		for _, row := range c.Rows {
			b := row.Block()
			db.dict.put(b.Name(), row.Hash(), b)
			db.order.tree.Load(row.Position())
			r := value.RecordOf(b)
			if r.At != 0 {
				db.untime(b)
			}
			if r.Body != nil {
				db.fields.exchange(0, r.Body.Soonest(), b.Name())
			}
		}
		db.digest += c.Digest
		keys += len(c.Rows)
		shown.To(f.Offset())
		shown.SetKeys(int64(keys))
	}
}
