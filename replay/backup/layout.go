package backup

import (
	"encoding/binary"
	"strings"
	"time"

	"ledge/journal"
)

// The layout of a part; BACKUP.md has the tables.
const (
	magic   = "LEDGBKUP"
	version = 1

	headerSize      = 160
	chunkHeaderSize = 16
	trailerSize     = 40
	frameHead       = 8 + 4
	nodeMost        = 64

	kindSnapshot = 1 // bytes of the snapshot
	kindFrames   = 2
	kindTrailer  = 3

	// ChunkSize is about how much one chunk has.
	ChunkSize = 256 << 10
	// chunkMost bounds what a reader takes in at once: a chunk is longer than
	// ChunkSize by its last frame.
	chunkMost = ChunkSize + frameHead + journal.MaxFrame
)

// Point is a number of the journal with the digest and the epoch there.
type Point struct {
	journal.Pos
	Epoch uint64
}

// Header is what a part says about itself before its content.
type Header struct {
	Lineage   journal.Lineage
	Databases int
	// After is where the part begins: at its snapshot, or after the part before it.
	// The zero Point is the beginning of the journal. Last is where it ends.
	After, Last Point
	// Snapshot is how long the snapshot is; 0 is none.
	Snapshot int64
	Created  time.Time
	Node     string // the name of the node it was taken from
}

// Base reports whether the part can be restored without another before it.
func (h *Header) Base() bool { return h.Snapshot > 0 || h.After == Point{} }

// check reports what no part can say of itself.
func (h *Header) check() error {
	switch {
	case h.Last.Seq < h.After.Seq || h.Last.Epoch < h.After.Epoch:
		return damaged("it goes from number %d of epoch %d to %d of %d", h.After.Seq, h.After.Epoch, h.Last.Seq, h.Last.Epoch)
	case h.Last.Seq == h.After.Seq && h.Last != h.After:
		return damaged("it has two digests or epochs for number %d", h.Last.Seq)
	case h.Snapshot < 0 || h.Snapshot > 0 && h.After.Seq == 0:
		return damaged("it has a snapshot of %d bytes at number %d", h.Snapshot, h.After.Seq)
	case h.Databases < 1 || h.Databases > 1<<15 || len(h.Node) > nodeMost:
		return damaged("it has %d databases of node %q", h.Databases, h.Node)
	}
	return nil
}

func (p Point) put(b []byte) {
	be := binary.BigEndian
	be.PutUint64(b, uint64(p.Seq))
	be.PutUint64(b[8:], uint64(p.Digest))
	be.PutUint64(b[16:], p.Epoch)
}

func pointOf(b []byte) Point {
	be := binary.BigEndian
	return Point{journal.Pos{Seq: journal.Seq(be.Uint64(b)), Digest: journal.Digest(be.Uint64(b[8:]))}, be.Uint64(b[16:])}
}

func (h *Header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	be := binary.BigEndian
	be.PutUint16(b[8:], version)
	be.PutUint16(b[10:], uint16(h.Databases))
	be.PutUint64(b[16:], uint64(h.Lineage))
	h.After.put(b[24:])
	h.Last.put(b[48:])
	be.PutUint64(b[72:], uint64(h.Snapshot))
	be.PutUint64(b[80:], uint64(h.Created.UnixMilli()))
	copy(b[96:], h.Node)
	be.PutUint32(b[12:], headerSum(b))
	return b
}

// headerSum is the checksum of all header bytes but its own four.
func headerSum(b []byte) uint32 { return journal.Checksum(b[:12], b[16:headerSize]) }

// decodeHeader reads a header. Magic, version and checksum stand where they are in
// every version, so that a newer part is told from a damaged one.
func decodeHeader(b []byte) (h Header, err error) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return h, damaged("it begins with %.16q; want %q", b, magic)
	}
	if len(b) < headerSize {
		return h, damaged("%w", errCut)
	}
	be := binary.BigEndian
	if got, want := headerSum(b), be.Uint32(b[12:]); got != want {
		return h, damaged("the header's checksum is %08x; it says %08x", got, want)
	}
	if v := be.Uint16(b[8:]); v > version {
		return h, journal.Newer("backup format %d; this program knows up to %d", v, version)
	}
	h = Header{
		Lineage: journal.Lineage(be.Uint64(b[16:])), Databases: int(be.Uint16(b[10:])),
		After: pointOf(b[24:]), Last: pointOf(b[48:]), Snapshot: int64(be.Uint64(b[72:])),
		Created: time.UnixMilli(int64(be.Uint64(b[80:]))), Node: strings.TrimRight(string(b[96:headerSize]), "\x00"),
	}
	return h, h.check()
}

// chunkHeader stands before each chunk's payload.
type chunkHeader struct {
	sum    uint32 // of the rest of the header and the payload
	number uint32 // 1, 2, 3 …
	length uint32 // of the payload
	kind   byte
}

// put writes h into b, with the checksum over it and the payload.
func (h chunkHeader) put(b, payload []byte) {
	be := binary.BigEndian
	be.PutUint32(b[4:], h.number)
	be.PutUint32(b[8:], h.length)
	b[12], b[13], b[14], b[15] = h.kind, 0, 0, 0
	be.PutUint32(b, journal.Checksum(b[4:chunkHeaderSize], payload))
}

func parseChunkHeader(b []byte) chunkHeader {
	be := binary.BigEndian
	return chunkHeader{sum: be.Uint32(b), number: be.Uint32(b[4:]), length: be.Uint32(b[8:]), kind: b[12]}
}

// Trailer is what a part says about itself at its end.
type Trailer struct {
	Frames uint64
	Bytes  int64 // of the whole part
	// First and Newest are when the first entry was written, and the one that was
	// written last; zero if there are no entries.
	First, Newest time.Time
}

// AppendFrame appends a frame to a chunk: number, length, bytes.
func AppendFrame(b []byte, f journal.Frame) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(f.Seq))
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Data)))
	return append(b, f.Data...)
}

// SplitFrames takes a chunk of frames apart. They share its memory.
func SplitFrames(b []byte) (frames []journal.Frame, err error) {
	for len(b) > 0 {
		if len(b) < frameHead {
			return nil, damaged("a chunk ends within a frame")
		}
		seq, n := binary.BigEndian.Uint64(b), int64(binary.BigEndian.Uint32(b[8:]))
		if b = b[frameHead:]; int64(len(b)) < n {
			return nil, damaged("a chunk ends within frame %d", seq)
		}
		frames = append(frames, journal.Frame{Seq: journal.Seq(seq), Data: b[:n:n]})
		b = b[n:]
	}
	return frames, nil
}
