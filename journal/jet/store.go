package jet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/minio/highwayhash"

	"ledge/journal"
	"ledge/journal/fault"
)

// indexFile is the broker's index, which it rebuilds from the blocks.
const indexFile = "index.db"

// store is the stream's directory as the broker lays it out. It only reads,
// but for cut and dropIndex.
type store struct {
	dir string
	// sealed is the first number that a journal which was closed in good order
	// does not have; 0 is not known. What stands there is no append's.
	sealed journal.Seq
}

func newStore(dir string) store {
	return store{dir: filepath.Join(dir, "jetstream", accountName, "streams", streamName)}
}

// exists reports whether there is a stream, whole or not.
func (s store) exists() (bool, error) {
	_, err := os.Stat(s.dir)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// blocks returns the numbers of the block files in order, and the directory
// that they are in. When the broker was stopped between the two renames of a
// purge, the blocks that count are in a directory of their own.
func (s store) blocks() (string, []uint32, error) {
	for _, name := range []string{"__new_msgs__", "msgs"} {
		dir := filepath.Join(s.dir, name)
		es, err := os.ReadDir(dir)
		if err != nil && !isMissing(err) {
			return "", nil, err
		}
		var ids []uint32
		for _, e := range es {
			n, ok := strings.CutSuffix(e.Name(), ".blk")
			if id, err := strconv.ParseUint(n, 10, 32); ok && err == nil && !e.IsDir() {
				ids = append(ids, uint32(id))
			}
		}
		if len(ids) > 0 {
			slices.Sort(ids)
			return dir, ids, nil
		}
	}
	return filepath.Join(s.dir, "msgs"), nil, nil
}

func blockPath(dir string, id uint32) string {
	return filepath.Join(dir, strconv.FormatUint(uint64(id), 10)+".blk")
}

// place is where a record begins.
type place struct {
	path  string
	block uint32
	off   int64
}

// end is what a walk found at the end of the store.
type end struct {
	last journal.Seq // the last frame; 0 if there is none
	tomb journal.Seq // the highest tombstone
	// tail is where whole records end, and torn how many bytes of an
	// unfinished one follow.
	tail    place
	torn    int64
	foreign bool // those bytes are no append's
	bytes   int64
	blocks  int
}

// errStop ends a walk early.
var errStop = errors.New("stop")

// damaged returns the error for number seq.
func damaged(seq journal.Seq, format string, args ...any) error {
	cause := fmt.Sprintf(format, args...)
	return fault.As(fault.Fatal, "", &journal.DamageError{Seq: seq, Cause: cause})
}

// walk calls fn for each frame from number from on, which is more than floor,
// the number up to which frames may be missing. Every record is checked from
// the block on that holds from. The data that fn gets is good until it returns.
func (s store) walk(ctx context.Context, floor, from journal.Seq, start *place,
	fn func(record, place) error) (end, error) {
	dir, ids, err := s.blocks()
	if err != nil {
		return end{}, fault.As(fault.Operator, "", err)
	}
	buf := walkBuffers.Get().(*[]byte)
	w := walker{store: s, dir: dir, floor: floor, from: from, fn: fn, buf: *buf}
	defer func() { *buf = w.buf; walkBuffers.Put(buf) }()
	if from > floor+1 {
		ids = w.skip(ids, start)
	}
	for len(ids) > 0 { // blocks without a byte say nothing, and hide no tail
		fi, err := os.Stat(blockPath(dir, ids[len(ids)-1]))
		if err == nil && fi.Size() > 0 {
			break
		}
		ids = ids[:len(ids)-1]
	}
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return w.end, err
		}
		if err := w.block(id, i == len(ids)-1); err != nil {
			return w.end, err
		}
	}
	return w.end, nil
}

// walkBuffers are used again: who follows a journal walks it over and over, a
// few frames at a time.
var walkBuffers = sync.Pool{New: func() any { return new([]byte) }}

type walker struct {
	store
	dir         string
	floor, from journal.Seq
	fn          func(record, place) error
	start       int64 // where to begin in the first block
	buf         []byte
	end         end
}

// skip drops the blocks before the one that holds from, and finds the place to
// begin there if start is known to be it.
func (w *walker) skip(ids []uint32, start *place) []uint32 {
	for i := len(ids) - 1; i > 0; i-- {
		if start != nil && ids[i] == start.block && w.headIs(*start, w.from) {
			w.start, w.end.last = start.off, w.from-1
			return ids[i:]
		}
		if first, ok := w.firstIn(ids[i]); ok && first <= w.from {
			return ids[i:]
		}
	}
	if start != nil && len(ids) > 0 && ids[0] == start.block && w.headIs(*start, w.from) {
		w.start, w.end.last = start.off, w.from-1
	}
	return ids
}

// head reads the sequence of the record at off in a block.
func (w *walker) head(id uint32, off int64) (uint64, bool) {
	f, err := os.Open(blockPath(w.dir, id))
	if err != nil {
		return 0, false
	}
	defer f.Close()
	var b [recordHead]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[4:]), true
}

func (w *walker) headIs(p place, want journal.Seq) bool {
	seq, ok := w.head(p.block, p.off)
	return ok && journal.Seq(seq) == want
}

