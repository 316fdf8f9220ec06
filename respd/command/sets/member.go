package sets

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// SISMEMBER key member
func sismember() *command.Spec {
	return family.Read(command.Spec{
		Name: "sismember", Arity: 3, Flags: command.Fast, KeyFlags: "RO",
		Syntax: "<key> <member>",
		Since:  "1.0.0", Complexity: "O(log N)",
		Summary: "Tell whether a member is in a set.",
	}, runSismember)
}

func runSismember(v *replay.View, args command.Args) resp.Value {
	s, err := v.Set(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return yes(s.Has(args[2]))
}

// SMISMEMBER key member [member ...]
func smismember() *command.Spec {
	return family.Read(command.Spec{
		Name: "smismember", Arity: -3, Flags: command.Fast,
		Syntax: "<key> <member> [<member> ...]",
		Since:  "6.2.0", Complexity: "O(log N) a member",
		Summary: "Tell which of some members are in a set.",
	}, runSmismember)
}

func runSmismember(v *replay.View, args command.Args) resp.Value {
	s, err := v.Set(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	vals := make([]resp.Value, len(args)-2)
	for i, member := range args[2:] {
		vals[i] = yes(s.Has(member))
	}
	return resp.Array(vals...)
}

// SMEMBERS key
func smembers() *command.Spec {
	return family.Read(command.Spec{
		Name: "smembers", Arity: 2, Flags: command.Big, Syntax: "<key>", Tips: []string{anyOrder},
		Since: "1.0.0", Complexity: "O(N) where N is the number of members",
		Summary: "Return all members of a set.",
	}, runSmembers)
}

func runSmembers(v *replay.View, args command.Args) resp.Value {
	s, err := v.Set(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	return resp.Set(all(s)...)
}

// all returns a set's members as replies.
func all(s value.Set) []resp.Value {
	vals := make([]resp.Value, 0, s.Len())
	for m := range members(s) {
		vals = append(vals, resp.Bulk(m))
	}
	return vals
}

// SCARD key
func scard() *command.Spec {
	return family.Read(command.Spec{
		Name: "scard", Arity: 2, Flags: command.Fast, KeyFlags: "RO", Syntax: "<key>",
		Since: "1.0.0", Summary: "Count the members of a set.",
	}, func(v *replay.View, args command.Args) resp.Value {
		s, err := v.Set(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Int(int64(s.Len()))
	})
}

// SSCAN key cursor [MATCH pattern] [COUNT count]
func sscan() *command.Spec {
	return family.Read(command.Spec{
		Name: "sscan", Arity: -3, Tips: []string{unpredictable},
		Flags: command.Big, Reach: command.ReachScan(command.ScanWords, 2),
		Syntax: "<key> <cursor> [MATCH <pattern>] [COUNT <count>]",
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of members",
		Summary: "Return the next members of a set, and a cursor for those behind them.",
	}, runSscan)
}

func runSscan(v *replay.View, args command.Args) resp.Value {
	o, oerr := command.ParseScan(command.ScanWords, args, 2)
	if oerr == command.ErrCursor {
		return resp.FromError(oerr)
	}
	s, err := v.Set(args[1])
	switch {
	case err != nil:
		return resp.FromError(err)
	case s.Len() == 0:
		return command.ScanReply(0, nil)
	case oerr != nil:
		return resp.FromError(oerr)
	}
	var found []resp.Value
	take := func(m string) {
		if o.Fits(m) {
			found = append(found, resp.Bulk(m))
		}
	}
	if s.Wide() {
		return command.ScanReply(s.Scan(o.Cursor, o.Count, take), found)
	}
	for m := range members(s) {
		take(m)
	}
	return command.ScanReply(0, found)
}
