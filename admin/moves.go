package admin

import (
	"context"
	"time"
)

// Move is a move of hash slots that the node's shard has a part in.
type Move struct {
	ID    string `json:"id"`
	Side  string `json:"side"`  // "source" gives the slots, "target" takes them
	Phase string `json:"phase"` // "copying", "ready", "given", "taken" or "ended"
	Slots string `json:"slots"` // ranges: 0-8191,9000
	Count int    `json:"count"` // of slots
	Shard string `json:"shard"` // the other side's id
	// Node is the name and the address of the node that leads the other side, as far as is known.
	Node string `json:"node,omitempty"`
	// By is the shard whose part in the move this is, if it is not that of the node's, and
	// ByNode is what Node is for the other side.
	By     string `json:"by,omitempty"`
	ByNode string `json:"by_node,omitempty"`
	// Epoch is at which the slots come to the target, once they are given.
	Epoch uint64 `json:"epoch,omitempty"`
	// Done is how much is copied, from 0 to 1, by slots.
	Done float64 `json:"done"`
	// Keys is how many keys are copied while that goes on: those that the target has, or that
	// the source has sent. OfKeys is how many there are, which only the source knows.
	Keys   int `json:"keys,omitempty"`
	OfKeys int `json:"of_keys,omitempty"`
	// Bytes is what the target has taken in, or the source has sent, since it was started.
	Bytes int64 `json:"bytes,omitempty"`
	Lag   int64 `json:"lag,omitempty"` // numbers of the source's journal that the target is behind
	// Cause is why the move does not go on at present, or has ended without moving anything.
	Cause string `json:"cause,omitempty"`
	// Holds is how often the slots were held, and Hold for how long the last time.
	Holds int     `json:"holds,omitempty"`
	Hold  float64 `json:"hold_seconds,omitempty"`
	// Heard is when the other side was heard of last.
	Heard *time.Time `json:"heard,omitempty"`
	// Began is when the move began, and Turned when it came to its phase: since the node was
	// started, as the node does not know of before.
	Began  *time.Time `json:"began,omitempty"`
	Turned *time.Time `json:"turned,omitempty"`
	// Begins is how often the copy was begun anew.
	Begins int `json:"begins,omitempty"`
}

// MoveList is the reply to cluster.moves: those under way, and the last ones that have ended.
type MoveList struct {
	Moves []Move `json:"moves"`
	// Missing are shards whose moves are not among them, since they could not be asked.
	Missing []string `json:"missing,omitempty"`
}

// MoveChange is a phase that a move has come to at the node.
type MoveChange struct {
	What string `json:"what"` // "begun", "given", "taken" or "ended"
	Move Move   `json:"move"`
}

type (
	moveRequest struct {
		Slots string `json:"slots"`
		To    string `json:"to"`
	}
	movesRequest struct {
		All bool `json:"all"`
	}
	cancelRequest struct {
		ID string `json:"id"`
	}
)

func move(b Backend, ctx context.Context, r moveRequest) (Move, error) {
	if r.Slots == "" || r.To == "" {
		return Move{}, bad(`request: no slots, or nowhere to; want {"slots":"0-99,120","to":"…"} with the id of a node or a shard, or a node's address`)
	}
	return b.ClusterMove(ctx, r.Slots, r.To)
}

func moves(b Backend, ctx context.Context, r movesRequest) (MoveList, error) {
	return b.ClusterMoves(ctx, r.All)
}

func cancel(b Backend, ctx context.Context, r cancelRequest) (Move, error) {
	if r.ID == "" {
		return Move{}, bad(`request: no id; want {"id":"…"} of a move`)
	}
	return b.ClusterCancel(ctx, r.ID)
}

// ClusterMove begins a move of slots that one shard of a node's cluster owns to another shard.
func (c *Conn) ClusterMove(ctx context.Context, node, slots, to string) (Move, error) {
	return ask[Move](ctx, c, node, "cluster.move", moveRequest{slots, to})
}

// ClusterMoves returns the moves that a node's shard has a part in.
func (c *Conn) ClusterMoves(ctx context.Context, node string) ([]Move, error) {
	list, err := ask[MoveList](ctx, c, node, "cluster.moves", nil)
	return list.Moves, err
}

// ClusterAllMoves returns the moves of all shards of a node's cluster, each once.
func (c *Conn) ClusterAllMoves(ctx context.Context, node string) (MoveList, error) {
	return ask[MoveList](ctx, c, node, "cluster.moves", movesRequest{All: true})
}

// ClusterCancel ends a move whose slots are not given yet.
func (c *Conn) ClusterCancel(ctx context.Context, node, id string) (Move, error) {
	return ask[Move](ctx, c, node, "cluster.cancel", cancelRequest{id})
}
