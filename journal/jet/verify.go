package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/progress"
)

// StepCheck is the step of a progress.Meter in which all of a journal is read.
const StepCheck = "checking the journal"

// Size returns how many bytes the journal in dir has, a Config.Dir.
func Size(dir string) int64 { return blocks.NewStore(dir).Size() }

// SizeAfter returns how many bytes the journal in dir has after a number, about, by the
// sizes of its files.
func SizeAfter(dir string, seq journal.Seq) int64 {
	last := journal.Seq(0)
	if k, err := loadMark(dir); err == nil {
		last = k.get().last
	}
	return blocks.NewStore(dir).SizeAfter(seq, last)
}

// Summary is what a store holds.
type Summary struct {
	Lineage     journal.Lineage
	First, Last journal.Seq
	// Bytes is what the block files take, without Torn.
	Bytes  int64
	Blocks int
	// Torn is the length of an unfinished append after the last frame. It was
	// never acknowledged; Open cuts it off.
	Torn int64
	// Clean says that the journal was closed in good order.
	Clean bool
	// Notes say what is not as it should be, costs nothing, and is made good by
	// Open.
	Notes []string
	// Damaged says that some of them are of damage, and not only of an append that
	// never finished, which a process that is killed leaves.
	Damaged bool
}

// Verify reads the whole store in dir, a Config.Dir that no node has open, and
// checks every byte of it, each frame's own checksum too. Damage is a
// *journal.DamageError with its number.
func Verify(ctx context.Context, dir string) (Summary, error) {
	s := blocks.NewStore(dir)
	_, _ = broker.NewGuard(dir, s).Restore() // Open does so first, and says what fails
	k, err := loadMark(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if there, _ := s.Exists(); there {
			err = errNoMark(dir)
		} else {
			err = journal.Damage(err)
		}
	}
	if err != nil {
		return Summary{}, fault.As(fault.Operator, "verify journal", err)
	}
	m := k.get()
	checkFrame := func(r blocks.Record, _ blocks.Place) error {
		return journal.CheckFrame(r.Data, m.lineage, r.Seq)
	}
	sum, _, err := verify(ctx, s, m, checkFrame)
	if k.note != "" {
		sum.Notes, sum.Damaged = append(sum.Notes, k.note), true
	}
	return sum, fault.As(fault.Fatal, "verify journal", err)
}

// verify walks the whole store and compares it with the mark and the broker's
// index. fn may look at each frame.
func verify(
	ctx context.Context, s blocks.Store, m mark, fn func(blocks.Record, blocks.Place) error,
) (Summary, blocks.End, error) {
	sum := Summary{Lineage: m.lineage, First: m.floor + 1, Last: m.floor, Clean: m.clean}
	ok, err := s.Exists()
	if err != nil {
		return sum, blocks.End{}, fault.With(fault.Operator, err)
	}
	if !ok {
		return sum, blocks.End{}, s.Missing()
	}
	if err := newerMeta(s); err != nil {
		return sum, blocks.End{}, err
	}
	m.seal(&s)
	shown := progress.Of(ctx)
	shown.Step(StepCheck, progress.Bytes, s.Size())
	e, err := s.Walk(ctx, m.floor, m.floor+1, nil, func(r blocks.Record, p blocks.Place) error {
		shown.Add(int64(r.Size))
		if r.Seq == m.last && m.headed && headOf(r.Data) != m.head {
			return journal.Damaged(r.Seq, otherFrame)
		}
		if fn == nil {
			return nil
		}
		return fn(r, p)
	})
	sum.Last = max(e.Last, m.floor)
	sum.Bytes, sum.Blocks, sum.Torn = e.Bytes, e.Blocks, e.Torn
	if err == nil {
		err = reaches(s, m, e)
	}
	if err == nil {
		sum.Notes = notes(s, m, e)
		unfinished := e.Torn > 0 && !e.Foreign && !m.clean
		sum.Damaged = len(sum.Notes) > 1 || len(sum.Notes) == 1 && !unfinished
	}
	return sum, e, err
}

// otherFrame is what is wrong with a number whose frame begins otherwise than the
// witness says.
const otherFrame = "another frame stands in its place than was acknowledged"

// notes says what is wrong with a store that has everything it should.
func notes(s blocks.Store, m mark, e blocks.End) (notes []string) {
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	last := max(e.Last, m.floor)
	switch {
	case e.Foreign:
		note("%d bytes that are no frame stand after number %d, the journal's last, in %s; they are cut off",
			e.Torn, last, e.Tail.Path)
	case e.Torn > 0 && m.clean:
		note("%d bytes stand after number %d, with which the journal was closed, in %s; they are cut off",
			e.Torn, last, e.Tail.Path)
	case e.Torn > 0:
		note("the journal ends in an append that never finished, %d bytes after number %d; it is cut off", e.Torn, last)
	}
	if m.clean && last > m.last {
		note("file %q is an older one: it says that the journal was closed with number %d; it goes up to %d",
			markFile, m.last, last)
	}
	if err := metaFault(s, m.lineage); err != nil {
		note("%s; the stream's own files are written again", err)
	}
	return notes
}

// reaches checks that the journal ends no earlier than it is known to.
func reaches(s blocks.Store, m mark, e blocks.End) error {
	last := max(e.Last, m.floor)
	switch {
	case max(e.Last, e.Tomb) < m.floor:
		return journal.Damaged(max(e.Last, e.Tomb)+1,
			"the journal ends here; it has been truncated up to %d", m.floor)
	case e.Tomb > last:
		return journal.Damaged(last+1, "the journal ends here; number %d was deleted", e.Tomb)
	case e.Tomb > m.floor:
		return journal.Damaged(m.floor+1, "file %q is an older one: number %d has been truncated since", markFile, e.Tomb)
	case last < m.last:
		return journal.Damaged(last+1, "the journal ends here; it has held number %d", m.last)
	}
	if n, ok := s.IndexLast(); ok && n > last && m.synced {
		return journal.Damaged(last+1, "the journal ends here; the broker's index has number %d", n)
	}
	return nil
}
