package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/journal/fault"
)

// rebalanceOperation is cluster rebalance.
func rebalanceOperation() operation {
	return operation{name: "rebalance", usage: "move hash slots so that each shard of the cluster has its share",
		flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "weight", Usage: "`NODE=WEIGHT`: what a shard's share is beside others', 1 unless it is said; 0 is no slots. May be given several times"},
			&cli.BoolFlag{Name: "dry-run", Usage: "say what would move, and move nothing"},
			&cli.BoolFlag{Name: "wait", Value: true, Usage: "wait until the moves have ended; --wait=false begins those that may be under way together"},
		},
		ask: rebalance}
}

// mostTogether is how many moves of a rebalance are under way at a time at a shard.
const mostTogether = 4

// rebalance plans moves, and has them made.
func rebalance(ctx context.Context, o *operator) error {
	if o.c.Args().Present() {
		return Usage("cluster rebalance: want no arguments; --weight says what a shard's share is")
	}
	soon, cancel := context.WithTimeout(ctx, resumeWait)
	defer cancel()
	c, todo, err := o.planned(soon)
	if err != nil {
		return err
	}
	if o.c.Bool("dry-run") || len(todo) == 0 {
		return o.print(map[string]any{"plan": append([]transfer{}, todo...)}, func(t *table) { printTransfers(t, c, todo) })
	}
	r := &rebalancing{o: o, waiting: todo, total: len(todo)}
	if !o.c.Bool("wait") {
		r.begin(soon)
		return r.print()
	}
	f := &follower{bar: "rebalance", after: "the moves that have begun go on, as ledge cluster moves --all shows; ledge cluster rebalance plans the rest anew"}
	if err := f.run(ctx, o, r.step); err != nil {
		return err
	}
	return r.print()
}

// planned returns the cluster and what is to be moved in it. A plan stands on what the
// shards own, so none is made while that changes or is not known.
func (o *operator) planned(ctx context.Context) (c admin.Cluster, todo []transfer, err error) {
	if c, err = o.conn.ClusterStatus(ctx, o.node); err != nil {
		return c, nil, err
	}
	weights, err := weigh(c, o.c.StringSlice("weight"))
	if err != nil {
		return c, nil, err
	}
	list, err := o.conn.ClusterAllMoves(ctx, o.node)
	for _, s := range c.Shards {
		if gone(s) {
			list.Missing = slices.DeleteFunc(list.Missing, func(id string) bool { return id == s.ID })
		}
	}
	switch {
	case err != nil:
		return c, nil, err
	case len(list.Missing) > 0:
		for i, id := range list.Missing {
			list.Missing[i] = knownAs(c, id)
		}
		return c, nil, fmt.Errorf("these shards can't be asked for their moves, and without that no plan is made: %s. Start their leaders, or promote a replica", strings.Join(list.Missing, ", "))
	}
	for _, m := range list.Moves {
		if m.Phase != "ended" {
			return c, nil, fmt.Errorf("move %s of slots %s is under way: a plan can be made once it has ended, as ledge cluster moves --all shows, or ledge cluster cancel has it", m.ID, m.Slots)
		}
	}
	todo, err = plan(c, weights)
	return c, todo, err
}

// printTransfers prints what is to be moved.
func printTransfers(t *table, c admin.Cluster, todo []transfer) {
	if len(todo) == 0 {
		t.row("plan", "each shard has its share: nothing is to be moved")
	}
	for _, m := range todo {
		t.row("move", fmt.Sprintf("%d slots %s from %s to %s", m.Count, m.Slots, leaderOf(c, m.From), leaderOf(c, m.To)))
	}
}

// leaderOf is how people know a shard: by the address of its first node.
func leaderOf(c admin.Cluster, id string) string {
	for _, s := range c.Shards {
		if s.ID == id && len(s.Nodes) > 0 {
			return s.Nodes[0].Redis
		}
	}
	return "shard " + id
}

