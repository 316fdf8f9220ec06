package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/progress"
)

// Survey is all that can be read of a store, however much of it is damaged. It
// changes nothing. Where Verify stops at the first thing that is wrong, a Survey
// goes on after it.
type Survey struct {
	// Marked says that the mark can be read. Only then are Lineage, Floor and
	// Clean known.
	Marked  bool
	Lineage journal.Lineage
	Floor   journal.Seq // numbers up to it have been truncated
	Clean   bool
	// Promised is the highest number of which there is any trace. If there is
	// no mark there may have been more.
	Promised journal.Seq
	// Faults are what is wrong, in the order of the files.
	Faults []Fault

	root   string
	store  blocks.Store
	dir    string // of the blocks
	mark   mark
	gen    uint64 // of the mark
	blocks []surveyed
	faulty map[string]int // how many faults a file has, said or not
	unsaid int
	newer  error // of the first frame that is of a newer format
}

// StepSurvey is the step of a progress.Meter in which a store is surveyed.
const StepSurvey = "finding out what can be read"

// Bytes returns how many bytes the frames after one number up to another have, about:
// those of the runs that they are in.
func (s *Survey) Bytes(after, until journal.Seq) (n int64) {
	for _, b := range s.blocks {
		for _, r := range b.runs {
			if r.last > after && r.first <= until {
				n += r.to - r.from
			}
		}
	}
	return n
}

// Fault is something that is wrong with a store.
type Fault struct {
	Path  string
	Seq   journal.Seq // the first number that it costs; 0 if none is known
	Cause string
}

func (f Fault) String() string {
	if f.Seq == 0 {
		return fmt.Sprintf("%s: %s", f.Path, f.Cause)
	}
	return fmt.Sprintf("number %d: %s: %s", f.Seq, f.Path, f.Cause)
}

// surveyed is a block and what can be read of it.
type surveyed struct {
	id   uint32
	path string
	size int64
	bad  bool // there is something else in it than frames and tombstones
	tomb journal.Seq
	runs []run
}

// run is a row of frames without a gap in one block.
type run struct {
	first, last journal.Seq
	from, to    int64
}

// Inspect surveys the store in dir, a Config.Dir that no node has open. lineage
// is the journal's where the mark can't say it; 0 is that of the first frame. A store
// of a newer program is refused, whatever else is wrong with it: see journal.ErrNewer.
func Inspect(ctx context.Context, dir string, lineage journal.Lineage) (*Survey, error) {
	s := &Survey{root: dir, store: blocks.NewStore(dir), Lineage: lineage, faulty: make(map[string]int)}
	_, _ = broker.NewGuard(dir, s.store).Restore() // Open does so first, and says what fails
	if err := errors.Join(newerMeta(s.store), s.readMark()); err != nil {
		return nil, fault.As(fault.Operator, "inspect journal", err)
	}
	var ids []uint32
	var err error
	if s.dir, ids, err = s.store.Blocks(); err != nil {
		return nil, fault.As(fault.Operator, "inspect journal", err)
	}
	if there, err := s.store.Exists(); err == nil && !there {
		s.fault(s.store.Dir, 0, "there is no journal stream")
	}
	last := journal.Seq(0)
	shown := progress.Of(ctx)
	shown.Step(StepSurvey, progress.Bytes, s.store.Size())
	for i, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i > 0 {
			shown.Add(s.blocks[len(s.blocks)-1].size)
		}
		if last, err = s.block(id, last, i == len(ids)-1); err != nil {
			return nil, fault.As(fault.Operator, "inspect journal", err)
		}
	}
	if s.newer != nil {
		return nil, fault.As(fault.Operator, "inspect journal", s.newer)
	}
	if n, ok := s.store.IndexLast(); ok && (s.mark.synced || !s.Marked) {
		s.Promised = max(s.Promised, n)
	}
	if last = max(last, s.Floor); last < s.Promised {
		s.fault(s.dir, last+1, "the journal ends here; number %d was stored", s.Promised)
	}
	s.countUnsaid()
	return s, nil
}

// How many faults of one file are said, and of how many faults in all. A block
// of another node's has as many as it has records.
const (
	faultsOfFile = 3
	mostFaults   = 100
)

