package jet

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"

	"ledge/journal"
	"ledge/journal/fault"
)

// Summary is what a store holds.
type Summary struct {
	Lineage     journal.Lineage
	First, Last journal.Seq
	// Bytes is what the block files take, without Torn.
	Bytes  int64
	Blocks int
	// Torn is the length of an unfinished append behind the last frame. It
	// was never acknowledged; Open cuts it off.
	Torn int64
	// Clean says that the journal was closed in good order.
	Clean bool
	// Notes say what is not as it should be, costs nothing, and is made good by
	// Open.
	Notes []string
}

// Verify reads the whole store in dir, a Config.Dir that no node has open, and
// checks every byte of it, each frame's own checksum too. Damage is a
// *journal.DamageError with its number.
func Verify(ctx context.Context, dir string) (Summary, error) {
	s := newStore(dir)
	_, _ = newGuard(dir, s).restore() // Open does so first, and says what fails
	k, err := loadMark(dir)
	if isMissing(err) {
		if there, _ := s.exists(); there {
			err = errNoMark(dir)
		} else {
			err = journal.Damage(err)
		}
	}
	if err != nil {
		return Summary{}, fault.As(fault.Operator, "verify journal", err)
	}
	m := k.get()
	checkFrame := func(r record, _ place) error {
		return journal.CheckFrame(r.data, m.lineage, r.seq)
	}
	sum, _, err := s.verify(ctx, m, checkFrame)
	if k.note != "" {
		sum.Notes = append(sum.Notes, k.note)
	}
	return sum, fault.As(fault.Fatal, "verify journal", err)
}

// Exists reports whether there is a journal in dir, a Config.Dir: one whose
// first start was cut short is none yet.
func Exists(dir string) bool { return newStore(dir).created() }

// Scan yields the frames of the store in dir from number from on, or from the
// first one if that is later. No node may have the store open.
func Scan(ctx context.Context, dir string, from journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		k, err := loadMark(dir)
		if err != nil {
			yield(journal.Frame{}, fault.As(fault.Operator, "scan journal", err))
			return
		}
		m := k.get()
		s := newStore(dir)
		s.seal(m)
		_, err = s.walk(ctx, m.floor, max(from, m.floor+1), nil,
			func(r record, _ place) error {
				if !yield(journal.Frame{Seq: r.seq, Data: r.data}, nil) {
					return errStop
				}
				return nil
			})
		if err != nil && err != errStop {
			yield(journal.Frame{}, fault.As(fault.Fatal, "scan journal", err))
		}
	}
}

// verify walks the whole store and holds it against the mark and the broker's
// index. fn may look at each frame.
func (s store) verify(
	ctx context.Context, m mark, fn func(record, place) error,
) (Summary, end, error) {
	sum := Summary{Lineage: m.lineage, First: m.floor + 1, Last: m.floor, Clean: m.clean}
	ok, err := s.exists()
	if err != nil {
		return sum, end{}, fault.As(fault.Operator, "", err)
	}
	if !ok {
		return sum, end{}, errMissing(s)
	}
	s.seal(m)
	e, err := s.walk(ctx, m.floor, m.floor+1, nil, func(r record, p place) error {
		if r.seq == m.last && m.headed && headOf(r.data) != m.head {
			return damaged(r.seq, otherFrame)
		}
		if fn == nil {
			return nil
		}
		return fn(r, p)
	})
	sum.Last = max(e.last, m.floor)
	sum.Bytes, sum.Blocks, sum.Torn = e.bytes, e.blocks, e.torn
	if err == nil {
		err = s.reaches(m, e)
	}
	if err == nil {
		sum.Notes = s.notes(m, e)
	}
	return sum, e, err
}

// otherFrame is what is wrong with a number that the witness has seen otherwise.
const otherFrame = "another frame stands in its place than was acknowledged"

// seal notes where a journal that was closed in good order ends.
func (s *store) seal(m mark) {
	if m.clean {
		s.sealed = m.last + 1
	}
}

// notes says what is wrong with a store that has everything it should.
func (s store) notes(m mark, e end) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	last := max(e.last, m.floor)
	switch {
	case e.foreign:
		note("%d bytes that are no frame stand after number %d, the journal's last, in %s; they are cut off",
			e.torn, last, e.tail.path)
	case e.torn > 0 && m.clean:
		note("%d bytes stand after number %d, with which the journal was closed, in %s; they are cut off",
			e.torn, last, e.tail.path)
	case e.torn > 0:
		note("the journal ends in an append that never finished, %d bytes after number %d; it is cut off", e.torn, last)
	}
	if m.clean && last > m.last {
		note("file %q is an older one: it says that the journal was closed with number %d; it goes up to %d",
			markFile, m.last, last)
	}
	if err := s.metaFault(m.lineage); err != nil {
		note("%s; the stream's own files are written again", err)
	}
	return notes
}

// reaches checks that the journal ends no earlier than it is known to.
func (s store) reaches(m mark, e end) error {
	last := max(e.last, m.floor)
	switch {
	case max(e.last, e.tomb) < m.floor:
		return damaged(max(e.last, e.tomb)+1,
			"the journal ends here; it has been truncated up to %d", m.floor)
	case e.tomb > last:
		return damaged(last+1, "the journal ends here; number %d was deleted", e.tomb)
	case e.tomb > m.floor:
		return damaged(m.floor+1, "file %q is an older one: number %d has been truncated since", markFile, e.tomb)
	case last < m.last:
		return damaged(last+1, "the journal ends here; it has held number %d", m.last)
	}
	if n, ok := s.indexLast(); ok && n > last && m.synced {
		return damaged(last+1, "the journal ends here; the broker's index has number %d", n)
	}
	return nil
}

// indexLast returns the last number that the broker's index knows of. The
// index may be old, never early.
func (s store) indexLast() (journal.Seq, bool) {
	b, err := os.ReadFile(filepath.Join(s.dir, "msgs", indexFile))
	if err != nil || len(b) < 2+recordHash {
		return 0, false
	}
	key := sha256.Sum256([]byte(streamName))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return 0, false
	}
	b, sum := b[:len(b)-recordHash], b[len(b)-recordHash:]
	h.Write(b)
	if h.Sum64() != binary.LittleEndian.Uint64(sum) {
		return 0, false
	}
	// Behind magic and version: messages, bytes, first, time of first, last.
	var v uint64
	for rest, i := b[2:], 0; i < 5; i++ {
		var n int
		if v, n = binary.Uvarint(rest); n <= 0 {
			return 0, false
		}
		rest = rest[n:]
	}
	return journal.Seq(v), true
}
