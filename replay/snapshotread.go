package replay

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/replay/value"
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

	fns   *Functions
	rows  uint64
	total journal.Digest // of the databases before
	db    databaseRows   // the one announced last
	seen  databaseRows   // what has come of it
	last  string         // its last row key
	part  *partial       // of a collection; nil when it is complete

	announced bool // a database has been
}

// openSnapshot reads the header of a snapshot of the given length.
func openSnapshot(r io.Reader, size int64) (*snapshotReader, error) {
	s := &snapshotReader{r: r, size: size, fns: noFunctions()}
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

// databaseRows announces the rows of a database.
type databaseRows struct {
	db     journal.DB
	rows   uint64
	digest journal.Digest
}

// rowChunk is a chunk taken apart. Its rows are good until the next one is
// read.
type rowChunk struct {
	of     databaseRows // all that its database has
	rows   []chunkRow
	digest journal.Digest // of these rows
}

type chunkRow struct {
	k, v string
	hash uint64
	at   int64      // of a collection
	body value.Body // nil for a string
}

// next fills c with the next chunk of rows. After the last it checks the whole
// and returns io.EOF.
func (s *snapshotReader) next(c *rowChunk) error {
	for {
		h, payload, err := s.chunk()
		if err != nil {
			return err
		}
		switch {
		case s.part != nil && (h.kind != kindElems || journal.DB(h.db) != s.db.db):
			return s.damaged("%d elements are missing", s.part.left)
		case s.part != nil:
			c.of, c.rows, c.digest = s.db, c.rows[:0], 0
			if !s.part.add(unsafeString(payload)) {
				return s.damaged("elements that can't be read")
			}
			s.complete(c)
			if len(c.rows) > 0 {
				return nil
			}
		case h.kind == kindTrailer:
			return s.finish(payload)
		case h.kind == kindFunction && h.rows == 0 && !s.announced:
			if err := s.function(payload); err != nil {
				return err
			}
		case h.kind == kindDatabase && len(payload) == databaseSize:
			if err := s.announce(h, payload); err != nil {
				return err
			}
		case h.kind == kindRows && journal.DB(h.db) == s.db.db && h.rows > 0:
			c.of, c.rows, c.digest = s.db, c.rows[:0], 0
			if err := s.split(c, payload, h.rows); err != nil || len(c.rows) > 0 {
				return err
			}
		default:
			return s.damaged("a chunk of kind %d with %d rows of database %d in %d bytes",
				h.kind, h.rows, h.db, len(payload))
		}
	}
}

// announce begins a database. They come in order of their numbers.
func (s *snapshotReader) announce(h chunkHeader, b []byte) error {
	if err := s.endDatabase(); err != nil {
		return err
	}
	if int(h.db) >= s.header.databases || s.rows > 0 && journal.DB(h.db) <= s.db.db {
		return s.damaged("database %d of %d after %d", h.db, s.header.databases, s.db.db)
	}
	s.announced = true
	s.db = databaseRows{journal.DB(h.db), binary.BigEndian.Uint64(b),
		journal.Digest(binary.BigEndian.Uint64(b[8:]))}
	s.seen, s.last = databaseRows{db: s.db.db}, ""
	return nil
}

// endDatabase checks that all that was announced has come.
func (s *snapshotReader) endDatabase() error {
	if s.seen != s.db {
		return s.damaged("database %d ends with %d rows and digest %s; announced were %d and %s",
			s.db.db, s.seen.rows, s.seen.digest, s.db.rows, s.db.digest)
	}
	s.total += numbered(s.db.digest, int(s.db.db))
	s.db, s.seen = databaseRows{db: s.db.db}, databaseRows{db: s.db.db}
	return nil
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
		hash, ok := value.CheckRow(k, v)
		if ok && value.RowType(v) != value.String {
			if s.part != nil {
				return s.damaged("%d elements are missing", s.part.left)
			}
			s.part, ok = collectionRow(k, v, hash)
		}
		if !ok {
			return s.damaged("row %d is not a row", s.rows)
		}
		last = k
		s.rows++
		if s.part != nil {
			s.complete(c)
			continue
		}
		s.seen.rows++
		c.digest += value.RowDigest(hash, v)
		s.seen.digest += value.RowDigest(hash, v)
		c.rows = append(c.rows, chunkRow{k: k, v: v, hash: hash})
	}
	if len(b) > 0 {
		return s.damaged("%d bytes behind the last row", len(b))
	}
	s.last = strings.Clone(last) // the payload goes when the next chunk comes
	return nil
}

// complete adds the collection that is being read to c, if it is all there.
func (s *snapshotReader) complete(c *rowChunk) {
	if s.part.left > 0 {
		return
	}
	r := s.part.row
	s.part = nil
	digest := value.BodyDigest(r.hash, r.at, r.body)
	c.rows, c.digest = append(c.rows, r), c.digest+digest
	s.seen.rows, s.seen.digest = s.seen.rows+1, s.seen.digest+digest
}

// finish checks the whole against trailer and header.
func (s *snapshotReader) finish(b []byte) error {
	if len(b) != trailerSize {
		return s.damaged("a trailer of %d bytes; want %d", len(b), trailerSize)
	}
	if err := s.endDatabase(); err != nil {
		return err
	}
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
	if s.total += s.fns.share(); s.total != s.header.pos.Digest {
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