// fault notes something that is wrong. What is beyond the bounds is counted.
func (s *Survey) fault(path string, seq journal.Seq, format string, args ...any) {
	if n := s.faulty[path]; n >= faultsOfFile || len(s.Faults) >= mostFaults {
		if len(s.faulty) < mostFaults || n > 0 {
			s.faulty[path]++
		}
		s.unsaid++
		return
	}
	s.faulty[path]++
	s.Faults = append(s.Faults, Fault{path, seq, fmt.Sprintf(format, args...)})
}

// countUnsaid adds how many faults were not said, to the last one of each file
// that was, and all others together.
func (s *Survey) countUnsaid() {
	last := make(map[string]int)
	for i, f := range s.Faults {
		last[f.Path] = i
	}
	for path, i := range last {
		if more := s.faulty[path] - min(s.faulty[path], faultsOfFile); more > 0 && s.unsaid >= more {
			s.Faults[i].Cause += fmt.Sprintf("; and %d more like it in this file", more)
			s.unsaid -= more
		}
	}
	if s.unsaid > 0 {
		s.Faults = append(s.Faults, Fault{Path: s.dir, Cause: fmt.Sprintf("%d more faults in other files", s.unsaid)})
	}
	s.faulty, s.unsaid = make(map[string]int), 0
}

// readMark reads the mark. One that can't be read is a fault, and no error.
func (s *Survey) readMark() error {
	k, err := loadMark(s.root)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, journal.ErrDamage):
		s.fault(s.root+"/"+markFile, 0, "the file that vouches for the journal is missing or can't be read")
		return nil
	case err != nil:
		return err
	}
	s.mark, s.gen, s.Marked = k.m, k.gen, true
	s.Lineage, s.Floor, s.Clean, s.Promised = s.mark.lineage, s.mark.floor, s.mark.clean, s.mark.last
	return nil
}

// block reads one block, before which the last frame was number last, and
// returns the last one after it.
func (s *Survey) block(id uint32, last journal.Seq, end bool) (journal.Seq, error) {
	b := surveyed{id: id, path: blocks.Path(s.dir, id)}
	buf, err := durable.ReadFile(b.path)
	if errors.Is(blocks.Unreadable(err), journal.ErrDamage) {
		b.bad = true
		s.Promised = max(s.Promised, max(last, s.Floor)+1)
		s.fault(b.path, max(last, s.Floor)+1, "%s", err)
		s.blocks = append(s.blocks, b)
		return last, nil
	}
	if err != nil {
		return last, err
	}
	b.size = int64(len(buf))
	h := blocks.NewHash(id)
	for at := int64(0); at < b.size; {
		rec, cause := s.record(buf[at:], h)
		if cause != nil {
			skip := blocks.Next(buf[at:], h)
			s.badSpan(&b, buf[at:], cause, at, max(last, s.Floor)+1, end && at+int64(skip) == b.size, h)
			at += int64(skip)
			continue
		}
		if rec.Tomb {
			b.tomb = max(b.tomb, rec.Seq)
			s.truncated(rec.Seq)
		} else {
			s.note(&b, rec, at, last)
			last = max(last, rec.Seq)
		}
		s.Promised = max(s.Promised, rec.Seq)
		at += int64(rec.Size)
	}
	s.blocks = append(s.blocks, b)
	return last, nil
}

// truncated notes a number that a tombstone stands for. Only truncating leaves
// one, and the mark says so first.
func (s *Survey) truncated(seq journal.Seq) {
	if seq <= s.Floor {
		return
	}
	if s.Marked && s.Floor == s.mark.floor {
		s.fault(s.root+"/"+markFile, 0, "it is an older one: number %d has been truncated since", seq)
	}
	s.Floor = seq
}

// record reads the record at the front of buf, with the frame in it.
func (s *Survey) record(buf []byte, h *blocks.Hash) (blocks.Record, *blocks.Bad) {
	rec, bad := blocks.Parse(buf, h)
	if bad != nil || rec.Tomb {
		return rec, bad
	}
	if s.Lineage == 0 {
		s.Lineage, _ = journal.LineageOf(rec.Data)
	}
	if err := journal.CheckFrame(rec.Data, s.Lineage, rec.Seq); err != nil {
		if s.newer == nil && errors.Is(err, journal.ErrNewer) {
			s.newer = err
		}
		return rec, &blocks.Bad{Cause: err.Error()}
	}
	if rec.Seq == s.mark.last && s.mark.headed && headOf(rec.Data) != s.mark.head {
		return rec, &blocks.Bad{Cause: otherFrame}
	}
	return rec, nil
}

