package zsets

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNegative resp.Error = "ERR value is out of range, must be positive"
	errNumKeys  resp.Error = "ERR numkeys should be greater than 0"
	errCount    resp.Error = "ERR count should be greater than 0"
)

const popCost = "O(log N + M) where N is the number of members and M that of those taken"

// ZPOPMIN key [count]
func zpopmin() *command.Spec {
	return popping("zpopmin", "Take the members with the lowest scores.", false)
}

// ZPOPMAX key [count]
func zpopmax() *command.Spec {
	return popping("zpopmax", "Take the members with the highest scores.", true)
}

func popping(name, summary string, highest bool) *command.Spec {
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
			if count, ok = command.ParseInt(args[2]); !ok || count < 0 {
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

// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
func zmpop() *command.Spec {
	return family.Write(command.Spec{
		Name: "zmpop", Arity: -4, NumKeys: 1, KeyFlags: takes,
		Syntax: "<numkeys> <key> [<key> ...] MIN|MAX [COUNT <count>]",
		Since:  "7.0.0", Complexity: popCost,
		Summary: "Take members from the first of several sorted sets that has any.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		m, err := parseMany(args, 1)
		if err != nil {
			return resp.Value{}, err
		}
		val, _, err := m.popFirst(d)
		return val, err
	})
}

// many is a command that takes members from one of several keys.
type many struct {
	keys    [][]byte
	count   int64
	highest bool
}

// parseMany reads what begins with the number of keys at argument at.
func parseMany(args command.Args, at int) (m many, err error) {
	n, ok := command.ParseInt(args[at])
	if !ok || n < 1 {
		return m, errNumKeys
	}
	if n >= int64(len(args)-at-1) {
		return m, command.ErrSyntax
	}
	where := at + 1 + int(n)
	m.keys, m.highest, m.count = args[at+1:where], args.Is(where, "MAX"), 1
	if !m.highest && !args.Is(where, "MIN") {
		return m, command.ErrSyntax
	}
	switch opts := args[where+1:]; {
	case len(opts) == 0:
		return m, nil
	case len(opts) == 1 || !opts.Is(0, "COUNT"):
		return m, command.ErrSyntax
	default:
		if m.count, ok = command.ParseInt(opts[1]); !ok || m.count < 1 {
			return m, errCount
		}
		if len(opts) > 2 {
			return m, command.ErrSyntax
		}
	}
	return m, nil
}

// popFirst takes members from the first key that has any, and reports whether
// one had.
func (m *many) popFirst(d *replay.Draft) (resp.Value, bool, error) {
	for _, key := range m.keys {
		z, err := d.ZSet(key)
		if err != nil {
			return resp.Value{}, false, err
		}
		if z.Len() > 0 {
			val, err := m.pop(d, key, z)
			return val, true, err
		}
	}
	return resp.NilArray, false, nil
}

// pop answers the key and what was taken from it: pairs in both protocols.
func (m *many) pop(d *replay.Draft, key []byte, z value.ZSet) (resp.Value, error) {
	popped, err := pop(d, key, z, m.count, m.highest)
	pairs := make([]resp.Value, len(popped)/2)
	for i := range pairs {
		pairs[i] = resp.Array(popped[2*i : 2*i+2]...)
	}
	return resp.Array(resp.Bytes(key), resp.Array(pairs...)), err
}
