package replication

import (
	"context"
	"fmt"

	"ledge/journal/fault"
)

// turn is a mutex that can be waited for with a context. A follower that puts
// another journal in place holds it, and closes the door for operators
// meanwhile; an operator who waits for it must be able to give way.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// lock waits for the turn however long it takes.
func (t turn) lock() { t <- struct{}{} }

// unlock gives it back.
func (t turn) unlock() { <-t }

// await is lock until ctx ends.
func (t turn) await(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy(ctx)
	}
}

func busy(ctx context.Context) error {
	return fault.With(fault.Retryable, fmt.Errorf("the node is busy with its replication: %w", ctx.Err()))
}
