package zsets

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errNegative resp.Error = "ERR value is out of range, must be positive"

const popCost = "O(log N + M) where N is the number of members and M that of those taken"

// ZPOPMIN key [count]
func zpopmin() *command.Spec {
	return popper("zpopmin", "Take the members with the lowest scores.", false)
}

// ZPOPMAX key [count]
func zpopmax() *command.Spec {
	return popper("zpopmax", "Take the members with the highest scores.", true)
}

func popper(name, summary string, highest bool) *command.Spec {
	return family.Write(command.Spec{
		Name: name, Arity: -2, Flags: command.Fast, KeyFlags: takes, Syntax: "<key> [<count>]",
		Since: "5.0.0", Complexity: popCost, Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		if len(args) > 3 {
			return resp.Value{}, command.ErrSyntax
		}
		count := int64(1)
		if len(args) == 3 {
			var ok bool
			if count, ok = number.ParseInt(args[2]); !ok || count < 0 {
				return resp.Value{}, errNegative
			}
		}
		z, err := d.ZSet(args[1])
		if err != nil || z.Len() == 0 || count == 0 {
			return resp.Array(), err
		}
		popped, err := pop(d, args[1], z, count, highest)
		if len(args) == 3 {
			return resp.Pairs(popped...), err
		}
		return resp.Array(popped...), err
	})
}

// pop takes up to count members, of which there are some, and returns them with
// their scores in turn.
func pop(
	d *replay.Draft, key []byte, z value.ZSet, count int64, highest bool,
) ([]resp.Value, error) {
	n := int(min(count, int64(z.Len())))
	first, members := 0, z.From(0)
	if highest {
		first, members = z.Len()-n, z.Down(z.Len()-1)
	}
	vals := make([]resp.Value, 0, 2*n)
	for member, score := range take(n, members) {
		vals = append(vals, resp.Bulk(member), resp.Double(score))
	}
	if err := d.RemoveRanks(key, first, n); err != nil {
		return nil, err
	}
	event := "zpopmin"
	if highest {
		event = "zpopmax"
	}
	lost(d, event, key)
	return vals, nil
}
