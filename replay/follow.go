package replay

import (
	"context"
	"fmt"
	"iter"

	"ledge/journal"
	"ledge/journal/fault"
)

// Source is where batches come from: the node's own journal, or a leader's.
type Source interface {
	// Read yields the batches from number from on.
	Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Committed, error]
}

// Follow applies what src has behind the state's position, up to and including
// until. Silence is not trusted: if src ends before until, that is an error
// that names the number which is missing.
func Follow(ctx context.Context, src Source, st *State, until journal.Seq) error {
	for st.Pos().Seq < until {
		from := st.Pos().Seq
		for c, err := range src.Read(ctx, from+1) {
			if err != nil {
				return fmt.Errorf("follow: %w", err)
			}
			if err := st.Apply(c); err != nil {
				return fmt.Errorf("follow: %w", err)
			}
			if c.Seq() >= until {
				return nil
			}
		}
		if st.Pos().Seq == from {
			return fault.As(fault.Fatal, "follow", &journal.DamageError{
				Seq: from + 1, Cause: fmt.Sprintf("missing; the journal goes up to %d", until)})
		}
	}
	return nil
}
