package appliance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ledge/admin"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/cluster"
	"ledge/replay/move"
)

// Moves of slots as operators see them.

// ClusterMove begins a move of slots that one shard of the cluster owns.
func (b clusterBackend) ClusterMove(ctx context.Context, slots, to string) (admin.Move, error) {
	if b.m == nil {
		return admin.Move{}, errNoCluster
	}
	return orders{b.m}.move(ctx, slots, to)
}

// ClusterMoves returns the moves that the node's shard has a part in, or those of all.
func (b clusterBackend) ClusterMoves(ctx context.Context, all bool) (admin.MoveList, error) {
	list := admin.MoveList{Moves: []admin.Move{}}
	switch {
	case b.m == nil:
		return list, errNoCluster
	case all:
		return orders{b.m}.allMoves(ctx)
	}
	list.Moves = orders{b.m}.moves()
	return list, nil
}

// ClusterCancel ends a move whose slots are not given yet.
func (b clusterBackend) ClusterCancel(ctx context.Context, id string) (admin.Move, error) {
	if b.m == nil {
		return admin.Move{}, errNoCluster
	}
	return orders{b.m}.cancelAnywhere(ctx, id)
}

// move begins a move of slots that one shard owns: the node's own, or another one, whose
// leader is asked to.
func (m orders) move(ctx context.Context, slots, to string) (admin.Move, error) {
	if err := m.leads("move slots of"); err != nil {
		return admin.Move{}, err
	}
	ranges, err := journal.ParseSlots(slots)
	if err != nil {
		return admin.Move{}, fault.With(fault.Refused, err)
	}
	drawn := m.nodes()
	target, err := findShard(drawn, to)
	if err != nil {
		return admin.Move{}, err
	}
	owner, err := oneOwner(drawn, ranges)
	switch {
	case err != nil:
		return admin.Move{}, fault.With(fault.Refused, err)
	case owner != &drawn.Shards[0]:
		list, err := m.askShard(ctx, owner.ID, moveOrder{What: orderBegin, Slots: slots, To: target.ID})
		return list.one(err)
	}
	return m.begin(ctx, ranges, target)
}

// oneOwner returns the shard that owns all of some slots.
func oneOwner(drawn *cluster.Map, ranges []journal.SlotRange) (owner *cluster.Shard, err error) {
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			switch s := drawn.Owner(uint16(slot)); {
			case s == nil:
				return nil, fmt.Errorf("nobody is known to own slot %d; if that stays so: ledge cluster seize SLOTS --from nobody --accept-loss", slot)
			case owner == nil:
				owner = s
			case owner != s:
				return nil, fmt.Errorf("the slots are not all one shard's: the shard of %s owns slot %d, and that of %s others; name those of each by themselves",
					cmp.Or(leading(drawn, s.ID), s.ID), slot, cmp.Or(leading(drawn, owner.ID), owner.ID))
			}
		}
	}
	if owner == nil {
		return nil, errors.New("no slots are named")
	}
	return owner, nil
}

// begin begins a move of slots that the node's shard owns, to a shard whose leader is heard
// of: to another one it would wait without a bound.
func (m orders) begin(ctx context.Context, ranges []journal.SlotRange, shard *cluster.Shard) (admin.Move, error) {
	if err := m.unheard(shard); err != nil {
		return admin.Move{}, fault.With(fault.Retryable, err)
	}
	lineage, err := strconv.ParseUint(strings.TrimLeft(shard.ID, "0"), 16, 64)
	if err != nil {
		return admin.Move{}, fault.With(fault.Refused, fmt.Errorf("shard %s: %w", shard.ID, err))
	}
	id, err := m.mover.Begin(ctx, ranges, journal.Lineage(lineage))
	if err != nil {
		return admin.Move{}, err
	}
	return m.moveOf(id)
}

// unheard says why a shard can't take slots at present, or nil.
func (m orders) unheard(shard *cluster.Shard) error {
	switch leader := shard.Leader(); {
	case leader == nil:
		return fmt.Errorf("no leader is known of shard %s: start it, or promote one of its replicas, and move then", shard.ID)
	case leader.Failed:
		return fmt.Errorf("nothing was heard for %s of node %s at %s, which leads the shard: start it, or promote a replica, and move then",
			m.n.live.Load().ClusterNodeTimeout, leader.Called(), leader.Addr(false))
	}
	return nil
}

// shortID is how much of a node's id is enough: less is most likely a name that is none.
const shortID = 8

// named reports whether a node is called so: by its id, the first 8 digits of it or more, its
// address, or the name that operators have given it.
func named(n *cluster.Node, name string) bool {
	return len(name) >= shortID && strings.HasPrefix(n.ID, name) || n.Addr(false) == name || n.Name == name && name != ""
}

