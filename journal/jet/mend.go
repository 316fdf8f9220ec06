package jet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Mending says how a store is to be made whole. Afterwards it has the numbers after
// Floor up to Last, all of which the survey has found.
type Mending struct {
	Lineage     journal.Lineage
	Floor, Last journal.Seq
	// Aside is a directory that takes whatever of the store is changed or
	// removed. It is made.
	Aside string
}

// Mend makes the store that was surveyed whole. What it has to change it sets aside
// first. If it is cut short, a new survey finds no more wrong than this one.
func (s *Survey) Mend(ctx context.Context, m Mending) error {
	const op = "mend journal"
	if got := s.Reach(m.Floor); got < m.Last {
		return fault.As(fault.Fatal, op, fmt.Errorf("number %d can't be read; it was to be kept", got+1))
	}
	work, err := s.work(m)
	if err == nil {
		err = os.MkdirAll(s.root, 0o700) // all of it may be lost
	}
	if err == nil {
		err = s.setAside(m.Aside, work)
	}
	if err == nil {
		// From here on the numbers that are lost are not promised any more.
		err = putMark(s.root, mark{lineage: m.Lineage, floor: m.Floor, last: m.Last}, s.gen+1)
	}
	if err == nil {
		err = s.store.DropIndex()
	}
	if err == nil {
		err = s.rewrite(ctx, work)
	}
	if err == nil && metaFault(s.store, m.Lineage) != nil {
		cfg := Config{Lineage: m.Lineage, First: m.Floor + 1}
		cfg.setDefaults()
		err = writeMeta(s.store, &cfg)
	}
	if err == nil {
		err = durable.Tree(s.root)
	}
	return fault.As(fault.Operator, op, err)
}

// rewriting is a block that is not to stay as it is.
type rewriting struct {
	id   uint32
	path string
	old  bool   // there is one
	data []byte // what is to be in it; none is no block
}

// work finds out which blocks are to change, the last of them first.
func (s *Survey) work(m Mending) (work []rewriting, err error) {
	kept := make(map[int][]piece)
	for _, p := range s.line(m.Floor, m.Last) {
		kept[p.block] = append(kept[p.block], p)
	}
	last := uint32(0)
	for i, b := range s.blocks {
		last = max(last, b.id)
		if m.Last > m.Floor && b.stays(kept[i], m) {
			continue
		}
		w := rewriting{id: b.id, path: b.path, old: true}
		if len(kept[i]) > 0 {
			if w.data, err = b.extract(kept[i], m.Last); err != nil {
				return nil, err
			}
		}
		work = append(work, w)
	}
	slices.Reverse(work)
	if m.Last == m.Floor && m.Floor > 0 { // as the broker leaves it, with everything truncated
		w := rewriting{id: last + 1, path: blocks.Path(s.dir, last+1)}
		w.data = blocks.AppendTomb(nil, m.Floor, w.id, time.Now())
		work = append([]rewriting{w}, work...)
	}
	return work, nil
}

// stays reports whether a block needs no change to have just those pieces, and
// besides only what has been truncated.
func (b *surveyed) stays(kept []piece, m Mending) bool {
	if b.bad || b.size == 0 || b.tomb > m.Floor {
		return false
	}
	whole := 0
	for _, r := range b.runs {
		switch {
		case r.last > m.Last:
			return false
		case slices.ContainsFunc(kept, func(p piece) bool {
			return p.run == r && (p.skip == r.first || p.skip == m.Floor+1)
		}):
			whole++
		case r.last > m.Floor:
			return false
		}
	}
	return whole == len(kept)
}

// extract returns the records of pieces up to number last.
func (b *surveyed) extract(ps []piece, last journal.Seq) (data []byte, err error) {
	buf, err := durable.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	for _, p := range ps {
		if p.to > int64(len(buf)) {
			return nil, fmt.Errorf("%s has become shorter", b.path)
		}
		for rest := buf[p.from:p.to]; len(rest) > 0; {
			rec, bad := blocks.Parse(rest, nil)
			if bad != nil {
				return nil, fmt.Errorf("%s has changed", b.path)
			}
			if rec.Seq >= p.skip && rec.Seq <= last {
				data = append(data, rest[:rec.Size]...)
			}
			rest = rest[rec.Size:]
		}
	}
	return data, nil
}

// setAside gives what is to change a second name, or a copy.
func (s *Survey) setAside(aside string, work []rewriting) error {
	if err := os.MkdirAll(aside, 0o700); err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(s.root, markFile),
		filepath.Join(s.store.Dir, blocks.MetaFile), filepath.Join(s.store.Dir, blocks.MetaSum)} {
		b, err := durable.ReadFile(path)
		if err != nil {
			continue // it is lost
		}
		if err := os.WriteFile(filepath.Join(aside, filepath.Base(path)), b, 0o600); err != nil {
			return err
		}
	}
	for _, w := range work {
		to := filepath.Join(aside, filepath.Base(w.path))
		if !w.old {
			continue
		}
		if err := os.Link(w.path, to); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return durable.Tree(aside)
}

// rewrite puts the blocks in place. One that was set aside is never written to:
// it has two names.
func (s *Survey) rewrite(ctx context.Context, work []rewriting) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	for _, w := range work {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if w.data != nil {
			err = durable.Replace(w.path, w.data)
		} else if err = os.Remove(w.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
