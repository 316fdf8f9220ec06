package zsets

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// ZREMRANGEBYRANK key start stop
func zremrangebyrank() *command.Spec {
	return removing("zremrangebyrank", "2.0.0", "<key> <start> <stop>",
		"Remove a range of members by rank.", byRank)
}

// ZREMRANGEBYSCORE key min max
func zremrangebyscore() *command.Spec {
	return removing("zremrangebyscore", "1.2.0", "<key> <min> <max>",
		"Remove the members whose scores are in a range.", byScore)
}

// ZREMRANGEBYLEX key min max
func zremrangebylex() *command.Spec {
	return removing("zremrangebylex", "2.8.9", "<key> <min> <max>",
		"Remove the members in a range of names.", byLex)
}

// removing returns a row that removes a range. The event has the command's name.
func removing(name, since, syntax, summary string, by order) *command.Spec {
	return family.Write(command.Spec{
		Name: name, Arity: 4, KeyFlags: "RW delete", Syntax: syntax, Since: since, Summary: summary,
		Complexity: "O(log N + M) where N is the number of members and M that of those removed",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		b, err := parseBounds(by, args[2], args[3])
		if err != nil {
			return resp.Value{}, err
		}
		z, err := d.ZSet(args[1])
		if err != nil {
			return resp.Value{}, err
		}
		lo, hi := b.window(z)
		if lo == hi {
			return resp.Int(0), nil
		}
		if err = d.RemoveRanks(args[1], lo, hi-lo); err != nil {
			return resp.Value{}, err
		}
		lost(d, name, args[1])
		return resp.Int(int64(hi - lo)), nil
	})
}
