package clusters

import (
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errSlot resp.Error = "ERR Invalid slot"

// slotArg takes an argument as a slot.
func slotArg(args command.Args, i int) (int64, error) {
	n, ok := number.ParseInt(args[i])
	if !ok {
		return 0, command.ErrNotInt
	}
	return n, nil
}

func isSlot(n int64) bool { return n >= 0 && n <= journal.MaxSlot }

// CLUSTER KEYSLOT key
func keySlot() *command.Spec {
	return ask(command.Spec{Name: "keyslot", Arity: 3, Syntax: "<key>", Complexity: "O(N) where N is the length of the key",
		Summary: "Tell the hash slot of a key."},
		func(_ *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			return resp.Int(int64(value.Slot(args.Str(2))))
		})
}

// CLUSTER COUNTKEYSINSLOT slot
func countKeysInSlot() *command.Spec {
	return ask(command.Spec{Name: "countkeysinslot", Arity: 3, Syntax: "<slot>",
		Summary: "Count the node's keys in a slot."},
		func(s *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			slot, err := slotArg(args, 2)
			if err != nil {
				return resp.FromError(err)
			}
			if !isSlot(slot) {
				return resp.Err(errSlot)
			}
			return viewed(s, func(v *replay.View) resp.Value {
				return resp.Int(int64(v.SlotKeys(0, uint16(slot))))
			})
		})
}

// mostListed bounds the keys of one answer.
const mostListed = 1 << 20

// CLUSTER GETKEYSINSLOT slot count
func getKeysInSlot() *command.Spec {
	return ask(command.Spec{Name: "getkeysinslot", Arity: 4, Syntax: "<slot> <count>", Tips: tipsVaries,
		Complexity: "O(N) where N is the number of keys that are asked for",
		Summary:    "List some of the node's keys in a slot."},
		func(s *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			slot, err := slotArg(args, 2)
			if err != nil {
				return resp.FromError(err)
			}
			most, err := slotArg(args, 3)
			if err != nil {
				return resp.FromError(err)
			}
			if !isSlot(slot) || most < 0 {
				return resp.Errf("ERR Invalid slot or number of keys")
			}
			keys := []resp.Value{}
			return viewed(s, func(v *replay.View) resp.Value {
				v.EachInSlot(uint16(slot), func(key string) bool {
					if int64(len(keys)) < min(most, mostListed) {
						keys = append(keys, resp.Bulk(key))
					}
					return int64(len(keys)) < min(most, mostListed)
				})
				return resp.Array(keys...)
			})
		})
}

// viewed returns what run says of the state, in the one database that a cluster has.
func viewed(s *command.Session, run func(*replay.View) resp.Value) (val resp.Value) {
	err := s.Host.State().View(time.Now(), func(v *replay.View) error {
		val = run(v)
		return nil
	})
	if err != nil {
		return resp.FromError(err)
	}
	return val
}

// CLUSTER SLOTS
func slotsRow() *command.Spec {
	return ask(command.Spec{Name: "slots", Arity: 2, Tips: tipsVaries, Complexity: "O(N) where N is the number of nodes",
		Summary: "Tell which nodes serve which slots."},
		func(c *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			var list []resp.Value
			m.EachRange(func(s *cluster.Shard, r journal.SlotRange) {
				row := []resp.Value{resp.Int(int64(r.First)), resp.Int(int64(r.Last))}
				for _, n := range s.Nodes {
					if n.Failed && !n.Leads { // nobody is to read from it
						continue
					}
					row = append(row, resp.Array(resp.Bulk(n.Host), resp.Int(int64(n.PortFor(c.TLS))), resp.Bulk(n.ID), resp.Map()))
				}
				list = append(list, resp.Array(row...))
			})
			return resp.Array(list...)
		})
}

// CLUSTER SHARDS
func shards() *command.Spec {
	return ask(command.Spec{Name: "shards", Arity: 2, Since: "7.0.0", Tips: tipsVaries,
		Complexity: "O(N) where N is the number of nodes", Summary: "Tell which shards there are, with their slots and nodes."},
		func(_ *command.Session, m *cluster.Map, _ command.Args) resp.Value {
			var list []resp.Value
			for i := range m.Shards {
				s := &m.Shards[i]
				if len(s.Nodes) == 0 { // the node's own, of which a controller does not know
					continue
				}
				var slots, nodes []resp.Value
				for _, r := range s.Ranges() {
					slots = append(slots, resp.Int(int64(r.First)), resp.Int(int64(r.Last)))
				}
				for _, n := range s.Nodes {
					nodes = append(nodes, shardNode(&n))
				}
				list = append(list, resp.Map(resp.Bulk("slots"), resp.Array(slots...), resp.Bulk("nodes"), resp.Array(nodes...)))
			}
			return resp.Array(list...)
		})
}

// shardNode is a node as CLUSTER SHARDS has it.
func shardNode(n *cluster.Node) resp.Value {
	role, health := "replica", "online"
	if n.Leads {
		role = "master"
	}
	switch {
	case n.Failed:
		health = "failed"
	case n.Loading:
		health = "loading"
	}
	fields := []resp.Value{resp.Bulk("id"), resp.Bulk(n.ID), resp.Bulk("port"), resp.Int(int64(n.Port))}
	if n.TLSPort != 0 {
		fields = append(fields, resp.Bulk("tls-port"), resp.Int(int64(n.TLSPort)))
	}
	return resp.Map(append(fields,
		resp.Bulk("ip"), resp.Bulk(n.Host), resp.Bulk("endpoint"), resp.Bulk(n.Host), resp.Bulk("role"), resp.Bulk(role),
		resp.Bulk("replication-offset"), resp.Int(int64(n.Number)), resp.Bulk("health"), resp.Bulk(health))...)
}
