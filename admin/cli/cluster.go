package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"ledge/admin"
)

func clusterCommand() *cli.Command {
	return &cli.Command{
		Name: "cluster", Usage: "look at the cluster that a node is in, or found one",
		Subcommands: []*cli.Command{
			operation{name: "status", usage: "say who serves which hash slots, as far as the node has heard", wait: quickWait,
				ask: show((*admin.Conn).ClusterStatus, printCluster)}.command(),
			operation{name: "found", usage: "begin a cluster, in which the node and its replicas have all hash slots", wait: resumeWait,
				ask: show((*admin.Conn).ClusterFound, printCluster)}.command(),
		},
	}
}

func printCluster(t *table, c admin.Cluster) {
	if c.Cluster == "" {
		t.row("cluster", "none: not founded, which ledge cluster found does once, or not heard of yet")
	} else {
		t.row("cluster", c.Cluster)
	}
	t.row("slots", fmt.Sprintf("%d of 16384 have an owner", c.Assigned))
	t.row("epoch", fmt.Sprint(c.Epoch))
	for _, s := range c.Shards {
		t.row("shard", fmt.Sprintf("%s: %d slots %s", s.ID, s.Count, s.Slots))
		for _, n := range s.Nodes {
			self := ""
			switch {
			case n.Self:
				self = ", this node"
			case n.Failed:
				self = ", failed: not heard of for 15 s or more"
			}
			t.row("  "+n.Role, fmt.Sprintf("%s at %s%s", n.ID, n.Redis, self))
		}
	}
}
