package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
)

// moveOperation is cluster move.
func moveOperation() operation {
	return operation{name: "move", usage: "move hash slots that one shard has to another shard, while clients use them", args: "SLOTS",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "to", Usage: "`NODE`: the id of the other shard, or the id or the Redis address of one of its nodes", Required: true},
			&cli.BoolFlag{Name: "wait", Usage: "wait until the move has ended, and say how it goes; --timeout bounds that"},
		},
		ask: moveSlots}
}

// moveSlots begins a move, and waits for its end if it is to.
func moveSlots(ctx context.Context, o *operator) error {
	if o.c.Args().Len() != 1 {
		return Usage("cluster move: want SLOTS, such as 0-99,120, and --to")
	}
	began, cancel := context.WithTimeout(ctx, resumeWait)
	defer cancel()
	m, err := o.conn.ClusterMove(began, o.node, o.c.Args().First(), o.c.String("to"))
	if err == nil && o.c.Bool("wait") {
		m, err = followMove(ctx, o, m)
	}
	if err != nil {
		return err
	}
	if err := o.print(m, func(t *table) { printMove(t, m) }); err != nil || m.Phase != "ended" || m.Cause == "" {
		return err
	}
	return errors.New("the slots have not moved: " + m.Cause)
}

// listMoves prints the moves of the node's shard, or of all.
func listMoves(ctx context.Context, o *operator) error {
	if !o.c.Bool("all") {
		return show((*admin.Conn).ClusterMoves, printMoves)(ctx, o)
	}
	list, err := o.conn.ClusterAllMoves(ctx, o.node)
	if err != nil {
		return err
	}
	var c admin.Cluster // tells what people know shards by
	if len(list.Missing) > 0 {
		if c, err = o.conn.ClusterStatus(ctx, o.node); err != nil {
			return err
		}
	}
	return o.print(list, func(t *table) {
		printMoves(t, list.Moves)
		for _, id := range list.Missing {
			t.row("missing", "shard "+knownAs(c, id)+" could not be asked")
		}
	})
}

// cancelMove ends a move.
func cancelMove(ctx context.Context, o *operator) error {
	if o.c.Args().Len() != 1 {
		return Usage("cluster cancel: want one MOVE-ID, as ledge cluster moves shows it")
	}
	m, err := o.conn.ClusterCancel(ctx, o.node, o.c.Args().First())
	if err != nil {
		return err
	}
	return o.print(m, func(t *table) { printMove(t, m) })
}

func printMoves(t *table, list []admin.Move) {
	if len(list) == 0 {
		t.row("moves", "none")
	}
	for _, m := range list {
		printMove(t, m)
	}
}

// printMove prints one move.
func printMove(t *table, m admin.Move) {
	way := "to shard "
	if m.Side == "target" {
		way = "from shard "
	}
	by := ""
	if m.By != "" {
		by = ", as shard " + called(m.By, m.ByNode) + " has it"
	}
	t.row("move", fmt.Sprintf("%s: %d slots %s %s%s%s", m.ID, m.Count, m.Slots, way, called(m.Shard, m.Node), by))
	phase := m.Phase
	switch {
	case m.Phase == "ended" && m.Cause == "":
		phase = "ended: the slots have moved"
	case m.Phase == "ended":
		phase = "ended: " + m.Cause
	case m.Cause != "":
		phase += ", waits: " + m.Cause
	case m.Phase == "copying":
		phase += copied(&m)
	}
	t.row("  phase", phase)
	if m.Holds > 0 {
		t.row("  held", fmt.Sprintf("%d times, %s the last time", m.Holds, time.Duration(m.Hold*float64(time.Second)).Round(time.Millisecond)))
	}
}

// called is a shard's id with the name and the address of its leader, if that is known.
func called(shard, node string) string {
	if node == "" {
		return shard
	}
	return shard + " (" + node + ")"
}

// copied says how far a move has come whose slots are being copied.
func copied(m *admin.Move) string {
	keys := fmt.Sprintf("%d keys", m.Keys)
	if m.OfKeys > 0 {
		keys = fmt.Sprintf("%d of %d keys", m.Keys, m.OfKeys)
	}
	return fmt.Sprintf(", %.0f %% of the slots, %s, %d bytes, %d numbers behind", 100*m.Done, keys, m.Bytes, m.Lag)
}
