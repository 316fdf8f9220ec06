package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/value"
)

// openSnapshotFile opens a snapshot and reads its header. The error names the
// file; the caller closes it.
func openSnapshotFile(path string) (r *snapshotReader, info Info, close func() error, err error) {
	r, info, close, err = openSnapshotAs(path)
	if err != nil {
		return nil, Info{}, nil, err
	}
	if seq, ok := snapshotSeq(path); ok && seq != r.header.pos.Seq {
		return nil, Info{}, nil, errors.Join(close(), inSnapshot(path,
			&SnapshotDamage{Cause: fmt.Sprintf("the header says number %d", r.header.pos.Seq)}))
	}
	return r, info, close, nil
}

// openSnapshotAs is openSnapshotFile for a file under any name.
func openSnapshotAs(path string) (r *snapshotReader, info Info, close func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Info{}, nil, fault.As(fault.Operator, "", err)
	}
	var size int64
	if st, serr := f.Stat(); serr != nil {
		err = fault.As(fault.Operator, "", serr)
	} else {
		size = st.Size()
		r, err = openSnapshot(f, size)
	}
	if err != nil {
		f.Close()
		return nil, Info{}, nil, inSnapshot(path, err)
	}
	return r, r.header.info(path, size), f.Close, nil
}

// inSnapshot names the file in an error.
func inSnapshot(path string, err error) error {
	var d *SnapshotDamage
	if errors.Is(err, syscall.EIO) { // the disk can't read what it holds
		return &SnapshotDamage{Path: path, Cause: fmt.Sprintf("%s: %s", path, err)}
	}
	if errors.As(err, &d) {
		d.Path = path
	}
	return fmt.Errorf("%s: %w", path, err)
}

// VerifySnapshot reads a whole snapshot and checks all of it.
func VerifySnapshot(ctx context.Context, path string) (Info, error) {
	r, info, close, err := openSnapshotFile(path)
	if err != nil {
		return Info{}, err
	}
	defer close()
	var c rowChunk
	for {
		if err = r.next(&c); err == io.EOF {
			return info, nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return Info{}, inSnapshot(path, err)
		}
	}
}

// LoadSnapshot returns the state that a snapshot file holds, with at least the
// given number of databases. All of it is checked; a SnapshotDamage says where
// it is not what was written.
func LoadSnapshot(ctx context.Context, path string, databases int) (*State, Info, error) {
	return loadFrom(ctx, path, databases, openSnapshotFile)
}

// FindSnapshots returns the snapshots in dir by what they hold, newest first,
// whatever their names say, going by their headers. Those whose header can't be
// read are left out.
func FindSnapshots(dir string) ([]Info, error) {
	paths, err := snapshotPaths(dir)
	if err != nil {
		return nil, fault.As(fault.Operator, "", err)
	}
	var infos []Info
	for _, path := range paths {
		if _, info, close, err := openSnapshotAs(path); err == nil {
			close()
			infos = append(infos, info)
		}
	}
	slices.SortStableFunc(infos, func(a, b Info) int { return cmp.Compare(b.Pos.Seq, a.Pos.Seq) })
	return infos, nil
}

// SnapshotTrace returns the highest number that a snapshot in dir is named after,
// whatever has become of it; 0 is none.
func SnapshotTrace(dir string) (highest journal.Seq) {
	paths, _ := snapshotPaths(dir) // FindSnapshots says what fails
	for _, path := range paths {
		if seq, ok := snapshotSeq(path); ok {
			highest = max(highest, seq)
		}
	}
	return highest
}

// LoadFound is LoadSnapshot for a file under any name.
func LoadFound(ctx context.Context, path string, databases int) (*State, Info, error) {
	return loadFrom(ctx, path, databases, openSnapshotAs)
}

func loadFrom(ctx context.Context, path string, databases int,
	open func(string) (*snapshotReader, Info, func() error, error)) (*State, Info, error) {
	r, info, close, err := open(path)
	if err != nil {
		return nil, Info{}, err
	}
	defer close()
	s, err := loadSnapshot(ctx, r, databases)
	if err != nil {
		return nil, Info{}, inSnapshot(path, err)
	}
	return s, info, nil
}

// loadSnapshot reads, checks, takes apart and fills the dicts. The rows come in
// order, so the trees can be filled in one run, later.
func loadSnapshot(ctx context.Context, r *snapshotReader, databases int) (*State, error) {
	s, err := New(databases)
	if err != nil {
		return nil, err
	}
	if err := s.fillDicts(ctx, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	for _, db := range s.dbs {
		db.time()
	}
	s.pos, s.epoch, s.fns = r.header.pos, r.header.epoch, r.fns
	return s, nil
}

// block returns what the dict has of a row.
func (r *chunkRow) block() *value.Block {
	if r.body == nil {
		return value.NewBlock(r.k[value.RowHead:], r.v)
	}
	return value.NewCollection(r.k[value.RowHead:], r.at, r.body)
}

// minRow is the shortest that a row can be in a snapshot.
const minRow = 2 + value.RowHead + 1

// fillDicts puts the rows of r into the dicts and notes their keys for the trees.
func (s *State) fillDicts(ctx context.Context, r *snapshotReader) error {
	var c rowChunk
	for {
		err := r.next(&c)
		if err == io.EOF {
			return nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		if int(c.of.db) >= len(s.dbs) {
			return fault.As(fault.Operator, "", fmt.Errorf(
				"has keys in database %d; this node is set to %d databases", c.of.db, len(s.dbs)))
		}
		db := s.dbs[c.of.db]
		if db.dict.n == 0 {
			n := int(min(c.of.rows, uint64(r.size)/minRow))
			db.dict.reserve(n)
			db.order.run = make([]string, 0, n)
		}
		for _, row := range c.rows {
			b := row.block()
			db.dict.put(b.Name(), row.hash, b)
			db.order.run = append(db.order.run, b.Keepsake())
			if value.RecordOf(b).At != 0 {
				db.untime(b)
			}
			if row.body != nil {
				db.fields.exchange(0, row.body.Soonest(), b.Name())
			}
		}
		db.digest += c.digest
	}
}
