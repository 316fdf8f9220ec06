package clusters

import (
	"strconv"
	"time"

	"ledge/journal"
	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// What Redis's own tool for clusters asks of nodes. A slot moves as a whole here: what it
// would do in several steps is done by one of them, and the others find that it is done.

// slow returns the row of a subcommand that waits for other nodes.
func slow(s command.Spec, run func(*command.Session, *cluster.Map, command.Args) resp.Value) *command.Spec {
	s.Flags |= command.Slow | command.NoMulti | command.NoScript | command.NoAsyncLoading
	return order(s, run)
}

// done is OK, or the error.
func done(err error) resp.Value {
	if err != nil {
		return resp.Errf("ERR %s", err)
	}
	return resp.OK
}

// CLUSTER MEET ip port [bus-port]
//
// The port of the bus is where a node's NATS clients come, as CLUSTER NODES says. Without
// one it is Redis's, 10000 above the other.
func meet() *command.Spec {
	return slow(command.Spec{Name: "meet", Arity: -4, Syntax: "<ip> <port> [<bus-port>]",
		Summary: "Join the cluster of another node."},
		func(s *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			port, err := strconv.ParseUint(args.Str(3), 10, 16)
			bus := port + 10000
			if err == nil && len(args) > 4 {
				bus, err = strconv.ParseUint(args.Str(4), 10, 16)
			}
			if err != nil || port == 0 || bus == 0 || bus > 65535 || len(args) > 5 {
				return resp.Errf("ERR Invalid base port specified: %.64s", args.Str(3))
			}
			return done(s.Host.Node().Meet(s.Context(), args.Str(2), int(bus)))
		})
}

// CLUSTER FORGET node-id
func forget() *command.Spec {
	return slow(command.Spec{Name: "forget", Arity: 3, Syntax: "<node-id>",
		Summary: "Have a node that is gone for good be none of the cluster's any more."},
		func(s *command.Session, _ *cluster.Map, args command.Args) resp.Value {
			return done(s.Host.Node().Forget(s.Context(), args.Str(2)))
		})
}

// CLUSTER SETSLOT slot IMPORTING|MIGRATING|NODE node-id, or STABLE
func setSlot() *command.Spec {
	return slow(command.Spec{Name: "setslot", Arity: -4, Syntax: "<slot> <IMPORTING node-id|MIGRATING node-id|NODE node-id|STABLE>",
		Summary: "Move a slot to another node's shard: MIGRATING does, and waits; the others look."}, runSetSlot)
}

const errSetSlot resp.Error = "ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP"

func runSetSlot(s *command.Session, m *cluster.Map, args command.Args) resp.Value {
	slot, err := strconv.ParseUint(args.Str(2), 10, 16)
	switch {
	case err != nil || slot > journal.MaxSlot:
		return resp.Err(errSlot)
	case len(args) == 4 && args.Is(3, "STABLE"):
		return resp.OK
	case len(args) != 5:
		return resp.Err(errSetSlot)
	}
	id := args.Str(4)
	if _, n := m.Find(id); n == nil {
		return resp.Errf("ERR Unknown node %.64s", id)
	}
	switch {
	case args.Is(3, "IMPORTING"):
		return resp.OK
	case args.Is(3, "MIGRATING"):
		if !m.Own(uint16(slot)) {
			return resp.Errf("ERR I'm not the owner of hash slot %d", slot)
		}
		return done(s.Host.Node().MoveSlot(s.Context(), uint16(slot), id))
	case args.Is(3, "NODE"):
		return awaitOwner(s, uint16(slot), id)
	}
	return resp.Err(errSetSlot)
}

// ownerWait is for how long it is waited until it is heard who has a slot.
const ownerWait = 3 * time.Second

// awaitOwner waits until a slot is known to be of a node's shard.
func awaitOwner(s *command.Session, slot uint16, id string) resp.Value {
	limit := time.NewTimer(ownerWait)
	defer limit.Stop()
	tick := time.NewTicker(ownerWait / 300)
	defer tick.Stop()
	for {
		m := s.Host.Cluster()
		if shard, _ := m.Find(id); shard != nil && m.Owner(slot) == shard {
			return resp.OK
		}
		select {
		case <-tick.C:
		case <-limit.C:
			return resp.Errf("ERR Slot %d is not of node %.64s: CLUSTER SETSLOT %d MIGRATING moves it, at the node that has it", slot, id, slot)
		case <-s.Context().Done():
			return resp.Errf("ERR %s", s.Context().Err())
		}
	}
}
