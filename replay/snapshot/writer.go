package snapshot

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/replay/value"
)

// Failed classes what stopped a snapshot. Nothing has changed: the older ones are
// whole, and the journal has everything.
func Failed(err error) error {
	class := fault.Operator
	if durable.Full(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		class = fault.Retryable
	}
	return fault.As(class, "take a snapshot", err)
}

// Writer puts rows into chunks. The first failed write is kept and ends all others.
type Writer struct {
	w      io.Writer
	err    error
	sum    xxhash.Digest // of all bytes so far
	offset int64
	rows   uint64

	number uint32     // of the last chunk
	db     journal.DB // announced last
	open   uint32     // rows in the open chunk
	chunk  []byte     // the open chunk, header included

	rowKey  []byte // of the row that is added
	scratch []byte // for the row of a collection
}

// NewWriter returns a Writer to w. Header comes first, then each Library, then each
// TableRow, then for each database Database and its rows, then Trailer.
func NewWriter(w io.Writer) *Writer {
	e := &Writer{w: w, chunk: make([]byte, chunkHeaderSize, chunkTarget+4096)}
	e.sum.Reset()
	return e
}

func (e *Writer) write(b []byte) {
	if e.err != nil {
		return
	}
	_, _ = e.sum.Write(b)
	_, e.err = e.w.Write(b)
	e.offset += int64(len(b))
}

// Header begins the snapshot.
func (e *Writer) Header(h Header) { e.write(h.encode()) }

// Library adds a function library. They come before the databases, in order of
// their names.
func (e *Writer) Library(l Library) {
	e.chunk = binary.AppendUvarint(e.chunk, uint64(len(l.Name)))
	e.chunk = append(e.chunk, l.Name...)
	e.chunk = append(e.chunk, l.Code...)
	e.seal(kindFunction, 0)
}

// TableRow adds a row of a table, whose Header says that there are tables. They come
// after the libraries, in order of tables and keys.
func (e *Writer) TableRow(r TableRow) {
	for _, s := range []string{r.Table, r.Key} {
		e.chunk = binary.AppendUvarint(e.chunk, uint64(len(s)))
		e.chunk = append(e.chunk, s...)
	}
	e.chunk = append(e.chunk, r.Val...)
	e.seal(kindTable, 0)
}

// Database ends the rows of one database and announces those of another.
func (e *Writer) Database(d Database) {
	e.flush()
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, d.Rows)
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, uint64(d.Digest))
	e.seal(kindDatabase, d.DB)
	e.db = d.DB
}

// Row adds a row of the announced database: a key's block, and where that stands.
func (e *Writer) Row(pos uint64, b *value.Block) {
	e.rowKey = value.AppendRowKey(e.rowKey[:0], pos, b.Name())
	if c := b.Collection(); c != nil {
		e.collection(text(e.rowKey), c)
	} else {
		e.row(text(e.rowKey), b.Value())
	}
}

// Err returns the first error of a write. After it nothing more is written.
func (e *Writer) Err() error { return e.err }

// Rows and Size return how many rows and bytes have been written.
func (e *Writer) Rows() uint64 { return e.rows }

// Size is said with Rows.
func (e *Writer) Size() int64 { return e.offset }

// row adds a row of the announced database to the open chunk.
func (e *Writer) row(k, v string) {
	e.chunk = binary.AppendUvarint(e.chunk, uint64(len(k)))
	e.chunk = binary.AppendUvarint(e.chunk, uint64(len(v)))
	e.chunk = append(e.chunk, k...)
	e.chunk = append(e.chunk, v...)
	e.open++
	e.rows++
	if len(e.chunk) >= chunkTarget {
		e.flush()
	}
}

// flush writes the open chunk if it has any rows.
func (e *Writer) flush() {
	if e.open > 0 {
		e.seal(kindRows, e.db)
	}
}

// Trailer ends the snapshot.
func (e *Writer) Trailer() {
	e.flush()
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, e.rows)
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, uint64(e.offset))
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, e.sum.Sum64())
	e.seal(kindTrailer, 0)
}

// seal writes the open chunk and opens the next.
func (e *Writer) seal(kind byte, db journal.DB) {
	e.number++
	h := chunkHeader{number: e.number, length: uint32(len(e.chunk) - chunkHeaderSize),
		rows: e.open, db: uint16(db), kind: kind}
	h.put(e.chunk, e.chunk[chunkHeaderSize:])
	e.write(e.chunk)
	if cap(e.chunk) > 4*chunkTarget { // a rare giant is not worth holding on to
		e.chunk = make([]byte, chunkHeaderSize, chunkTarget+4096)
	}
	e.chunk, e.open = e.chunk[:chunkHeaderSize], 0
}
