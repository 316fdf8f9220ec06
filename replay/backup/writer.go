package backup

import (
	"context"
	"encoding/binary"
	"io"
	"iter"
	"time"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/journal/fault"
)

// Writer writes a part: the snapshot that its header announces, then the frames,
// then Close. What it is given is checked as far as that goes without a state, so
// that what can't be restored is not written down as a backup.
type Writer struct {
	w      io.Writer
	h      Header
	sum    xxhash.Digest // of all bytes so far
	size   int64
	number uint32      // of the last chunk
	left   int64       // of the snapshot
	last   journal.Seq // of the frames so far
	epoch  uint64      // of that one
	frames uint64
	seen   span
	buf    []byte
}

// NewWriter writes the header of a part.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	p := &Writer{w: w, h: h, left: h.Snapshot, last: h.After.Seq, epoch: h.After.Epoch}
	p.sum.Reset()
	return p, p.write(h.encode())
}

func (p *Writer) write(b []byte) error {
	_, _ = p.sum.Write(b)
	n, err := p.w.Write(b)
	p.size += int64(n)
	return fault.With(fault.Operator, err)
}

// chunk writes a chunk.
func (p *Writer) chunk(kind byte, payload []byte) error {
	p.number++
	p.buf = append(p.buf[:0], make([]byte, chunkHeaderSize)...)
	p.buf = append(p.buf, payload...)
	chunkHeader{number: p.number, length: uint32(len(payload)), kind: kind}.put(p.buf, payload)
	return p.write(p.buf)
}

// Snapshot writes the next bytes of the snapshot, at most ChunkSize.
func (p *Writer) Snapshot(b []byte) error {
	if p.left -= int64(len(b)); p.left < 0 || len(b) > ChunkSize || p.last != p.h.After.Seq {
		return damaged("%d bytes of the snapshot; %d were left", len(b), p.left+int64(len(b)))
	}
	return p.chunk(kindSnapshot, b)
}

// Frames writes the next frames, as AppendFrame puts them together, at most
// ChunkSize and one frame. They must follow those before.
func (p *Writer) Frames(b []byte) error {
	if p.left > 0 || len(b) > chunkMost {
		return damaged("%d bytes of frames where %d of the snapshot are missing", len(b), p.left)
	}
	frames, err := SplitFrames(b)
	if err != nil {
		return err
	}
	if n := len(frames); n == 0 || frames[n-1].Seq > p.h.Last.Seq {
		return damaged("%d frames after number %d; the last is %d", n, p.last, p.h.Last.Seq)
	}
	if err := p.check(frames); err != nil {
		return err
	}
	return p.chunk(kindFrames, b)
}

// check looks at frames that are to follow.
func (p *Writer) check(frames []journal.Frame) error {
	for c, err := range journal.NewHistory(some(frames), p.h.Lineage).Read(context.Background(), p.last+1) {
		if err == nil && c.Batch().Epoch < p.epoch {
			err = journal.Damaged(c.Seq(), "epoch falls from %d to %d", p.epoch, c.Batch().Epoch)
		}
		if err == nil && p.frames == 0 && c.Batch().Prev != p.h.After.Digest {
			err = journal.Damaged(c.Seq(), "it was written on digest %s; at number %d it is %s",
				c.Batch().Prev, p.h.After.Seq, p.h.After.Digest)
		}
		if err != nil {
			return err
		}
		p.last, p.epoch = c.Seq(), c.Batch().Epoch
		p.frames++
		p.seen.add(c)
	}
	return nil
}

// Last returns the number up to which there are frames.
func (p *Writer) Last() journal.Seq { return p.last }

// Close ends the part. It is not whole, and can't be read, unless that has worked.
func (p *Writer) Close() (Trailer, error) {
	if p.left > 0 || p.last != p.h.Last.Seq || p.epoch != p.h.Last.Epoch {
		return Trailer{}, damaged("it ends at number %d of epoch %d; want %d of %d",
			p.last, p.epoch, p.h.Last.Seq, p.h.Last.Epoch)
	}
	b := make([]byte, trailerSize)
	be := binary.BigEndian
	be.PutUint64(b, p.frames)
	be.PutUint64(b[8:], uint64(p.size))
	be.PutUint64(b[16:], p.sum.Sum64())
	be.PutUint64(b[24:], millis(p.seen.first))
	be.PutUint64(b[32:], millis(p.seen.newest))
	err := p.chunk(kindTrailer, b)
	return Trailer{Frames: p.frames, Bytes: p.size, First: p.seen.first, Newest: p.seen.newest}, err
}

// millis is a time in Unix milliseconds, 0 for none.
func millis(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMilli())
}

// span is when entries were written.
type span struct{ first, newest time.Time }

func (s *span) add(c journal.Committed) {
	for _, e := range c.Batch().Entries {
		if s.first.IsZero() {
			s.first = e.At
		}
		if e.At.After(s.newest) {
			s.newest = e.At
		}
	}
}

// some is a journal.Reader of a few frames, which nobody else changes.
type some []journal.Frame

func (f some) Read(context.Context, journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		for _, fr := range f {
			if !yield(fr, nil) {
				return
			}
		}
	}
}

func (f some) Stat(context.Context) (journal.Stat, error) {
	return journal.Stat{}, fault.With(fault.Refused, errNoSpan)
}
