package zsets

import (
	"math"
	"strconv"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// ZCARD key
func zcard() *command.Spec {
	return family.Read(command.Spec{
		Name: "zcard", Arity: 2, Flags: command.Fast, KeyFlags: "RO", Syntax: "<key>",
		Since: "1.2.0", Summary: "Count the members of a sorted set.",
	}, func(v *replay.View, args command.Args) resp.Value {
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return resp.Int(int64(z.Len()))
	})
}

// ZSCORE key member
func zscore() *command.Spec {
	return family.Read(command.Spec{
		Name: "zscore", Arity: 3, Flags: command.Fast, Syntax: "<key> <member>",
		Since: "1.2.0", Complexity: logCost, Summary: "Return the score of a member.",
	}, func(v *replay.View, args command.Args) resp.Value {
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		return scoreOf(z, args[2])
	})
}

// scoreOf is a member's score, or nil.
func scoreOf(z value.ZSet, member []byte) resp.Value {
	score, ok := z.Score(member)
	if !ok {
		return resp.Nil
	}
	return resp.Double(score)
}

// ZMSCORE key member [member ...]
func zmscore() *command.Spec {
	return family.Read(command.Spec{
		Name: "zmscore", Arity: -3, Flags: command.Fast, Syntax: "<key> <member> [<member> ...]",
		Since: "6.2.0", Complexity: "O(log N) a member where N is the number of members",
		Summary: "Return the scores of some members.",
	}, func(v *replay.View, args command.Args) resp.Value {
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		vals := make([]resp.Value, len(args)-2)
		for i, member := range args[2:] {
			vals[i] = scoreOf(z, member)
		}
		return resp.Array(vals...)
	})
}

// ZRANK key member [WITHSCORE]
func zrank() *command.Spec {
	return rank("zrank", "Return how many members have less of a score than one.", false)
}

// ZREVRANK key member [WITHSCORE]
func zrevrank() *command.Spec {
	return rank("zrevrank", "Return how many members have more of a score than one.", true)
}

// rank returns ZRANK's or ZREVRANK's row. WITHSCORE is of Redis 7.2; all else
// is too much, as it is in 7.0.
func rank(name, summary string, down bool) *command.Spec {
	return family.Read(command.Spec{
		Name: name, Arity: -3, Flags: command.Fast, Syntax: "<key> <member> [WITHSCORE]",
		Fits: func(args command.Args) bool {
			return len(args) == 3 || len(args) == 4 && args.Is(3, "WITHSCORE")
		},
		Since: "2.0.0", Complexity: logCost, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		withScore := len(args) == 4
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		i, ok := z.Rank(args[2])
		switch {
		case !ok && withScore:
			return resp.NilArray
		case !ok:
			return resp.Nil
		case down:
			i = z.Len() - 1 - i
		}
		if withScore {
			return resp.Array(resp.Int(int64(i)), scoreOf(z, args[2]))
		}
		return resp.Int(int64(i))
	})
}

// ZSCAN key cursor [MATCH pattern] [COUNT count]
func zscan() *command.Spec {
	return family.Read(command.Spec{
		Name: "zscan", Arity: -3, Tips: []string{"nondeterministic_output"},
		Flags: command.Big, Reach: command.ReachScan(command.ScanWords, 2),
		Syntax: "<key> <cursor> [MATCH <pattern>] [COUNT <count>]",
		Since:  "2.8.0", Complexity: "O(log N + COUNT) a call where N is the number of members",
		Summary: "Return the next members and their scores, and a cursor for those behind them.",
	}, runZscan)
}

func runZscan(v *replay.View, args command.Args) resp.Value {
	o, oerr := command.ParseScan(command.ScanWords, args, 2)
	if oerr == command.ErrCursor {
		return resp.FromError(oerr)
	}
	z, err := v.ZSet(args[1])
	switch {
	case err != nil:
		return resp.FromError(err)
	case z.Len() == 0:
		return command.ScanReply(0, nil)
	case oerr != nil:
		return resp.FromError(oerr)
	}
	var found []resp.Value
	next := z.Scan(o.Cursor, o.Count, func(member string, score float64) {
		if o.Fits(member) {
			found = append(found, resp.Bulk(member), resp.Bulk(scanned(score, z.Wide())))
		}
	})
	return command.ScanReply(next, found)
}

// scanned is a score as ZSCAN answers it: as text whatever the protocol, and as
// Redis keeps it where it is kept as text.
func scanned(score float64, wide bool) string {
	const most = 1 << 62
	if !wide && -most <= score && score <= most && score == math.Trunc(score) {
		return strconv.FormatInt(int64(score), 10)
	}
	var digits [32]byte
	return string(resp.AppendFloat(digits[:0], score))
}
