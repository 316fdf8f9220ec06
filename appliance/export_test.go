package appliance

import (
	"ledge/appliance/replication"
	"ledge/respd/command"
)

// Replication is the node's, for tests that have the whole node beside it.
func (n *Node) Replication() *replication.Replication { return n.repl }

// ClientSide is the node as Redis clients see it.
func (n *Node) ClientSide() command.Node { return sideOf(n) }
