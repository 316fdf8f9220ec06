package appliance

import (
	"context"

	"ledge/appliance/replication"
	"ledge/journal"
	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
)

// Replication is the node's, for tests that have the whole node beside it.
func (n *Node) Replication() *replication.Replication { return n.repl }

// Metrics are those of the node.
func (n *Node) Metrics() string { return n.report.Metrics() }

// ClientSide is the node as Redis clients see it.
func (n *Node) ClientSide() command.Node { return sideOf(n) }

// Limits are what clients may have.
func (n *Node) Limits() respd.Limits { return n.server.Limits() }

// Journal puts effects on moves of slots into a node's journal, as its Mover does.
func Journal(ctx context.Context, n *Node, ops ...journal.Op) error {
	return orders{n.member}.enter(ctx, func(d *replay.Draft) error {
		for _, op := range ops {
			if err := d.Moving(op); err != nil {
				return err
			}
		}
		return nil
	})
}
