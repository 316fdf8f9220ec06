package snapshot

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/replay/value"
)

// Reader takes a snapshot apart and checks all that can be checked
// without a state: every checksum, the order of chunks and rows, that each row
// is sound, and that counts and digest are what the header says.
type Reader struct {
	r      io.Reader
	size   int64 // of the whole snapshot
	Header Header

	sum    xxhash.Digest // of all bytes so far
	offset int64
	number uint32 // of the last chunk
	start  int64  // where that chunk begins
	head   [chunkHeaderSize]byte
	buf    []byte

	// Libraries are the function libraries. They come before the first row.
	Libraries []Library
	// Tables are the rows of other tables. They come before the first row of a database.
	Tables []TableRow
	rows   uint64
	total  journal.Digest // of the databases before
	db     Database       // the one announced last
	seen   Database       // what has come of it
	last   string         // its last row key
	part   *partial       // of a collection; nil when it is complete

	announced bool // a database has been

	// Filter has rows be passed over; nil keeps all. It is set before the first Next.
	Filter  *Filter
	passing bool // over the elements of a collection
	passed  bool // over some of this database, whose digest can't be counted then
}

// Filter is for whoever wants a few rows of a snapshot. A collection that is passed over
// is not put together, and takes no memory: its bytes are checked, what they say is not.
type Filter struct {
	Wants func(db journal.DB, key string) bool
	// Takes is told of each row that is wanted about how much memory it takes, and again
	// and again as a collection grows; whole says that all of it is there. Its error ends
	// the reading.
	Takes func(bytes int, whole bool) error
}

// wants reports whether the row of a row key is wanted.
func (s *Reader) wants(k string) bool {
	return s.Filter == nil || s.Filter.Wants(s.db.DB, k[value.RowHead:])
}

// takes tells the filter of a row that is wanted.
func (s *Reader) takes(k string, r value.Record, whole bool) error {
	if s.Filter == nil || s.Filter.Takes == nil {
		return nil
	}
	return s.Filter.Takes(value.Memory(len(k)-value.RowHead, r), whole)
}

// NewReader reads the header of a snapshot of the given length.
func NewReader(r io.Reader, size int64) (*Reader, error) {
	s := &Reader{r: r, size: size}
	s.sum.Reset()
	b := make([]byte, headerSize)
	n, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if s.Header, err = decodeHeader(b[:n]); err != nil {
		return nil, err
	}
	_, _ = s.sum.Write(b)
	s.offset = headerSize
	return s, nil
}

// Offset returns how many bytes have been read.
func (s *Reader) Offset() int64 { return s.offset }

// Database announces the rows of a database.
type Database struct {
	DB     journal.DB
	Rows   uint64
	Digest journal.Digest
}

// Chunk is a chunk taken apart. Its rows are good until the next one is
// read.
type Chunk struct {
	Of     Database // all that its database has
	Rows   []Row
	Digest journal.Digest // of these rows
}

// Row is a row of a database.
type Row struct {
	k, v string
	hash uint64
	at   int64      // of a collection
	body value.Body // nil for a string
}

// Hash returns the hash of the row's key.
func (r *Row) Hash() uint64 { return r.hash }

// Position returns where the row's key stands.
func (r *Row) Position() uint64 { return value.RowCursor(r.k) }

// Key returns the row's key, which is good as long as the row is.
func (r *Row) Key() string { return r.k[value.RowHead:] }

// Block returns a block of the row's key and of what it holds, which shares no
// memory with the row.
func (r *Row) Block() *value.Block {
	key := r.k[value.RowHead:]
	if r.body == nil {
		return value.NewBlock(key, r.v)
	}
	return value.NewCollection(key, r.at, r.body)
}

// Library is a function library.
type Library struct{ Name, Code string }

// TableRow is a row of a table.
type TableRow struct{ Table, Key, Val string }

// Next fills c with the next chunk of rows. After the last it checks the whole
// and returns io.EOF.
func (s *Reader) Next(c *Chunk) error {
	for {
		h, payload, err := s.chunk()
		if err != nil {
			return err
		}
		if s.passing = s.passing && h.kind == kindElems && journal.DB(h.db) == s.db.DB; s.passing {
			continue
		}
		switch {
		case s.part != nil && (h.kind != kindElems || journal.DB(h.db) != s.db.DB):
			return s.damaged("%d elements are missing", s.part.left)
		case s.part != nil:
			c.Of, c.Rows, c.Digest = s.db, c.Rows[:0], 0
			if !s.part.add(text(payload)) {
				return s.damaged("elements that can't be read")
			}
			if err := s.complete(c); err != nil {
				return err
			}
			if len(c.Rows) > 0 {
				return nil
			}
		case h.kind == kindTrailer:
			return s.finish(payload)
		case h.kind == kindTable && h.rows == 0 && !s.announced && s.Header.Tables:
			if err := s.tableRow(payload); err != nil {
				return err
			}
		case h.kind == kindFunction && h.rows == 0 && !s.announced && len(s.Tables) == 0:
			if err := s.library(payload); err != nil {
				return err
			}
		case h.kind == kindDatabase && len(payload) == databaseSize:
			if err := s.announce(h, payload); err != nil {
				return err
			}
		case h.kind == kindRows && journal.DB(h.db) == s.db.DB && h.rows > 0:
			c.Of, c.Rows, c.Digest = s.db, c.Rows[:0], 0
			if err := s.split(c, payload, h.rows); err != nil || len(c.Rows) > 0 {
				return err
			}
		default:
			return s.damaged("a chunk of kind %d with %d rows of database %d in %d bytes",
				h.kind, h.rows, h.db, len(payload))
		}
	}
}

