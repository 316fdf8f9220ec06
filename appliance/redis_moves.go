package appliance

import (
	"context"
	"fmt"
	"strconv"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/move"
	"ledge/respd/command"
)

// What tools for Redis and Valkey ask of moves.

// BeginMove begins a move of slots that one shard owns to the shard of another node. Where
// that is the node's own it returns once the move is known here, so that whoever asks how it
// goes is told.
func (r redisOrders) BeginMove(ctx context.Context, ranges []journal.SlotRange, node string) (id journal.MoveID, err error) {
	if r.membership == nil {
		return 0, errNoCluster
	}
	m := orders(r)
	began, err := m.move(ctx, journal.SlotsText(ranges), node)
	if err == nil {
		id, err = moveIDOf(began.ID)
	}
	if shard, _ := r.Map().Find(node); err != nil || shard == nil || shard != &r.Map().Shards[0] {
		return id, err
	}
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	for {
		if _, err := m.moveOf(id); err == nil || !pause(ctx) {
			return id, nil // if it is not known here yet, then at the source
		}
	}
}

// moveIDOf returns the id that a text is.
func moveIDOf(text string) (id journal.MoveID, err error) {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		return 0, fault.With(fault.Operator, fmt.Errorf("%.40q is no id of a move", text))
	}
	return journal.MoveID(n), nil
}

// Moves returns the moves that the node's shard has a part in.
func (r redisOrders) Moves() []command.SlotMove {
	if r.membership == nil {
		return nil
	}
	own := r.Map().Shards[0].ID
	all := r.mover.Moves()
	list := make([]command.SlotMove, len(all))
	for i := range all {
		list[i] = slotMove(&all[i], own)
	}
	return list
}

// slotMove is a move as tools are told of it, at the shard of that id.
func slotMove(s *move.Status, own string) command.SlotMove {
	mv := command.SlotMove{ID: s.ID, Source: own, Target: shardID(s.Shard), Into: s.Side == journal.Target, Ranges: s.Ranges, Phase: s.Phase,
		Copied: s.Cursor > uint64(journal.MaxPosition), Cause: s.Why(), Cancelled: s.Move.Cause == move.Cancelled, Retries: s.Begins,
		Began: s.Began, Turned: s.Turned, Heard: s.Heard, Hold: s.Hold}
	if mv.Into {
		mv.Source, mv.Target = mv.Target, mv.Source
	}
	return mv
}

// FindMove returns a move: as the node's own shard has it, else as another one has.
func (r redisOrders) FindMove(ctx context.Context, id journal.MoveID) (mv command.SlotMove, ok bool, err error) {
	if r.membership == nil {
		return mv, false, errNoCluster
	}
	for _, mv := range r.Moves() {
		if mv.ID == id {
			return mv, true, nil
		}
	}
	list, err := orders(r).allMoves(ctx)
	for i := range list.Moves {
		if a := &list.Moves[i]; err == nil && a.ID == id.String() {
			mv, err := toldMove(a, id, r.Map().Shards[0].ID)
			return mv, err == nil, err
		}
	}
	return mv, false, nil
}

// toldMove is a move of which another shard has told, as tools are at the shard of the id own.
func toldMove(a *admin.Move, id journal.MoveID, own string) (mv command.SlotMove, err error) {
	mv = command.SlotMove{ID: id, Source: a.By, Target: a.Shard, Phase: cluster.Phase(a.Phase), Copied: a.Done == 1, Cause: a.Cause,
		Cancelled: a.Phase == string(cluster.Ended) && a.Cause == move.Cancelled, Retries: a.Begins}
	if a.Side == sideTarget {
		mv.Source, mv.Target = a.Shard, a.By
	}
	mv.Into = mv.Target == own || a.Side == sideTarget
	if a.Began != nil && a.Turned != nil {
		mv.Began, mv.Turned = *a.Began, *a.Turned
	}
	mv.Ranges, err = journal.ParseSlots(a.Slots)
	return mv, err
}

// CancelMove ends a move whose slots are not given yet, at its source.
func (r redisOrders) CancelMove(ctx context.Context, id journal.MoveID) error {
	if r.membership == nil {
		return errNoCluster
	}
	_, err := orders(r).cancelAnywhere(ctx, id.String())
	return err
}