// findNode finds the one node that is called so, and its shard.
func findNode(drawn *cluster.Map, name string) (s *cluster.Shard, n *cluster.Node, err error) {
	if s, n = drawn.Find(name); n != nil {
		return s, n, nil
	}
	for i := range drawn.Shards {
		for j := range drawn.Shards[i].Nodes {
			at := &drawn.Shards[i].Nodes[j]
			switch {
			case !named(at, name):
			case n != nil:
				return nil, nil, fmt.Errorf("%.64q may be of several nodes; give more of the id", name)
			default:
				s, n = &drawn.Shards[i], at
			}
		}
	}
	if n == nil {
		return nil, nil, fmt.Errorf("the cluster has no node %.64q: ledge cluster status lists those there are", name)
	}
	return s, n, nil
}

// findShard finds a shard by its id, or by what one of its nodes is called, if that is of no
// other shard.
func findShard(drawn *cluster.Map, name string) (*cluster.Shard, error) {
	var found *cluster.Shard
	for i := range drawn.Shards {
		s := &drawn.Shards[i]
		fits := strings.TrimLeft(s.ID, "0") == strings.TrimLeft(name, "0") || s.ID == name
		for j := range s.Nodes {
			fits = fits || named(&s.Nodes[j], name)
		}
		switch {
		case !fits:
		case found != nil:
			return nil, fault.With(fault.Refused, fmt.Errorf("%q may be of several shards; give more of the id", name))
		default:
			found = s
		}
	}
	if found == nil {
		return nil, fault.With(fault.Refused, fmt.Errorf("no shard or node is known as %q: ledge cluster status has their ids, names and addresses", name))
	}
	return found, nil
}

// moves returns all moves that the node knows.
func (m orders) moves() []admin.Move {
	all := m.mover.Moves()
	list := make([]admin.Move, len(all))
	for i := range all {
		list[i] = m.shown(&all[i])
	}
	return list
}

// shown is moveShown with what the node knows beside the move: the keys that are copied, who
// the other side is, and what to do if that is not there.
func (m orders) shown(s *move.Status) admin.Move {
	a := moveShown(s)
	a.Keys, a.OfKeys = m.mover.Keys(s)
	a.Node = leading(m.nodes(), a.Shard)
	a.Cause = advice(m).advised(s, a.Cause)
	return a
}

var errNoMove = fault.With(fault.Refused, errors.New("there is no such move: ledge cluster moves has those that there are"))

// moveOf returns one move.
func (m orders) moveOf(id journal.MoveID) (admin.Move, error) {
	for _, s := range m.mover.Moves() {
		if s.ID == id {
			return m.shown(&s), nil
		}
	}
	return admin.Move{}, errNoMove
}

// cancel ends a move of which the node's shard is the source.
func (m orders) cancel(ctx context.Context, name string) (admin.Move, error) {
	if err := m.leads("cancel moves of"); err != nil {
		return admin.Move{}, err
	}
	id, err := strconv.ParseUint(name, 16, 64)
	if err != nil {
		return admin.Move{}, errNoMove
	}
	if _, err := m.moveOf(journal.MoveID(id)); err != nil {
		return admin.Move{}, err
	}
	if err := m.mover.Cancel(ctx, journal.MoveID(id)); err != nil {
		return admin.Move{}, err
	}
	return m.moveOf(journal.MoveID(id))
}

// The sides of a move as operators see them.
const (
	sideSource = "source"
	sideTarget = "target"
)

// moveShown is a move as operators see it.
func moveShown(s *move.Status) admin.Move {
	a := admin.Move{ID: s.ID.String(), Side: sideSource, Phase: string(s.Phase), Slots: journal.SlotsText(s.Ranges), Shard: shardID(s.Shard),
		Epoch: s.Epoch, Bytes: s.Bytes, Lag: s.Lag, Cause: s.Why(), Holds: s.Holds, Hold: s.Hold.Seconds(), Begins: s.Begins}
	if s.Side == journal.Target {
		a.Side = sideTarget
	}
	a.Heard, a.Began, a.Turned = moment(s.Heard), moment(s.Began), moment(s.Turned)
	past := 0
	for _, r := range s.Ranges {
		a.Count += r.Len()
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if uint64(slot+1)<<48 <= s.Cursor {
				past++
			}
		}
	}
	switch {
	case s.Phase != cluster.Copying && s.Move.Cause == "":
		a.Done = 1
	case a.Count > 0:
		a.Done = float64(past) / float64(a.Count)
	}
	return a
}

// moment is a time as operators see it, or nil for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
