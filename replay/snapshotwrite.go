package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/value"
)

// WriteSnapshot writes the state as it stands at this moment to w, while Views
// go on and batches are applied. Only one snapshot is taken at a time; another
// gets ErrSnapshotRunning.
func (s *State) WriteSnapshot(ctx context.Context, w io.Writer, l journal.Lineage) (Info, error) {
	return s.writeSnapshot(ctx, w, l, time.Now())
}

func (s *State) writeSnapshot(
	ctx context.Context, w io.Writer, l journal.Lineage, created time.Time,
) (Info, error) {
	wk, err := s.beginWalk()
	if err != nil {
		return Info{}, err
	}
	defer wk.end()
	wk.start.lineage, wk.start.created = l, created
	enc := newSnapshotEncoder(w)
	enc.write(wk.start.encode())
	sum := wk.fns.share()
	enc.functions(wk.fns)
	var rows []walkedRow
	for _, p := range wk.parts {
		var digest journal.Digest
		enc.database(p)
		for more := true; more; {
			if rows, more, err = p.take(rows[:0]); err == nil {
				err = errors.Join(ctx.Err(), enc.err)
			}
			if err != nil {
				return Info{}, snapshotError(err)
			}
			for _, r := range rows {
				digest += value.BlockDigest(r.b, value.Sum(r.k[value.RowHead:]))
				if c := r.b.Collection(); c != nil {
					enc.collection(r.k, c)
				} else {
					enc.row(r.k, r.b.Value())
				}
			}
			clear(rows)
		}
		sum += numbered(digest, int(p.number))
	}
	enc.trailer()
	if enc.err != nil {
		return Info{}, snapshotError(enc.err)
	}
	if sum != wk.start.pos.Digest || enc.rows != wk.start.rows {
		return Info{}, fault.As(fault.Fatal, "replay.Snapshot", fmt.Errorf(
			"walk ended with %d rows and digest %s; the state at number %d had %d rows and %s",
			enc.rows, sum, wk.start.pos.Seq, wk.start.rows, wk.start.pos.Digest))
	}
	return wk.start.info("", enc.offset), nil
}

// snapshotError classes what stopped a snapshot. Nothing has changed: the
// older ones are whole, and the journal has everything.
func snapshotError(err error) error {
	class := fault.Operator
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		class = fault.Retryable
	}
	return fault.As(class, "replay.Snapshot", err)
}

// snapshotEncoder puts rows into chunks. The first failed write is kept and
// ends all others.
type snapshotEncoder struct {
	w      io.Writer
	err    error
	sum    xxhash.Digest // of all bytes so far
	offset int64
	rows   uint64

	number uint32     // of the last chunk
	db     journal.DB // announced last
	open   uint32     // rows in the open chunk
	chunk  []byte     // the open chunk, header included

	scratch []byte // for the row of a collection
}

func newSnapshotEncoder(w io.Writer) *snapshotEncoder {
	e := &snapshotEncoder{w: w, chunk: make([]byte, chunkHeaderSize, chunkTarget+4096)}
	e.sum.Reset()
	return e
}

func (e *snapshotEncoder) write(b []byte) {
	if e.err != nil {
		return
	}
	_, _ = e.sum.Write(b)
	_, e.err = e.w.Write(b)
	e.offset += int64(len(b))
}

// database ends the rows of one database and announces those of another.
func (e *snapshotEncoder) database(p *part) {
	e.flush()
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, uint64(p.rows))
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, uint64(p.digest))
	e.seal(kindDatabase, p.number)
	e.db = p.number
}

// row adds a row of the announced database to the open chunk.
func (e *snapshotEncoder) row(k, v string) {
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
func (e *snapshotEncoder) flush() {
	if e.open > 0 {
		e.seal(kindRows, e.db)
	}
}

// trailer ends the snapshot.
func (e *snapshotEncoder) trailer() {
	e.flush()
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, e.rows)
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, uint64(e.offset))
	e.chunk = binary.BigEndian.AppendUint64(e.chunk, e.sum.Sum64())
	e.seal(kindTrailer, 0)
}

// seal writes the open chunk and opens the next.
func (e *snapshotEncoder) seal(kind byte, db journal.DB) {
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
