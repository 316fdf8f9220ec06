package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/wire"
)

// What operators ask of moves that other shards have to do with. The node that they ask asks
// the leaders of those shards, so that one password is enough for a cluster.

// subjectMoveOrder is where the leader of a shard is asked.
const subjectMoveOrder = "ledge.cluster.move.ask"

// What a leader is asked for.
const (
	orderBegin  = "begin"  // a move of slots that its shard owns
	orderCancel = "cancel" // a move of which its shard is the source
	orderList   = "list"   // the moves that its shard has a part in
)

// How long an order and what it is answered with may be, in bytes: a move may have a range
// for each second slot.
const (
	maxMoveOrder  = 96 << 10
	maxMoveAnswer = 768 << 10
)

// orderWait bounds what a leader is asked.
const orderWait = 3 * time.Second

// moveOrder is what the leader of a shard is asked for.
type moveOrder struct {
	What  string `json:"what"`
	Slots string `json:"slots,omitempty"`
	To    string `json:"to,omitempty"` // the id of a shard
	Move  string `json:"move,omitempty"`
}

// Check reports what is missing.
func (o *moveOrder) Check() error {
	switch o.What {
	case orderBegin:
		if o.Slots == "" || o.To == "" {
			return errors.New("slots or to is missing")
		}
	case orderCancel:
		if o.Move == "" {
			return errors.New("move is missing")
		}
	case orderList:
	default:
		return errors.New("what is none of begin, cancel and list")
	}
	return nil
}

// moveAnswer is the moves that an order is about.
type moveAnswer struct {
	Moves []admin.Move `json:"moves"`
}

// Check reports what is missing.
func (a *moveAnswer) Check() error {
	if slices.ContainsFunc(a.Moves, func(m admin.Move) bool { return m.ID == "" }) {
		return errors.New("a move has no id")
	}
	return nil
}

// one returns the one move of an answer.
func (a moveAnswer) one(err error) (admin.Move, error) {
	if err == nil && len(a.Moves) != 1 {
		err = fault.With(fault.Operator, errors.New("the other shard's leader does not say which move it is"))
	}
	if err != nil {
		return admin.Move{}, err
	}
	return a.Moves[0], nil
}

// ordered answers the leader of another shard.
func (m orders) ordered(msg *nats.Msg) (*nats.Msg, error) {
	var q moveOrder
	if err := wire.DecodeUpTo(msg, &q, maxMoveOrder); err != nil {
		return nil, err
	}
	// Whoever asks waits no longer.
	ctx, cancel := context.WithTimeout(context.Background(), orderWait)
	defer cancel()
	moves, err := m.obey(ctx, q)
	for err == nil {
		var b []byte
		if b, err = json.Marshal(moveAnswer{moves}); len(b) <= maxMoveAnswer {
			return &nats.Msg{Data: b}, err
		}
		moves = moves[1:] // those that have ended come first
	}
	return nil, err
}

// obey does what the leader of another shard asks for.
func (m orders) obey(ctx context.Context, q moveOrder) ([]admin.Move, error) {
	if err := m.leads("ask of"); err != nil || q.What == orderList {
		return m.moves(), err
	}
	if q.What == orderCancel {
		mv, err := m.cancel(ctx, q.Move)
		return []admin.Move{mv}, err
	}
	ranges, err := journal.ParseSlots(q.Slots)
	if err != nil {
		return nil, fault.With(fault.Refused, err)
	}
	drawn := m.nodes()
	target, err := findShard(drawn, q.To)
	if err != nil {
		return nil, err
	}
	owner, err := oneOwner(drawn, ranges)
	switch {
	case err != nil:
		return nil, fault.With(fault.Refused, err)
	case owner != &drawn.Shards[0]: // whoever asks has not heard of it yet
		return nil, fault.With(fault.Retryable, errors.New("the slots are not this shard's any more"))
	}
	mv, err := m.begin(ctx, ranges, target)
	return []admin.Move{mv}, err
}

// askShard asks the leader of another shard. Its moves are said to be that shard's part.
func (m orders) askShard(ctx context.Context, shard string, q moveOrder) (a moveAnswer, err error) {
	ctx, cancel := context.WithTimeout(ctx, orderWait)
	defer cancel()
	msg, err := m.peers.Call(ctx, shard, subjectMoveOrder, q)
	if err == nil {
		err = wire.DecodeUpTo(msg, &a, maxMoveAnswer)
	}
	for i := range a.Moves {
		a.Moves[i].By, a.Moves[i].ByNode = shard, leading(m.nodes(), shard)
	}
	return a, err
}

// allMoves returns the moves of all shards, each once: as the node's own shard has it, else
// as its target has it, which knows how much is copied.
func (m orders) allMoves(ctx context.Context) (admin.MoveList, error) {
	list := admin.MoveList{Moves: m.moves()}
	if err := m.leads("list the moves of"); err != nil {
		return list, err
	}
	shards := m.nodes().Shards[1:]
	answers, failed := make([]moveAnswer, len(shards)), make([]error, len(shards))
	var busy sync.WaitGroup
	for i := range shards {
		busy.Go(func() { answers[i], failed[i] = m.askShard(ctx, shards[i].ID, moveOrder{What: orderList}) })
	}
	busy.Wait()
	var told []admin.Move
	for i := range shards {
		if told = append(told, answers[i].Moves...); failed[i] != nil {
			list.Missing = append(list.Missing, shards[i].ID)
		}
	}
	slices.SortStableFunc(told, func(a, b admin.Move) int { return strings.Compare(b.Side, a.Side) })
	for _, mv := range told {
		if !slices.ContainsFunc(list.Moves, func(has admin.Move) bool { return has.ID == mv.ID }) {
			list.Moves = append(list.Moves, mv)
		}
	}
	return list, nil
}

// cancelAnywhere ends a move at its source, whichever shard that is.
func (m orders) cancelAnywhere(ctx context.Context, id string) (admin.Move, error) {
	list, err := m.allMoves(ctx)
	if err != nil {
		return admin.Move{}, err
	}
	for _, mv := range list.Moves {
		source := mv.Shard
		if mv.Side == sideSource {
			source = mv.By
		}
		switch {
		case mv.ID != id:
		case mv.Phase == string(cluster.Ended) && mv.By == "": // whatever the other side knows of it
			return admin.Move{}, over(&mv)
		case source == "" || source == m.nodes().Shards[0].ID:
			return m.cancel(ctx, id)
		default:
			a, err := m.askShard(ctx, source, moveOrder{What: orderCancel, Move: id})
			return a.one(err)
		}
	}
	if len(list.Missing) > 0 {
		return admin.Move{}, fault.With(fault.Retryable, errors.New("no shard that could be asked has such a move; these could not: "+advice(m).known(list.Missing)))
	}
	return admin.Move{}, errNoMove
}
