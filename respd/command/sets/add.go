package sets

import (
	"bytes"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// SADD key member [member ...]
func sadd() *command.Spec {
	return family.Write(command.Spec{
		Name: "sadd", Arity: -3, Flags: command.DenyOOM | command.Fast, KeyFlags: "RW insert",
		Syntax: "<key> <member> [<member> ...]",
		Since:  "1.0.0", Complexity: "O(log N) a member",
		Summary: "Add members to a set.",
	}, runSadd)
}

func runSadd(d *replay.Draft, args command.Args) (resp.Value, error) {
	n, err := d.AddMembers(args[1], args[2:])
	if n > 0 {
		d.Notify(events.Set, "sadd", args[1])
	}
	return resp.Int(int64(n)), err
}

// SREM key member [member ...]
func srem() *command.Spec {
	return family.Write(command.Spec{
		Name: "srem", Arity: -3, Flags: command.Fast, KeyFlags: "RW delete",
		Syntax: "<key> <member> [<member> ...]",
		Since:  "1.0.0", Complexity: "O(log N) a member",
		Summary: "Remove members from a set.",
	}, runSrem)
}

func runSrem(d *replay.Draft, args command.Args) (resp.Value, error) {
	n, err := d.RemoveMembers(args[1], args[2:])
	if n > 0 {
		removed(d, "srem", args[1], !d.Exists(args[1]))
	}
	return resp.Int(int64(n)), err
}

// SMOVE source destination member
func smove() *command.Spec {
	return family.Write(command.Spec{
		Name: "smove", Arity: 4, Flags: command.Fast, Keys: command.TwoKeys,
		KeyFlags: "RW access delete;RW insert", Syntax: "<source> <destination> <member>",
		Since: "1.0.0", Complexity: "O(log N)",
		Summary: "Move a member from one set to another.",
	}, runSmove)
}

func runSmove(d *replay.Draft, args command.Args) (resp.Value, error) {
	from, to, member := args[1], args[2], args[3]
	if !d.Exists(from) {
		return resp.Int(0), nil // whatever the destination is
	}
	s, err := d.Set(from)
	if err != nil {
		return resp.Value{}, err
	}
	if _, err = d.Set(to); err != nil {
		return resp.Value{}, err
	}
	if !s.Has(member) || bytes.Equal(from, to) {
		return yes(s.Has(member)), nil
	}
	if _, err = d.RemoveMembers(from, args[3:4]); err != nil {
		return resp.Value{}, err
	}
	removed(d, "srem", from, !d.Exists(from))
	n, err := d.AddMembers(to, args[3:4])
	if n > 0 {
		d.Notify(events.Set, "sadd", to)
	}
	return resp.Int(1), err
}
