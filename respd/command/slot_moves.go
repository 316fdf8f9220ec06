package command

import (
	"context"
	"time"

	"ledge/journal"
	"ledge/replay/cluster"
)

// SlotMoves is what a node of a cluster does with moves of slots at the word of tools for
// Redis and Valkey, which begin one and ask how it goes.
type SlotMoves interface {
	// BeginMove begins a move of slots that one shard owns to the shard of another node.
	BeginMove(ctx context.Context, ranges []journal.SlotRange, node string) (journal.MoveID, error)
	// Moves returns the moves that the node's shard has a part in, in the order in which
	// they began or ended.
	Moves() []SlotMove
	// FindMove returns a move, which may be another shard's, and whether there is one.
	FindMove(ctx context.Context, id journal.MoveID) (mv SlotMove, ok bool, err error)
	// CancelMove ends a move whose slots are not given yet, at its source.
	CancelMove(ctx context.Context, id journal.MoveID) error
}

// SlotMove is a move of slots between two shards.
type SlotMove struct {
	ID             journal.MoveID
	Source, Target string // the shards' ids
	Into           bool   // it is told of as its target knows it, not as its source does
	Ranges         []journal.SlotRange
	Phase          cluster.Phase
	Copied         bool // all keys are copied
	// Cause is why the move does not go on at present, or has ended without moving anything.
	Cause     string
	Cancelled bool // an operator has ended it
	Retries   int  // how often the copy was begun anew
	// Began, Turned and Heard are when it began, came to its phase, and heard of the other
	// side last. None is that the node was started since then.
	Began, Turned, Heard time.Time
	Hold                 time.Duration // for how long the slots were held last
}

// Over reports whether the move has ended.
func (m *SlotMove) Over() bool { return m.Phase == cluster.Ended }
