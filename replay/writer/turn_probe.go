package writer

import (
	"context"

	"ledge/replay"
)

// Turn returns nil once the writer has come to what was asked of it at the time of the
// call, and an error if ctx ends first: it proves that the writer works, whatever the
// journal does.
func (w *Writer) Turn(ctx context.Context) error { return w.Propose(ctx, nothing{}) }

// nothing is a proposal that changes nothing and reads nothing.
type nothing struct{}

func (nothing) Step(*replay.Draft) (more bool) { return false }
func (nothing) Settle(error)                   {}
func (nothing) Done()                          {}
