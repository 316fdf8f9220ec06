package blocks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ledge/journal"
	"ledge/journal/fault"
)

// Names that are part of the stored format: they make up the stream's path, the
// keys of all checksums, and each record's subject.
const (
	Account = "JOURNAL"
	Stream  = "J"
	Subject = "j"
)

// Files of the stream beside its blocks.
const (
	// IndexFile is the broker's index, which it makes again from the blocks.
	IndexFile = "index.db"
	// MetaFile is the stream's configuration, and MetaSum the checksum of it.
	MetaFile = "meta.inf"
	MetaSum  = "meta.sum"
)

// Directories of blocks, as the broker names them. While it purges, the blocks
// that it keeps are in the second one.
const (
	BlockDir    = "msgs"
	NewBlockDir = "__new_msgs__"
)

// Store is the stream's directory as the broker lays it out. It only reads, but
// for Cut, DropIndex and WriteMeta.
type Store struct {
	Dir string
	// sealed is the first number that a journal which was closed in good order
	// does not have; 0 is not known. What is found there is no append's.
	sealed journal.Seq
}

// NewStore returns the store below the broker's store directory.
func NewStore(dir string) Store {
	return Store{Dir: filepath.Join(dir, "jetstream", Account, "streams", Stream)}
}

// Seal notes that the journal was closed in good order, with number last.
func (s *Store) Seal(last journal.Seq) { s.sealed = last + 1 }

// Exists reports whether there is a stream, whole or not.
func (s Store) Exists() (bool, error) {
	_, err := os.Stat(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Created reports whether the broker has finished making the stream.
func (s Store) Created() bool {
	_, err := os.Stat(filepath.Join(s.Dir, MetaSum))
	return err == nil
}

// ErrGone says that the stream is not there.
var ErrGone = journal.Damage(errors.New("journal stream is missing"))

// Missing returns the error that says that this stream is not there.
func (s Store) Missing() error {
	return fault.With(fault.Operator, fmt.Errorf("%w: there is no %s", ErrGone, s.Dir))
}

// Blocks returns the numbers of the block files in order, and the directory
// that they are in. When the broker was stopped between the two renames of a
// purge, the blocks that count are in a directory of their own.
func (s Store) Blocks() (string, []uint32, error) {
	for _, name := range []string{NewBlockDir, BlockDir} {
		dir := filepath.Join(s.Dir, name)
		es, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
		var ids []uint32
		for _, e := range es {
			n, ok := strings.CutSuffix(e.Name(), ".blk")
			if id, err := strconv.ParseUint(n, 10, 32); ok && err == nil && e.Type()&^fs.ModeSymlink == 0 {
				ids = append(ids, uint32(id))
			}
		}
		if len(ids) > 0 {
			slices.Sort(ids)
			return dir, ids, nil
		}
	}
	return filepath.Join(s.Dir, BlockDir), nil, nil
}

// Size returns how many bytes the blocks have. What can't be looked at counts
// nothing; whoever reads it says why.
func (s Store) Size() (n int64) {
	dir, ids, _ := s.Blocks()
	for _, id := range ids {
		if fi, err := os.Stat(Path(dir, id)); err == nil {
			n += fi.Size()
		}
	}
	return n
}

// SizeAfter returns how many bytes the blocks have after number seq, about, and Size
// if all of them are. last is the last number, if the caller knows it: only within the
// last block does it count. It looks into the head of each block that is after seq.
func (s Store) SizeAfter(seq, last journal.Seq) (n int64) {
	dir, ids, _ := s.Blocks()
	w := walker{dir: dir}
	for i := len(ids) - 1; i >= 0; i-- {
		fi, err := os.Stat(Path(dir, ids[i]))
		if err != nil {
			continue
		}
		first, ok := w.firstIn(ids[i])
		if ok && first <= seq && last >= first { // as much of it as of its numbers
			of := float64(last) - float64(first) + 1
			return n + int64(float64(fi.Size())*min(1, max(0, float64(last)-float64(seq))/of))
		}
		if n += fi.Size(); ok && first <= seq {
			return n
		}
		if ok {
			last = first - 1
		}
	}
	return n
}

// Path returns the path of a block in dir.
func Path(dir string, block uint32) string {
	return filepath.Join(dir, strconv.FormatUint(uint64(block), 10)+".blk")
}
