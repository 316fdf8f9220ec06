package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/journal/fault"
)

// Reader takes a part apart and checks every byte of it: first the snapshot, then
// the frames. Whether a state can be made of them is for whoever loads it.
type Reader struct {
	r      io.Reader
	Header Header
	// Trailer is there once all has been read.
	Trailer Trailer

	sum    xxhash.Digest // of all bytes before the last chunk's header
	offset int64         // where the next chunk begins
	number uint32        // of the last chunk
	buf    bytes.Buffer
	left   int64 // of the snapshot
	rest   []byte
	last   journal.Seq
	frames uint64
	ended  bool
}

// NewReader reads the header of a part.
func NewReader(r io.Reader) (*Reader, error) {
	b := make([]byte, headerSize)
	n, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fault.With(fault.Operator, err)
	}
	h, err := decodeHeader(b[:n])
	if err != nil {
		return nil, err
	}
	p := &Reader{r: r, Header: h, left: h.Snapshot, last: h.After.Seq, offset: headerSize}
	p.sum.Reset()
	_, _ = p.sum.Write(b)
	return p, nil
}

// chunk reads the next chunk and checks it. The payload is good until the next
// call. Memory grows with what has come, and not with what is announced.
func (p *Reader) chunk() (kind byte, payload []byte, err error) {
	var head [chunkHeaderSize]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		return 0, nil, cut(err)
	}
	h := parseChunkHeader(head[:])
	p.number++
	if h.length > chunkMost {
		return 0, nil, damaged("chunk %d at offset %d has %d bytes; the most is %d", p.number, p.offset, h.length, chunkMost)
	}
	p.buf.Reset()
	if _, err := io.CopyN(&p.buf, p.r, int64(h.length)); err != nil {
		return 0, nil, cut(err)
	}
	payload = p.buf.Bytes()
	if got := journal.Checksum(head[4:], payload); got != h.sum {
		return 0, nil, damaged("the checksum of chunk %d at offset %d is %08x; it says %08x", p.number, p.offset, got, h.sum)
	}
	if h.number != p.number || head[13]|head[14]|head[15] != 0 {
		return 0, nil, damaged("chunk %d at offset %d says it is number %d", p.number, p.offset, h.number)
	}
	if h.kind == kindTrailer {
		return h.kind, payload, nil
	}
	_, _ = p.sum.Write(head[:])
	_, _ = p.sum.Write(payload)
	p.offset += int64(len(head) + len(payload))
	return h.kind, payload, nil
}

// cut names what a part is that ends too early.
func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return damaged("%w", errCut)
	}
	return fault.With(fault.Operator, err)
}

// Read reads the snapshot. It ends with io.EOF.
func (p *Reader) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.left == 0 {
			return 0, io.EOF
		}
		kind, payload, err := p.chunk()
		if err != nil {
			return 0, err
		}
		if kind != kindSnapshot || len(payload) == 0 || int64(len(payload)) > p.left {
			return 0, damaged("chunk %d is of kind %d with %d bytes; %d of the snapshot are missing",
				p.number, kind, len(payload), p.left)
		}
		p.rest, p.left = payload, p.left-int64(len(payload))
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Frames yields the frames, whose data are valid until the next is asked for, and
// checks at the end that the part is whole. The snapshot must have been read.
func (p *Reader) Frames(ctx context.Context) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		if err := p.eachFrame(ctx, func(f journal.Frame) bool { return yield(f, nil) }); err != nil {
			yield(journal.Frame{}, err)
		}
	}
}

func (p *Reader) eachFrame(ctx context.Context, fn func(journal.Frame) bool) error {
	if p.left > 0 || len(p.rest) > 0 {
		return fault.With(fault.Refused, errUnread)
	}
	for !p.ended {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind, payload, err := p.chunk()
		if err != nil {
			return err
		}
		if kind == kindTrailer {
			return p.end(payload)
		}
		frames, err := SplitFrames(payload)
		if err != nil {
			return err
		}
		if kind != kindFrames || len(frames) == 0 {
			return damaged("chunk %d is of kind %d with %d frames", p.number, kind, len(frames))
		}
		for _, f := range frames {
			if f.Seq != p.last+1 || f.Seq > p.Header.Last.Seq {
				return damaged("number %d follows number %d; the last is to be %d", f.Seq, p.last, p.Header.Last.Seq)
			}
			p.last, p.frames = f.Seq, p.frames+1
			if !fn(f) {
				return nil
			}
		}
	}
	return nil
}

// end checks the whole against the trailer.
func (p *Reader) end(b []byte) error {
	if len(b) != trailerSize {
		return damaged("a trailer of %d bytes; want %d", len(b), trailerSize)
	}
	be := binary.BigEndian
	switch {
	case be.Uint64(b) != p.frames || p.last != p.Header.Last.Seq:
		return damaged("it has %d frames up to number %d; the trailer says %d, the header %d",
			p.frames, p.last, be.Uint64(b), p.Header.Last.Seq)
	case int64(be.Uint64(b[8:])) != p.offset:
		return damaged("the trailer stands at offset %d; it says %d", p.offset, int64(be.Uint64(b[8:])))
	case be.Uint64(b[16:]) != p.sum.Sum64():
		return damaged("the checksum of the whole is %016x; the trailer says %016x", p.sum.Sum64(), be.Uint64(b[16:]))
	}
	if n, err := io.ReadFull(p.r, make([]byte, 1)); n > 0 || err != io.EOF {
		return errors.Join(damaged("something follows the trailer"), notEnd(err))
	}
	p.Trailer = Trailer{Frames: p.frames, Bytes: p.offset + chunkHeaderSize + trailerSize,
		First: timeOf(be.Uint64(b[24:])), Newest: timeOf(be.Uint64(b[32:]))}
	p.ended = true
	return nil
}

// notEnd is an error other than the end.
func notEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func timeOf(millis uint64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(millis))
}

// errUnread is a bug of whoever reads a part.
var errUnread = errors.New("the snapshot of the backup has not been read")

// errNoSpan is what a part of a journal says of what it spans.
var errNoSpan = errors.New("a part of a journal spans what its header says")
