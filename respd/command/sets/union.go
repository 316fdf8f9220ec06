package sets

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const unionCost = "O(N log N) where N is the number of members of all sets"

// SUNION key [key ...]
func sunion() *command.Spec {
	return family.Read(command.Spec{
		Name: "sunion", Arity: -2, Flags: command.Big, Keys: command.AllKeys, Tips: []string{anyOrder},
		Syntax: "<key> [<key> ...]",
		Since:  "1.0.0", Complexity: unionCost, Summary: "Return the members that any of the sets has.",
	}, made(union))
}

// SUNIONSTORE destination key [key ...]
func sunionstore() *command.Spec {
	return store(command.Spec{
		Name: "sunionstore", KeyFlags: "OW update;RO access", Complexity: unionCost,
		Summary: "Store the members that any of the sets has.",
	}, union)
}

// SDIFF key [key ...]
func sdiff() *command.Spec {
	return family.Read(command.Spec{
		Name: "sdiff", Arity: -2, Flags: command.Big, Keys: command.AllKeys, Tips: []string{anyOrder},
		Syntax: "<key> [<key> ...]",
		Since:  "1.0.0", Complexity: unionCost,
		Summary: "Return the members of the first set that the others don't have.",
	}, made(difference))
}

// SDIFFSTORE destination key [key ...]
func sdiffstore() *command.Spec {
	return store(command.Spec{
		Name: "sdiffstore", KeyFlags: "OW update;RO access", Complexity: unionCost,
		Summary: "Store the members of the first set that the others don't have.",
	}, difference)
}

// made returns a command that answers a set made of others.
func made(of func([]value.Set) []string) func(*replay.View, command.Args) resp.Value {
	return func(v *replay.View, args command.Args) resp.Value {
		sets, err := setsOf(v, args[1:])
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Set(bulks(of(sets))...)
	}
}

// store returns a row that stores a set made of others, whatever stood at the
// destination. The event has the command's name.
func store(s command.Spec, of func([]value.Set) []string) *command.Spec {
	s.Arity, s.Keys, s.Flags, s.Since = -3, command.AllKeys, command.DenyOOM, "1.0.0"
	s.Syntax = "<destination> <key> [<key> ...]"
	return family.Write(s, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		sets, err := setsOf(&d.View, args[2:])
		if err != nil {
			return resp.Value{}, err
		}
		names, was := of(sets), d.Exists(args[1])
		if err = d.ReplaceSet(args[1], names); err != nil {
			return resp.Value{}, err
		}
		if len(names) > 0 {
			d.Notify(events.Set, s.Name, args[1])
		} else if was {
			d.Notify(events.Generic, "del", args[1])
		}
		return resp.Int(int64(len(names))), nil
	})
}