// knownAs is a shard's id with the name and the address of its first node.
func knownAs(c admin.Cluster, id string) string {
	for _, s := range c.Shards {
		if s.ID == id && len(s.Nodes) > 0 {
			n := s.Nodes[0]
			return called(id, strings.TrimSpace(n.Name+" at "+n.Redis))
		}
	}
	return id
}

// rebalancing is moves of a plan: those that wait, that are under way, and that have ended.
type rebalancing struct {
	o       *operator
	waiting []transfer
	under   []begun
	done    []admin.Move
	total   int
	cause   string // why one that waits could not be begun
}

// begun is a move that is under way.
type begun struct {
	transfer
	now admin.Move
}

// begin begins the moves that may be under way beside those that are. One that can't be
// begun yet waits; one that is refused has ended.
func (r *rebalancing) begin(ctx context.Context) {
	var later []transfer
	r.cause = ""
	for _, m := range r.waiting {
		if r.at(m.From) >= mostTogether || r.at(m.To) >= mostTogether {
			later = append(later, m)
			continue
		}
		mv, err := r.o.conn.ClusterMove(ctx, r.o.node, m.Slots, m.To)
		var answer *admin.Error
		switch {
		case err == nil:
			r.under = append(r.under, begun{m, mv})
		case errors.As(err, &answer) && answer.Class == fault.Refused:
			r.done = append(r.done, admin.Move{Phase: "ended", Slots: m.Slots, Count: m.Count, Shard: m.To, Side: "source", Cause: err.Error()})
		default:
			r.cause, later = err.Error(), append(later, m)
		}
	}
	r.waiting = later
}

// at counts the moves under way that a shard has a part in.
func (r *rebalancing) at(shard string) (n int) {
	for _, b := range r.under {
		if b.From == shard || b.To == shard {
			n++
		}
	}
	return n
}

// step looks how the moves are, and begins others. It reports how far all are, and whether
// they have ended.
func (r *rebalancing) step(ctx context.Context) (s stage, over bool, err error) {
	list, err := r.o.conn.ClusterAllMoves(ctx, r.o.node)
	if err != nil {
		return s, false, err
	}
	var under []begun
	for _, b := range r.under {
		if m, ok := named(list, b.now.ID); ok {
			b.now = m
		}
		if b.now.Phase == "ended" {
			r.done = append(r.done, b.now)
			continue
		}
		under = append(under, b)
		s.bytes += b.now.Bytes
		s.share += b.now.Done
	}
	r.under = under
	r.begin(ctx)
	for _, m := range r.done {
		s.bytes += m.Bytes
	}
	s.share = (s.share + float64(len(r.done))) / float64(r.total)
	s.step = fmt.Sprintf("%d of %d moves have ended", len(r.done), r.total)
	if r.cause != "" {
		s.step += ", one waits: " + r.cause
	}
	return s, len(r.under)+len(r.waiting) == 0, nil
}

// print prints what became of the moves. Some that have moved nothing are a failure.
func (r *rebalancing) print() error {
	all, failed := append([]admin.Move{}, r.done...), 0
	for _, b := range r.under {
		all = append(all, b.now)
	}
	for _, m := range r.done {
		if m.Cause != "" {
			failed++
		}
	}
	reply := struct {
		Moves   []admin.Move `json:"moves"`
		Waiting []transfer   `json:"waiting"` // that were not begun
	}{all, append([]transfer{}, r.waiting...)}
	err := r.o.print(reply, func(t *table) {
		printMoves(t, all)
		for _, m := range r.waiting {
			t.row("not begun", fmt.Sprintf("%d slots %s: once others have ended, ledge cluster rebalance plans them anew", m.Count, m.Slots))
		}
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d moves have moved nothing", failed, r.total)
	}
	return err
}

// named returns a move of a list.
func named(list admin.MoveList, id string) (admin.Move, bool) {
	for _, m := range list.Moves {
		if m.ID == id {
			return m, true
		}
	}
	return admin.Move{}, false
}

// waitEvery is how often it is looked how moves go that are waited for.
const waitEvery = 500 * time.Millisecond
