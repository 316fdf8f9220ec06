package snapshot

import (
	"encoding/binary"
	"fmt"
	"time"

	"ledge/journal"
)

// The layout of a snapshot; SNAPSHOT.md has the tables. A file is a header,
// and chunks: for each database one that announces it and those with its rows,
// and a last one, the trailer.
const (
	magic   = "LEDGSNAP"
	version = 3 // 1 had strings only, 2 no tables
	// untabled is the version of a file without tables beside the libraries: programs
	// that know none read it.
	untabled = 2

	headerSize      = 64
	chunkHeaderSize = 20
	databaseSize    = 16
	trailerSize     = 24

	kindRows     = 1
	kindDatabase = 2 // says what rows of a database follow
	kindTrailer  = 3
	kindElems    = 4 // of the collection whose row came last
	kindFunction = 5 // a function library; they stand before the databases
	kindTable    = 6 // a row of another table; they stand after the libraries

	// chunkTarget is where a chunk ends; it may go past it by one row.
	chunkTarget = 256 << 10
	// chunkMax bounds what a reader takes in at once. The longest row is a
	// string that an edit at the last offset has grown.
	chunkMax = 64 << 20
)

// Header is what a snapshot says about itself before its rows.
type Header struct {
	Databases int
	Lineage   journal.Lineage
	Pos       journal.Pos
	Epoch     uint64
	Rows      uint64 // of all databases
	Created   time.Time
	// Tables says that rows of tables may follow, other than the libraries.
	Tables bool
}

// Info describes a snapshot.
type Info struct {
	Path    string // empty when it was written to something else than a file
	Lineage journal.Lineage
	Pos     journal.Pos
	Epoch   uint64
	Keys    int
	Bytes   int64
	Created time.Time
}

// Info returns what the header says of a snapshot of that many bytes.
func (h Header) Info(path string, size int64) Info {
	return Info{Path: path, Lineage: h.Lineage, Pos: h.Pos, Epoch: h.Epoch,
		Keys: int(h.Rows), Bytes: size, Created: h.Created}
}

func (h Header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	be := binary.BigEndian
	be.PutUint16(b[8:], untabled)
	if h.Tables {
		be.PutUint16(b[8:], version)
	}
	be.PutUint16(b[10:], uint16(h.Databases))
	be.PutUint64(b[16:], uint64(h.Lineage))
	be.PutUint64(b[24:], uint64(h.Pos.Seq))
	be.PutUint64(b[32:], uint64(h.Pos.Digest))
	be.PutUint64(b[40:], h.Epoch)
	be.PutUint64(b[48:], h.Rows)
	be.PutUint64(b[56:], uint64(h.Created.UnixMilli()))
	be.PutUint32(b[12:], headerSum(b))
	return b
}

// headerSum is the checksum of all header bytes but its own four.
func headerSum(b []byte) uint32 {
	return journal.Checksum(b[:12], b[16:headerSize])
}

// decodeHeader reads a header. Magic, version and checksum stay where they are in
// every version, so that a newer file is told from a damaged one.
func decodeHeader(b []byte) (h Header, err error) {
	if len(b) < headerSize {
		return h, &Damage{Cause: fmt.Sprintf("a header of %d bytes; want %d",
			len(b), headerSize)}
	}
	be := binary.BigEndian
	if string(b[:8]) != magic {
		return h, &Damage{Cause: fmt.Sprintf("begins with %q; want %q", b[:8], magic)}
	}
	if headerSum(b) != be.Uint32(b[12:]) {
		return h, &Damage{Cause: fmt.Sprintf("header checksum is %08x; the header says %08x",
			headerSum(b), be.Uint32(b[12:]))}
	}
	if v := be.Uint16(b[8:]); v > version {
		return h, journal.Newer("snapshot format %d; this program knows up to %d", v, version)
	}
	return Header{
		Databases: int(be.Uint16(b[10:])),
		Lineage:   journal.Lineage(be.Uint64(b[16:])),
		Pos:       journal.Pos{Seq: journal.Seq(be.Uint64(b[24:])), Digest: journal.Digest(be.Uint64(b[32:]))},
		Epoch:     be.Uint64(b[40:]),
		Rows:      be.Uint64(b[48:]),
		Created:   time.UnixMilli(int64(be.Uint64(b[56:]))),
		Tables:    be.Uint16(b[8:]) > untabled,
	}, nil
}

// chunkHeader stands before each chunk's payload.
type chunkHeader struct {
	sum    uint32 // of the header after it and the payload
	number uint32 // 1, 2, 3 …
	length uint32 // of the payload
	rows   uint32
	db     uint16
	kind   byte
}

// put writes h into b and seals both with the checksum.
func (h chunkHeader) put(b, payload []byte) {
	be := binary.BigEndian
	be.PutUint32(b[4:], h.number)
	be.PutUint32(b[8:], h.length)
	be.PutUint32(b[12:], h.rows)
	be.PutUint16(b[16:], h.db)
	b[18], b[19] = h.kind, 0
	be.PutUint32(b, chunkSum(b, payload))
}

func chunkSum(header, payload []byte) uint32 {
	return journal.Checksum(header[4:chunkHeaderSize], payload)
}

func parseChunkHeader(b []byte) chunkHeader {
	be := binary.BigEndian
	return chunkHeader{sum: be.Uint32(b), number: be.Uint32(b[4:]), length: be.Uint32(b[8:]),
		rows: be.Uint32(b[12:]), db: be.Uint16(b[16:]), kind: b[18]}
}

// Damage says that a snapshot is not what was written, and where.
type Damage struct {
	Path   string
	Chunk  int   // 0 is the header
	Offset int64 // where that chunk begins
	Cause  string
}

// Is reports whether target is journal.ErrDamage.
func (e *Damage) Is(target error) bool { return target == journal.ErrDamage }

func (e *Damage) Error() string {
	return fmt.Sprintf("snapshot damaged in chunk %d at offset %d: %s", e.Chunk, e.Offset, e.Cause)
}
