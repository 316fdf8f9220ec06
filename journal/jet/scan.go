package jet

import (
	"context"
	"iter"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/fault"
)

// Exists reports whether there is a journal in dir, a Config.Dir: one whose
// first start was cut short is none yet.
func Exists(dir string) bool { return blocks.NewStore(dir).Created() }

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
		s := blocks.NewStore(dir)
		m.seal(&s)
		_, err = s.Walk(ctx, m.floor, max(from, m.floor+1), nil,
			func(r blocks.Record, _ blocks.Place) error {
				if !yield(journal.Frame{Seq: r.Seq, Data: r.Data}, nil) {
					return blocks.ErrStop
				}
				return nil
			})
		if err != nil && err != blocks.ErrStop {
			yield(journal.Frame{}, fault.As(fault.Fatal, "scan journal", err))
		}
	}
}

// Seen is what a journal's mark says to whoever looks at its files beside the node
// that has them open.
type Seen struct {
	Lineage journal.Lineage
	Floor   journal.Seq // numbers up to it have been truncated, or are about to be
	Last    journal.Seq // all up to it is on the disk; there may be more
	Clean   bool        // the journal was closed in good order
}

// Look reads the mark in dir, a Config.Dir, which a node may have open.
func Look(dir string) (Seen, error) {
	k, err := loadMark(dir)
	if err != nil {
		return Seen{}, fault.As(fault.Operator, "look at journal", err)
	}
	m := k.get()
	return Seen{m.lineage, m.floor, m.last, m.clean}, nil
}