// announce begins a database. They come in order of their numbers.
func (s *Reader) announce(h chunkHeader, b []byte) error {
	if err := s.endDatabase(); err != nil {
		return err
	}
	if int(h.db) >= s.Header.Databases || s.rows > 0 && journal.DB(h.db) <= s.db.DB {
		return s.damaged("database %d of %d after %d", h.db, s.Header.Databases, s.db.DB)
	}
	s.announced = true
	s.db = Database{journal.DB(h.db), binary.BigEndian.Uint64(b),
		journal.Digest(binary.BigEndian.Uint64(b[8:]))}
	s.seen, s.last = Database{DB: s.db.DB}, ""
	return nil
}

// endDatabase checks that all that was announced has come.
func (s *Reader) endDatabase() error {
	if s.passed {
		s.seen.Digest, s.passed = s.db.Digest, false
	}
	if s.seen != s.db {
		return s.damaged("database %d ends with %d rows and digest %s; announced were %d and %s",
			s.db.DB, s.seen.Rows, s.seen.Digest, s.db.Rows, s.db.Digest)
	}
	s.total += Numbered(s.db.Digest, int(s.db.DB))
	s.db, s.seen = Database{DB: s.db.DB}, Database{DB: s.db.DB}
	return nil
}

// chunk reads the next chunk and checks it. The payload is good until the next
// call.
func (s *Reader) chunk() (h chunkHeader, payload []byte, err error) {
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

func (s *Reader) fill(b []byte) error {
	n, err := io.ReadFull(s.r, b)
	s.offset += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return s.damaged("ends after %d bytes, without a trailer", s.offset)
	}
	return err
}

// split takes a payload apart into its rows.
func (s *Reader) split(c *Chunk, b []byte, rows uint32) error {
	last := s.last
	for range rows {
		klen, n := binary.Uvarint(b)
		vlen, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 || klen > uint64(len(b)-n-m) || vlen > uint64(len(b)-n-m)-klen {
			return s.damaged("row %d runs past the chunk", s.rows)
		}
		b = b[n+m:]
		k, v := text(b[:klen]), text(b[klen:klen+vlen])
		b = b[klen+vlen:]
		if k <= last {
			return s.damaged("row %d is out of order", s.rows)
		}
		hash, ok := value.CheckRow(k, v)
		if ok && value.RowType(v) != value.String {
			if s.part != nil {
				return s.damaged("%d elements are missing", s.part.left)
			}
			if s.passing = !s.wants(k); s.passing {
				s.passed, last = true, k
				s.rows++
				s.seen.Rows++
				continue
			}
			s.part, ok = collectionRow(k, v, hash)
		}
		if !ok {
			return s.damaged("row %d is not a row", s.rows)
		}
		last = k
		s.rows++
		if s.part != nil {
			if err := s.complete(c); err != nil {
				return err
			}
			continue
		}
		if err := s.stringRow(c, Row{k: k, v: v, hash: hash}); err != nil {
			return err
		}
	}
	if len(b) > 0 {
		return s.damaged("%d bytes behind the last row", len(b))
	}
	s.last = strings.Clone(last) // the payload goes when the next chunk comes
	return nil
}

// stringRow adds the row of a string to c, if it is wanted.
func (s *Reader) stringRow(c *Chunk, r Row) error {
	digest := value.RowDigest(r.hash, r.v)
	s.seen.Rows, s.seen.Digest = s.seen.Rows+1, s.seen.Digest+digest
	c.Digest += digest
	if !s.wants(r.k) {
		return nil
	}
	c.Rows = append(c.Rows, r)
	return s.takes(r.k, value.Record{Val: r.v}, true)
}

// complete adds the collection that is being read to c, if it is all there.
func (s *Reader) complete(c *Chunk) error {
	r, whole := s.part.row, s.part.left == 0
	if err := s.takes(r.k, value.Record{Body: r.body}, whole); err != nil || !whole {
		return err
	}
	s.part = nil
	digest := value.BodyDigest(r.hash, r.at, r.body)
	c.Rows, c.Digest = append(c.Rows, r), c.Digest+digest
	s.seen.Rows, s.seen.Digest = s.seen.Rows+1, s.seen.Digest+digest
	return nil
}

// finish checks the whole against trailer and header.
func (s *Reader) finish(b []byte) error {
	if len(b) != trailerSize {
		return s.damaged("a trailer of %d bytes; want %d", len(b), trailerSize)
	}
	if err := s.endDatabase(); err != nil {
		return err
	}
	be := binary.BigEndian
	if got, want := s.rows, be.Uint64(b); got != want || got != s.Header.Rows {
		return s.damaged("%d rows; the trailer says %d, the header %d", got, want, s.Header.Rows)
	}
	if got, want := s.start, int64(be.Uint64(b[8:])); got != want {
		return s.damaged("the trailer stands at offset %d; it says %d", got, want)
	}
	if got, want := s.sum.Sum64(), be.Uint64(b[16:]); got != want {
		return s.damaged("checksum of the whole is %016x; the trailer says %016x", got, want)
	}
	if s.total += s.tablesDigest(); s.total != s.Header.Pos.Digest {
		return s.damaged("digest of all rows is %s; the header says %s", s.total, s.Header.Pos.Digest)
	}
	if s.offset != s.size {
		return s.damaged("%d bytes behind the trailer", s.size-s.offset)
	}
	return io.EOF
}

func (s *Reader) damaged(format string, args ...any) error {
	return &Damage{Chunk: int(s.number), Offset: s.start, Cause: fmt.Sprintf(format, args...)}
}
