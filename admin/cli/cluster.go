package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/admin"
)

func clusterCommand() *cli.Command {
	return &cli.Command{
		Name: "cluster", Usage: "look at the cluster that a node is in; found, join or leave one; move slots",
		Subcommands: []*cli.Command{
			clusterStatusCommand(),
			operation{name: "found", usage: "begin a cluster, in which the node and its replicas have all hash slots", wait: resumeWait,
				ask: show((*admin.Conn).ClusterFound, printCluster)}.command(),
			operation{name: "join", usage: "make the node and its replicas a shard of the cluster of the node with that NATS address", args: "URL", wait: resumeWait,
				ask: clusterAsk("join: want one URL, nats://HOST:PORT", (*admin.Conn).ClusterJoin)}.command(),
			operation{name: "leave", usage: "have the node's shard, which owns no slots, leave its cluster", wait: resumeWait,
				ask: show((*admin.Conn).ClusterLeave, printCluster)}.command(),
			operation{name: "forget", usage: "have a node that is gone for good be none of the cluster's any more", args: "NODE", wait: quickWait,
				ask: clusterAsk("forget: want one NODE: its id, name or address, as ledge cluster status shows them", (*admin.Conn).ClusterForget)}.command(),
			moveOperation().command(),
			rebalanceOperation().command(),
			operation{name: "seize", usage: "make the node's shard the owner of slots of a shard that is gone for good, without what they held there", args: "SLOTS", wait: resumeWait,
				flags: []cli.Flag{
					&cli.StringFlag{Name: "from", Usage: "`SHARD`: its id, or the id or the Redis address of one of its nodes; nobody, for slots that no shard is known to own", Required: true},
					&cli.BoolFlag{Name: "accept-loss", Usage: "say that it is known: what the slots held is lost, and if the shard comes back it serves them no more"},
				}, ask: seizeSlots}.command(),
			operation{name: "yield", usage: "give up slots that another shard has seized, and clear what they hold here", args: "SLOTS", wait: resumeWait,
				ask: clusterAsk("yield: want SLOTS, as ledge cluster status shows them", (*admin.Conn).ClusterYield)}.command(),
			operation{name: "moves", usage: "list the moves of slots that the node's shard has a part in", wait: quickWait,
				flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "those of all shards of the cluster"}}, ask: listMoves}.command(),
			operation{name: "cancel", usage: "end a move whose slots are not given yet", args: "MOVE-ID", wait: quickWait, ask: cancelMove}.command(),
		},
	}
}

// clusterAsk asks a node with the one argument that there is.
func clusterAsk(usage string, ask func(*admin.Conn, context.Context, string, string) (admin.Cluster, error)) func(context.Context, *operator) error {
	return func(ctx context.Context, o *operator) error {
		if o.c.Args().Len() != 1 {
			return Usage("cluster %s", usage)
		}
		c, err := ask(o.conn, ctx, o.node, o.c.Args().First())
		if err != nil {
			return err
		}
		return o.print(c, func(t *table) { printCluster(t, c) })
	}
}

// seizeSlots takes slots of a shard that is gone.
func seizeSlots(ctx context.Context, o *operator) error {
	switch {
	case o.c.Args().Len() != 1:
		return Usage("cluster seize: want SLOTS, such as 0-99,120, and --from")
	case !o.c.Bool("accept-loss"):
		return Usage("cluster seize: what the slots held is lost; --accept-loss says that this is known")
	}
	c, err := o.conn.ClusterSeize(ctx, o.node, o.c.Args().First(), o.c.String("from"))
	if err != nil {
		return err
	}
	return o.print(c, func(t *table) { printCluster(t, c) })
}

func printCluster(t *table, c admin.Cluster) {
	if c.Cluster == "" {
		t.row("cluster", "none: ledge cluster found begins one, ledge cluster join makes the node one of another node's; or not heard of yet")
	} else {
		t.row("cluster", c.Cluster)
	}
	t.row("slots", fmt.Sprintf("%d of 16384 have an owner", c.Assigned))
	t.row("epoch", fmt.Sprint(c.Epoch))
	if c.Waits != "" {
		t.row("waits", c.Waits)
	}
	if c.Refused != "" {
		t.row("refused", c.Refused)
	}
	for _, s := range c.Seized {
		t.row("seized", fmt.Sprintf("slots %s by shard %s: not served here, and kept until ledge cluster yield", s.Slots, knownAs(c, s.By)))
	}
	if c.Kept != "" {
		t.row("kept", fmt.Sprintf("slots %s were given to that shard and not taken, as far as was heard: nothing of what they held then is lost", c.Kept))
	}
	for _, s := range c.Shards {
		t.row("shard", strings.TrimSpace(fmt.Sprintf("%s: %d slots %s", s.ID, s.Count, s.Slots)))
		if l := s.Link; l != nil && !l.Up {
			t.row("  link", "down: "+l.Cause)
		}
		for _, n := range s.Nodes {
			self := ""
			switch {
			case n.Self:
				self = ", this node"
			case n.Failed:
				self = ", failed: not heard of for as long as cluster-node-timeout says"
			}
			if n.Outdone {
				self += ", leads the shard, too, and counts less: have it follow the leader"
			}
			t.row("  "+n.Role, fmt.Sprintf("%s at %s%s", strings.TrimSpace(n.ID+" "+n.Name), n.Redis, self))
		}
	}
}
