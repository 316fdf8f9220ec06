package clusters

import (
	"fmt"
	"strconv"
	"strings"

	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// CLUSTER MYID
func myID() *command.Spec {
	return ask(command.Spec{Name: "myid", Arity: 2, Summary: "Tell the node's id."},
		func(_ *command.Session, m *cluster.Map, _ command.Args) resp.Value { return resp.Bulk(m.Self) })
}

// CLUSTER NODES
func nodes() *command.Spec {
	return ask(command.Spec{Name: "nodes", Arity: 2, Tips: tipsVaries, Complexity: "O(N) where N is the number of nodes",
		Summary: "List the nodes, a line each."},
		func(c *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			var b strings.Builder
			for i := range m.Shards {
				for j := range m.Shards[i].Nodes {
					b.WriteString(nodeLine(m, &m.Shards[i], &m.Shards[i].Nodes[j], c.TLS))
					b.WriteByte('\n')
				}
			}
			return resp.Verbatim("txt", b.String())
		})
}

// nodeLine is a node as CLUSTER NODES has it: id, address, flags, whose replica it is,
// when it was asked and answered, epoch, link, and its slots. The port is one for clients
// with TLS or without.
func nodeLine(m *cluster.Map, s *cluster.Shard, n *cluster.Node, tls bool) string {
	flags, leader := "slave", "-"
	if n.Leads {
		flags = "master"
	} else if l := s.Leader(); l != nil {
		leader = l.ID
	}
	if n.ID == m.Self {
		flags = "myself," + flags
	}
	link := "connected"
	if n.Failed {
		flags, link = flags+",fail", "disconnected"
	}
	line := fmt.Sprintf("%s %s:%d@%d %s %s 0 0 %d %s", n.ID, n.Host, n.PortFor(tls), n.BusPort, flags, leader, m.EpochOf(s), link)
	if n.Leads {
		for _, r := range s.Ranges() {
			line += " " + strconv.Itoa(int(r.First))
			if r.Last > r.First {
				line += "-" + strconv.Itoa(int(r.Last))
			}
		}
	}
	return line
}

// replicas is CLUSTER REPLICAS node-id, and its older name.
func replicas(name, since string) *command.Spec {
	return order(command.Spec{Name: name, Arity: 3, Since: since, Syntax: "<node-id>", Tips: tipsVaries,
		Summary: "List the replicas of a leader, a line each."},
		func(c *command.Session, m *cluster.Map, args command.Args) resp.Value {
			s, n := m.Find(args.Str(2))
			switch {
			case n == nil:
				return unknownNode(args)
			case !n.Leads:
				return resp.Errf("ERR The specified node is not a master")
			}
			var lines []resp.Value
			for i := range s.Nodes {
				if r := &s.Nodes[i]; !r.Leads {
					lines = append(lines, resp.Bulk(nodeLine(m, s, r, c.TLS)))
				}
			}
			return resp.Array(lines...)
		})
}

func unknownNode(args command.Args) resp.Value {
	return resp.Errf("ERR Unknown node %s", args.Printed(2))
}

// CLUSTER COUNT-FAILURE-REPORTS node-id
//
// No node reports another's failure: who leads is not voted on by slots' owners.
func countFailureReports() *command.Spec {
	return order(command.Spec{Name: "count-failure-reports", Arity: 3, Syntax: "<node-id>", Tips: tipsVaries,
		Complexity: "O(1)", Summary: "Count reports that a node has failed, of which there are none."},
		func(_ *command.Session, m *cluster.Map, args command.Args) resp.Value {
			if _, n := m.Find(args.Str(2)); n == nil {
				return unknownNode(args)
			}
			return resp.Int(0)
		})
}

// CLUSTER LINKS
//
// Nodes have no links of Redis's kind.
func links() *command.Spec {
	return ask(command.Spec{Name: "links", Arity: 2, Since: "7.0.0", Tips: tipsVaries,
		Summary: "List links of Redis's kind between nodes, of which there are none."},
		func(*command.Session, *cluster.Map, command.Args) resp.Value { return resp.Array() })
}

// CLUSTER SAVECONFIG
//
// Which slots a node owns is in its journal.
func saveConfig() *command.Spec {
	return order(command.Spec{Name: "saveconfig", Arity: 2, Flags: command.NoAsyncLoading,
		Summary: "Do nothing: what the node owns is in its journal."},
		func(*command.Session, *cluster.Map, command.Args) resp.Value { return resp.OK })
}

// CLUSTER BUMPEPOCH
//
// An epoch grows only with a slot that changes its owner.
func bumpEpoch() *command.Spec {
	return order(command.Spec{Name: "bumpepoch", Arity: 2, Flags: command.NoAsyncLoading, Tips: tipsVaries,
		Summary: "Tell the node's epoch, which grows only as slots change owners."},
		func(_ *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			return resp.Simple(fmt.Sprintf("STILL %d", m.Shards[0].Epoch()))
		})
}

// CLUSTER INFO
func info() *command.Spec {
	return ask(command.Spec{Name: "info", Arity: 2, Tips: tipsVaries, Summary: "Tell how the cluster is."},
		func(s *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			state, known, size := "ok", 0, 0
			if m.Assigned() == m.Failing() || m.Refuses() {
				state = "fail"
			}
			for i := range m.Shards {
				known += len(m.Shards[i].Nodes)
				if m.Shards[i].Count() > 0 {
					size++
				}
			}
			var b strings.Builder
			for _, f := range []struct {
				name string
				val  any
			}{
				{"state", state}, {"slots_assigned", m.Assigned()}, {"slots_ok", m.Assigned() - m.Failing()}, {"slots_pfail", 0}, {"slots_fail", m.Failing()},
				{"known_nodes", known}, {"size", size}, {"current_epoch", m.Epoch()}, {"my_epoch", m.EpochOf(&m.Shards[0])},
				{"stats_messages_sent", 0}, {"stats_messages_received", 0},
			} {
				fmt.Fprintf(&b, "cluster_%s:%v\r\n", f.name, f.val)
			}
			b.WriteString("total_cluster_links_buffer_limit_exceeded:0\r\n")
			b.WriteString(migrationLines(s, m))
			return resp.Verbatim("txt", b.String())
		})
}