func (w *walker) firstIn(id uint32) (journal.Seq, bool) {
	seq, ok := w.head(id, 0)
	return journal.Seq(seq), ok && seq&(tombBit|erasedBit) == 0
}

// next returns the number of the frame that must come next. It is exact above
// the floor.
func (w *walker) next() journal.Seq {
	if w.end.last > 0 {
		return w.end.last + 1
	}
	return w.floor + 1
}

// block walks one block file. Only the last one may end in a torn record.
func (w *walker) block(id uint32, last bool) error {
	at := place{path: blockPath(w.dir, id), block: id, off: w.start}
	w.start = 0
	buf, err := w.read(at)
	if err != nil {
		return fault.As(fault.Operator, "", unreadable(fmt.Errorf("read journal at number %d: %w", w.next(), err)))
	}
	h := newHash(id)
	w.end.blocks++
	w.end.tail = at
	for len(buf) > 0 {
		rec, bad := parseRecord(buf, h)
		if bad != nil {
			return w.bad(buf, bad, at, last, h)
		}
		if rec.tomb {
			w.end.tomb = max(w.end.tomb, rec.seq)
		} else if err := w.frame(rec, at); err != nil {
			return err
		}
		buf = buf[rec.size:]
		at.off += int64(rec.size)
		w.end.bytes += int64(rec.size)
		w.end.tail = at
	}
	return nil
}

// read returns the block's bytes from at on, in a buffer that is used again.
func (w *walker) read(at place) ([]byte, error) {
	f, err := os.Open(at.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := int(fi.Size() - at.off)
	if n < 0 {
		return nil, fmt.Errorf("%s ends before byte %d", at.path, at.off)
	}
	w.buf = slices.Grow(w.buf[:0], n)[:n]
	_, err = io.ReadFull(io.NewSectionReader(f, at.off, int64(n)), w.buf)
	return w.buf, err
}

// frame checks that a record is the frame that must come next. Those up to the
// floor have been truncated and need no more than rise.
func (w *walker) frame(rec record, at place) error {
	last := w.end.last
	started := last > 0
	switch {
	case rec.seq == max(last, w.floor)+1:
	case rec.seq <= w.floor && rec.seq > last:
	case !started && w.from > w.floor+1 && rec.seq <= w.from:
	case rec.seq > w.next():
		return damaged(max(last, w.floor)+1, "the next one that is there is number %d", rec.seq)
	default:
		return damaged(w.next(), "number %d stands in its place", rec.seq)
	}
	w.end.last = rec.seq
	if rec.seq < w.from {
		return nil
	}
	return w.fn(rec, at)
}

// bad decides what a bad record at the front of rest is: the torn tail of the
// journal, or damage.
func (w *walker) bad(
	rest []byte, bad *badRecord, at place, last bool, h *highwayhash.Digest64,
) error {
	seq := w.next()
	if !last {
		return damaged(seq, "%s at byte %d: %s", at.path, at.off, bad.cause)
	}
	kind, why := tailOf(rest, bad, seq, w.sealed, h)
	if kind == tailDamaged {
		return damaged(seq, "%s at byte %d: %s", at.path, at.off, why)
	}
	w.end.torn, w.end.foreign = int64(len(rest)), kind == tailForeign
	return nil
}

// unreadable makes damage of the error of a disk that can't read what it holds.
func unreadable(err error) error {
	if errors.Is(err, syscall.EIO) {
		return journal.Damage(err)
	}
	return err
}

// errNotSynced says that a cut is done, and may not be on disk.
var errNotSynced = errors.New("cut is not synced")

// errGone says that the stream isn't there.
var errGone = journal.Damage(errors.New("journal stream is missing"))

func errMissing(s store) error {
	return fault.As(fault.Operator, "", fmt.Errorf("%w: there is no %s", errGone, s.dir))
}

// cut ends the journal at p, on disk too. The broker must not have the store.
func (s store) cut(p place) error {
	if err := s.dropIndex(); err != nil {
		return err
	}
	if err := s.dropBehind(p.block); err != nil {
		return err
	}
	f, err := os.OpenFile(p.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(p.off); err == nil {
		if err = f.Sync(); err != nil {
			err = fmt.Errorf("%w: %w", errNotSynced, err)
		}
	}
	return errors.Join(err, f.Close())
}

// dropBehind removes the blocks behind one, the last of them first, so that what
// is left when that fails is the beginning of what there was.
func (s store) dropBehind(block uint32) error {
	dir, ids, err := s.blocks()
	if err != nil {
		return err
	}
	slices.Reverse(ids)
	dropped := false
	for _, id := range ids {
		if id <= block {
			break
		}
		if err := os.Remove(blockPath(dir, id)); err != nil {
			return err
		}
		dropped = true
	}
	if !dropped {
		return nil
	}
	return syncFile(dir)
}

// created reports whether the broker has finished making the stream.
func (s store) created() bool {
	_, err := os.Stat(filepath.Join(s.dir, "meta.sum"))
	return err == nil
}

// dropIndex removes the broker's index, which it rebuilds from the blocks.
func (s store) dropIndex() error {
	err := os.Remove(filepath.Join(s.dir, "msgs", indexFile))
	if isMissing(err) {
		return nil
	}
	return err
}
