package replay

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
)

// snapshotReader takes a snapshot apart and checks all that can be checked
// without a state: every checksum, the order of chunks and rows, that each row
// is sound, and that counts and digest are what the header says.
type snapshotReader struct {
	r      io.Reader
	size   int64 // of the whole snapshot
	header snapshotHeader

	sum    xxhash.Digest // of all bytes so far
	offset int64
	number uint32 // of the last chunk
	start  int64  // where that chunk begins
	head   [chunkHeaderSize]byte
	buf    []byte

	rows   uint64
	db     int
	last   string         // the database's last row key
	digest journal.Digest // of the database's rows so far
	total  journal.Digest // of the databases before
}

// openSnapshot reads the header of a snapshot of the given length.
func openSnapshot(r io.Reader, size int64) (*snapshotReader, error) {
	s := &snapshotReader{r: r, size: size}
	s.sum.Reset()
	b := make([]byte, snapshotHeaderSize)
	n, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if s.header, err = decodeSnapshotHeader(b[:n]); err != nil {
		return nil, err
	}
	_, _ = s.sum.Write(b)
	s.offset = snapshotHeaderSize
	return s, nil
}

// rowChunk is a chunk taken apart. Its rows are good until the next one is
// read.
type rowChunk struct {
	db     journal.DB
	rows   []chunkRow
	digest journal.Digest // of these rows
}

type chunkRow struct {
	k, v string
	hash uint64
}

// next fills c with the next chunk. After the last it checks the whole and
// returns io.EOF.
func (s *snapshotReader) next(c *rowChunk) error {
	h, payload, err := s.chunk()
	if err != nil {
		return err
	}
	if h.kind == kindTrailer {
		return s.finish(payload)
	}
	if h.kind != kindRows || int(h.db) >= s.header.databases || int(h.db) < s.db {
		return s.damaged("a chunk of kind %d for database %d", h.kind, h.db)
	}
	if int(h.db) != s.db {
		s.endDatabase()
		s.db = int(h.db)
	}
	c.db, c.rows, c.digest = journal.DB(h.db), c.rows[:0], 0
	err = s.split(c, payload, h.rows)
	s.digest += c.digest
	return err
}

// chunk reads the next chunk and checks it. The payload is good until the next
// call.
func (s *snapshotReader) chunk() (h chunkHeader, payload []byte, err error) {
	s.number++
	s.start = s.offset
	if err := s.fill(s.head[:]); err != nil {
		return h, nil, err
	}
	h = parseChunkHeader(s.head[:])
	if h.length > chunkMax || int64(h.length) > s.size-s.offset {
		return h, nil, s.damaged("a chunk of %d bytes where %d are left", h.length, s.size-s.offset)
	}
	if cap(s.buf) < int(h.length) {
		s.buf = make([]byte, max(int(h.length), 2*chunkTarget))
	}
	payload = s.buf[:h.length]
	if err := s.fill(payload); err != nil {
		return h, nil, err
	}
	if got := chunkSum(s.head[:], payload); got != h.sum {
		return h, nil, s.damaged("checksum is %08x; the chunk says %08x", got, h.sum)
	}
	if h.number != s.number {
		return h, nil, s.damaged("the chunk says it is number %d", h.number)
	}
	if h.kind != kindTrailer {
		_, _ = s.sum.Write(s.head[:])
		_, _ = s.sum.Write(payload)
	}
	return h, payload, nil
}

func (s *snapshotReader) fill(b []byte) error {
	n, err := io.ReadFull(s.r, b)
	s.offset += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s.damaged("ends after %d bytes, without a trailer", s.offset)
	}
	return err
}

// split takes a payload apart into its rows.
func (s *snapshotReader) split(c *rowChunk, b []byte, rows uint32) error {
	last := s.last
	for range rows {
		klen, n := binary.Uvarint(b)
		vlen, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || klen > uint64(len(b)-n-m) || vlen > uint64(len(b)-n-m)-klen {
			return s.damaged("row %d runs past the chunk", s.rows)
		}
		b = b[n+m:]
		k, v := unsafeString(b[:klen]), unsafeString(b[klen:klen+vlen])
		b = b[klen+vlen:]
		if k <= last {
			return s.damaged("row %d is out of order", s.rows)
		}
		hash, ok := checkRow(k, v)
		if !ok {
			return s.damaged("row %d is not a row", s.rows)
		}
		last = k
		c.digest += rowDigest(hash, v)
		s.rows++
		c.rows = append(c.rows, chunkRow{k, v, hash})
	}
	if len(b) > 0 {
		return s.damaged("%d bytes behind the last row", len(b))
	}
	s.last = strings.Clone(last) // the payload goes when the next chunk comes
	return nil
}

func (s *snapshotReader) endDatabase() {
	s.total += numbered(s.digest, s.db)
	s.digest, s.last = 0, ""
}

// finish checks the whole against trailer and header.
func (s *snapshotReader) finish(b []byte) error {
	if len(b) != trailerSize {
		return s.damaged("a trailer of %d bytes; want %d", len(b), trailerSize)
	}
	s.endDatabase()
	be := binary.BigEndian
	if got, want := s.rows, be.Uint64(b); got != want || got != s.header.rows {
		return s.damaged("%d rows; the trailer says %d, the header %d", got, want, s.header.rows)
	}
	if got, want := s.start, int64(be.Uint64(b[8:])); got != want {
		return s.damaged("the trailer stands at offset %d; it says %d", got, want)
	}
	if got, want := s.sum.Sum64(), be.Uint64(b[16:]); got != want {
		return s.damaged("checksum of the whole is %016x; the trailer says %016x", got, want)
	}
	if s.total != s.header.pos.Digest {
		return s.damaged("digest of all rows is %s; the header says %s", s.total, s.header.pos.Digest)
	}
	if s.offset != s.size {
		return s.damaged("%d bytes behind the trailer", s.size-s.offset)
	}
	return io.EOF
}

func (s *snapshotReader) damaged(format string, args ...any) error {
	return &SnapshotDamage{Chunk: int(s.number), Offset: s.start, Cause: fmt.Sprintf(format, args...)}
}
