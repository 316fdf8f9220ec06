package lists

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// LRANGE key start stop
func lrange() *command.Spec {
	return family.Read(command.Spec{
		Name: "lrange", Arity: 4, Flags: command.Big, Reach: reachLrange,
		Syntax: "<key> <start> <stop>", Since: "1.0.0",
		Complexity: "O(log N + M) where N is the length of the list and M that of the part",
		Summary:    "Return a part of a list.",
	}, runLrange)
}

func runLrange(v *replay.View, args command.Args) resp.Value {
	first, last, err := bounds(args)
	if err != nil {
		return resp.FromError(err)
	}
	l, err := v.List(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	from, to := within(first, last, l.Len())
	if from == to {
		return resp.Array()
	}
	items := resp.Room(to - from)
	for item := range l.From(from) {
		items = append(items, resp.Bulk(item))
		if len(items) == to-from {
			break
		}
	}
	return resp.Lent(items)
}

// reachLrange returns how many items LRANGE is to read.
func reachLrange(v *replay.View, args command.Args) int {
	first, last, err := bounds(args)
	if err != nil {
		return 0
	}
	l, err := v.List(args[1])
	if err != nil {
		return 0
	}
	from, to := within(first, last, l.Len())
	return to - from
}

// LTRIM key start stop
func ltrim() *command.Spec {
	return family.Write(command.Spec{
		Name: "ltrim", Arity: 4, KeyFlags: "RW delete",
		Syntax: "<key> <start> <stop>", Since: "1.0.0",
		Complexity: "O(N) where N is the number of items removed; the journal takes two effects at most",
		Summary:    "Leave only a part of a list.",
	}, runLtrim)
}

func runLtrim(d *replay.Draft, args command.Args) (resp.Value, error) {
	first, last, err := bounds(args)
	if err != nil {
		return resp.Value{}, err
	}
	l, err := d.List(args[1])
	n := l.Len()
	if err != nil || n == 0 {
		return resp.OK, err
	}
	from, to := within(first, last, n)
	if from == to {
		from, to = 0, 0 // all of it goes, in one piece
	}
	if err := d.RemoveItems(args[1], to, n-to); err != nil {
		return resp.Value{}, err
	}
	if err := d.RemoveItems(args[1], 0, from); err != nil {
		return resp.Value{}, err
	}
	if to-from == n {
		d.Touch(args[1])
	}
	d.Notify(events.List, "ltrim", args[1])
	if from == to {
		d.Notify(events.Generic, "del", args[1])
	}
	return resp.OK, nil
}