// badSpan notes what is no record, and whether that was one.
func (s *Survey) badSpan(b *surveyed, rest []byte, cause *blocks.Bad, at int64,
	want journal.Seq, end bool, h *blocks.Hash) {
	b.bad = true
	text := fmt.Sprintf("byte %d: %s", at, cause.Cause)
	if end {
		s.mark.seal(&s.store)
		kind, _ := s.store.Tail(rest, cause, want, h)
		if kind == blocks.TailDamaged {
			s.Promised = max(s.Promised, want)
		} else if want > s.Promised {
			return // nothing has been there that anybody was told of
		}
	}
	s.fault(b.path, want, "%s", text)
}

// note adds a frame to the runs of its block.
func (s *Survey) note(b *surveyed, rec blocks.Record, at int64, last journal.Seq) {
	end := at + int64(rec.Size)
	if n := len(b.runs); n > 0 && b.runs[n-1].to == at && b.runs[n-1].last+1 == rec.Seq {
		b.runs[n-1].last, b.runs[n-1].to = rec.Seq, end
	} else {
		b.runs = append(b.runs, run{rec.Seq, rec.Seq, at, end})
	}
	switch before := max(last, s.Floor); {
	case rec.Seq > before+1 && (s.Marked || last > 0):
		s.fault(b.path, before+1, "the next number that can be read is %d", rec.Seq)
	case rec.Seq <= last:
		s.fault(b.path, rec.Seq, "stands in the journal again, at byte %d", at)
	}
}

// Disown takes the store for another node's in the place of one of lineage l:
// nothing in it counts, and mending sets all of it aside.
func (s *Survey) Disown(l journal.Lineage) {
	s.Faults = nil
	s.fault(s.root, 0, "it is of lineage %s, which is another node's; it is in the place of the journal of lineage %s",
		s.Lineage, l)
	s.Lineage, s.Marked, s.Floor, s.Clean, s.Promised, s.mark = l, false, 0, false, 0, mark{}
	for i := range s.blocks {
		s.blocks[i].bad, s.blocks[i].tomb, s.blocks[i].runs = true, 0, nil
	}
}

// First returns the lowest number there is; 0 is none.
func (s *Survey) First() (first journal.Seq) {
	for _, b := range s.blocks {
		for _, r := range b.runs {
			if first == 0 || r.first < first {
				first = r.first
			}
		}
	}
	return first
}

// piece is a part of a run.
type piece struct {
	block int // its index
	run
	skip journal.Seq // frames before this number are not of the piece
}

// line returns the pieces that hold the numbers after one, without a gap, up to
// and including until.
func (s *Survey) line(after, until journal.Seq) (ps []piece) {
	cur := after
	for i, b := range s.blocks {
		for _, r := range b.runs {
			if cur < until && r.first <= cur+1 && r.last > cur {
				ps = append(ps, piece{i, r, cur + 1})
				cur = r.last
			}
		}
	}
	return ps
}

// Reach returns the last of the numbers after one that can be read without a gap.
func (s *Survey) Reach(after journal.Seq) journal.Seq {
	ps := s.line(after, ^journal.Seq(0))
	if len(ps) == 0 {
		return after
	}
	return ps[len(ps)-1].last
}

// Frames yields the frames from one on up to and including until, as far as they
// can be read without a gap.
func (s *Survey) Frames(ctx context.Context, from, until journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		for _, p := range s.line(from-1, until) {
			if err := ctx.Err(); err != nil {
				yield(journal.Frame{}, err)
				return
			}
			b := s.blocks[p.block]
			buf, err := durable.ReadFile(b.path)
			if err == nil && int64(len(buf)) < p.to {
				err = fmt.Errorf("%s has become shorter", b.path)
			}
			if err != nil {
				yield(journal.Frame{}, fault.As(fault.Operator, "read journal", err))
				return
			}
			for buf = buf[p.from:p.to]; len(buf) > 0; {
				rec, bad := blocks.Parse(buf, nil)
				if bad != nil {
					yield(journal.Frame{}, fault.With(fault.Operator, fmt.Errorf("%s has changed", b.path)))
					return
				}
				if rec.Seq > until {
					return
				}
				if rec.Seq >= p.skip && !yield(journal.Frame{Seq: rec.Seq, Data: slices.Clone(rec.Data)}, nil) {
					return
				}
				buf = buf[rec.Size:]
			}
		}
	}
}
