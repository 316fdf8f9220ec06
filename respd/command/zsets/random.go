package zsets

import (
	"math"
	"math/rand/v2"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errRandomCount resp.Error = "ERR value is out of range, value must between " +
	"-9223372036854775807 and 9223372036854775807"

// ZRANDMEMBER key [count [WITHSCORES]]
func zrandmember() *command.Spec {
	return family.Read(command.Spec{
		Name: "zrandmember", Arity: -2, Flags: command.Big | command.Repeats, Reach: command.ReachSample,
		Syntax: "<key> [<count> [WITHSCORES]]", Tips: []string{"nondeterministic_output"},
		Since: "6.2.0", Complexity: "O(log N) a member where N is the number of members",
		Summary: "Return members chosen at random.",
	}, runZrandmember)
}

func runZrandmember(v *replay.View, args command.Args) resp.Value {
	count, scores, err := parseRandom(args)
	if err != nil {
		return resp.FromError(err)
	}
	z, err := v.ZSet(args[1])
	n := z.Len()
	switch {
	case err != nil:
		return resp.FromError(err)
	case len(args) > 2:
		return someOf(v, z, count, scores)
	case n == 0:
		return resp.Nil
	}
	member, _ := z.At(rand.IntN(n))
	return resp.Bulk(member)
}

func parseRandom(args command.Args) (count int64, scores bool, err error) {
	if len(args) < 3 {
		return 0, false, nil
	}
	count, err = args.Int(2)
	switch {
	case err != nil:
		return 0, false, err
	case count == math.MinInt64:
		return 0, false, errRandomCount
	case len(args) > 4 || len(args) == 4 && !args.Is(3, "WITHSCORES"):
		return 0, false, command.ErrSyntax
	case len(args) == 4 && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return 0, false, command.ErrOutOfRange
	}
	return count, len(args) == 4, nil
}

// someOf returns count different members, or as many as there are, from the
// highest score down as Redis does; or -count members that may be the same.
func someOf(v *replay.View, z value.ZSet, count int64, scores bool) resp.Value {
	n := z.Len()
	switch {
	case n == 0:
		return reply(0, take(0, nil), scores)
	case count >= int64(n):
		return reply(n, z.Down(n-1), scores)
	case command.Streams(v, -count):
		return resp.Streamed(-count, scores, func() (resp.Value, resp.Value) {
			member, score := z.At(rand.IntN(n))
			return resp.Bulk(member), resp.Double(score)
		})
	case -count > command.MaxRepeats:
		return resp.Err(command.ErrTooLong)
	}
	var places []int
	if count >= 0 {
		places = command.Sample(n, int(count))
	} else {
		places = make([]int, -count)
		for i := range places {
			places[i] = rand.IntN(n)
		}
	}
	bytes := 0
	val := reply(len(places), func(yield func(string, float64) bool) {
		for _, i := range places {
			member, score := z.At(i)
			if bytes += len(member); bytes > command.MaxRepeated || !yield(member, score) {
				return
			}
		}
	}, scores)
	if bytes > command.MaxRepeated {
		return resp.Err(command.ErrTooLong)
	}
	return val
}
