package clusters

import (
	"fmt"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// What Redis's own tool asks of nodes that are to be a cluster, or leave one.

// CLUSTER ADDSLOTS slot [slot ...]
func addSlots() *command.Spec {
	return slow(command.Spec{Name: "addslots", Arity: -3, Syntax: "<slot> [<slot> ...]", Complexity: "O(N) where N is the number of slots",
		Summary: "Found a cluster by slot 0, or say which slots a node is to have that then joins one by MEET."},
		func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
			pairs := make(command.Args, 0, 2*len(args))
			for _, arg := range args[2:] {
				pairs = append(pairs, arg, arg)
			}
			return add(s, m, pairs)
		})
}

// CLUSTER ADDSLOTSRANGE first last [first last ...]
func addSlotsRange() *command.Spec {
	return slow(command.Spec{Name: "addslotsrange", Arity: -4, Since: "7.0.0", Syntax: "<first> <last> [<first> <last> ...]",
		Complexity: "O(N) where N is the number of slots", Summary: "As ADDSLOTS, for ranges."},
		func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
			if len(args)%2 == 1 {
				return wrongArity("cluster|addslotsrange")
			}
			return add(s, m, args[2:])
		})
}

// add has the node own slots, or says that it is to, by pairs of their first and last.
func add(s *command.Session, m *cluster.Map, pairs command.Args) resp.Value {
	ranges, err := rangesFrom(pairs, 0)
	if err != nil {
		return resp.FromError(err)
	}
	for _, r := range ranges {
		for slot := int(r.First); slot <= int(r.Last); slot++ {
			if m.Owner(uint16(slot)) != nil {
				return resp.Errf("ERR Slot %d is already busy", slot)
			}
		}
	}
	ranges, err = journal.ParseSlots(journal.SlotsText(ranges)) // in order
	if err != nil {
		return resp.FromError(fmt.Errorf("ERR %w", err))
	}
	return done(s.Host.Node().AddSlots(s.Context(), ranges))
}

// CLUSTER REPLICATE node-id
func replicate() *command.Spec {
	return slow(command.Spec{Name: "replicate", Arity: 3, Syntax: "<node-id>", Summary: "Make the node, which has nothing, a replica of another one."},
		func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
			id := args.Str(2)
			switch _, n := m.Find(id); {
			case n == nil:
				return unknownNode(args)
			case id == m.Self:
				return resp.Errf("ERR Can't replicate myself")
			case !n.Leads:
				return resp.Errf("ERR I can only replicate a master, not a replica.")
			case leading(m) && (m.Shards[0].Count() > 0 || s.Host.State().Keys() > 0):
				return resp.Errf("ERR To set a master the node must be empty and without assigned slots.")
			}
			return done(s.Host.Node().Replicate(s.Context(), id))
		})
}

// CLUSTER RESET [HARD|SOFT]
func reset() *command.Spec {
	return slow(command.Spec{Name: "reset", Arity: -2, Syntax: "[HARD|SOFT]", Summary: "Have the node's shard, which has nothing, leave the cluster."},
		func(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
			switch {
			case len(args) > 3 || len(args) == 3 && !args.Is(2, "HARD") && !args.Is(2, "SOFT"):
				return resp.Err(command.ErrSyntax)
			case leading(m) && s.Host.State().Keys() > 0:
				return resp.Errf("ERR CLUSTER RESET can't be called with master nodes containing keys")
			}
			return done(s.Host.Node().Reset(s.Context()))
		})
}
