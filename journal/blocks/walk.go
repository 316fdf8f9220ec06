package blocks

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Place is where a record begins.
type Place struct {
	Path  string
	Block uint32
	Off   int64
}

// End is what a walk found at the end of the store.
type End struct {
	Last journal.Seq // the last frame; 0 if there is none
	Tomb journal.Seq // the highest tombstone
	// Tail is where whole records end, and Torn how many bytes of an unfinished
	// one follow.
	Tail    Place
	Torn    int64
	Foreign bool // those bytes are no append's
	Bytes   int64
	Blocks  int
}

// ErrStop is for the function that Walk calls to end it early. Walk returns it.
var ErrStop = errors.New("stop")

// Walk calls fn for each frame from number from on, which is more than floor,
// the number up to which frames may be missing. Every record is checked from
// the block on that holds from. The data that fn gets is good until it returns.
func (s Store) Walk(ctx context.Context, floor, from journal.Seq, start *Place,
	fn func(Record, Place) error) (End, error) {
	dir, ids, err := s.Blocks()
	if err != nil {
		return End{}, fault.With(fault.Operator, err)
	}
	buf := walkBuffers.Get().(*[]byte)
	w := walker{Store: s, dir: dir, floor: floor, from: from, fn: fn, buf: *buf}
	defer func() { *buf = w.buf; walkBuffers.Put(buf) }()
	if from > floor+1 {
		ids = w.skip(ids, start)
	}
	for len(ids) > 0 { // blocks without a byte say nothing, and hide no tail
		fi, err := os.Stat(Path(dir, ids[len(ids)-1]))
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

// walkBuffers are used again: a feed to a replica walks the journal over and over,
// a few frames at a time.
var walkBuffers = sync.Pool{New: func() any { return new([]byte) }}

type walker struct {
	Store
	dir         string
	floor, from journal.Seq
	fn          func(Record, Place) error
	start       int64 // where to begin in the first block
	buf         []byte
	end         End
}

// skip drops the blocks before the one that holds from, and finds the place to
// begin there if start is known to be it.
func (w *walker) skip(ids []uint32, start *Place) []uint32 {
	for i := len(ids) - 1; i > 0; i-- {
		if start != nil && ids[i] == start.Block && w.headIs(*start, w.from) {
			w.start, w.end.Last = start.Off, w.from-1
			return ids[i:]
		}
		if first, ok := w.firstIn(ids[i]); ok && first <= w.from {
			return ids[i:]
		}
	}
	if start != nil && len(ids) > 0 && ids[0] == start.Block && w.headIs(*start, w.from) {
		w.start, w.end.Last = start.Off, w.from-1
	}
	return ids
}

// head reads the sequence of the record at off in a block.
func (w *walker) head(id uint32, off int64) (uint64, bool) {
	f, err := durable.Open(Path(w.dir, id))
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

func (w *walker) headIs(p Place, want journal.Seq) bool {
	seq, ok := w.head(p.Block, p.Off)
	return ok && journal.Seq(seq) == want
}

func (w *walker) firstIn(id uint32) (journal.Seq, bool) {
	seq, ok := w.head(id, 0)
	return journal.Seq(seq), ok && seq&(tombBit|erasedBit) == 0
}

// next returns the number of the frame that must come next. It is exact above
// the floor.
func (w *walker) next() journal.Seq {
	if w.end.Last > 0 {
		return w.end.Last + 1
	}
	return w.floor + 1
}

// block walks one block file. Only the last one may end in a torn record.
func (w *walker) block(id uint32, last bool) error {
	at := Place{Path: Path(w.dir, id), Block: id, Off: w.start}
	w.start = 0
	buf, err := w.read(at)
	if err != nil {
		return fault.With(fault.Operator, Unreadable(fmt.Errorf("read journal at number %d: %w", w.next(), err)))
	}
	h := NewHash(id)
	w.end.Blocks++
	w.end.Tail = at
	for len(buf) > 0 {
		rec, bad := Parse(buf, h)
		if bad != nil {
			return w.bad(buf, bad, at, last, h)
		}
		if rec.Tomb {
			w.end.Tomb = max(w.end.Tomb, rec.Seq)
		} else if err := w.frame(rec, at); err != nil {
			return err
		}
		buf = buf[rec.Size:]
		at.Off += int64(rec.Size)
		w.end.Bytes += int64(rec.Size)
		w.end.Tail = at
	}
	return nil
}

// read returns the block's bytes from at on, in a buffer that is used again.
func (w *walker) read(at Place) ([]byte, error) {
	f, err := durable.Open(at.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	n := int(fi.Size() - at.Off)
	if n < 0 {
		return nil, fmt.Errorf("%s ends before byte %d", at.Path, at.Off)
	}
	w.buf = slices.Grow(w.buf[:0], n)[:n]
	_, err = io.ReadFull(io.NewSectionReader(f, at.Off, int64(n)), w.buf)
	return w.buf, err
}

// frame checks that a record is the frame that must come next. Those up to the
// floor have been truncated and need no more than rise.
func (w *walker) frame(rec Record, at Place) error {
	last := w.end.Last
	started := last > 0
	switch {
	case rec.Seq == max(last, w.floor)+1:
	case rec.Seq <= w.floor && rec.Seq > last:
	case !started && w.from > w.floor+1 && rec.Seq <= w.from:
	case rec.Seq > w.next():
		return journal.Damaged(max(last, w.floor)+1, "the next one that is there is number %d", rec.Seq)
	default:
		return journal.Damaged(w.next(), "number %d stands in its place", rec.Seq)
	}
	w.end.Last = rec.Seq
	if rec.Seq < w.from {
		return nil
	}
	return w.fn(rec, at)
}

// bad decides what a bad record at the front of rest is: the torn tail of the
// journal, or damage.
func (w *walker) bad(
	rest []byte, bad *Bad, at Place, last bool, h *Hash,
) error {
	seq := w.next()
	if !last {
		return journal.Damaged(seq, "%s at byte %d: %s", at.Path, at.Off, bad.Cause)
	}
	kind, why := w.Tail(rest, bad, seq, h)
	if kind == TailDamaged {
		return journal.Damaged(seq, "%s at byte %d: %s", at.Path, at.Off, why)
	}
	w.end.Torn, w.end.Foreign = int64(len(rest)), kind == TailForeign
	return nil
}

// Unreadable makes damage of the error of a disk that can't read what it holds, and
// of what is no file.
func Unreadable(err error) error {
	var other *durable.NotFile
	if errors.Is(err, syscall.EIO) || errors.As(err, &other) {
		return journal.Damage(err)
	}
	return err
}
