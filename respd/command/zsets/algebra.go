package zsets

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const errWeight resp.Error = "ERR weight value is not a float"

// algebra is a command on several sources.
type algebra struct {
	srcs   []source
	of     aggregate
	scores bool
	limit  int64 // of ZINTERCARD; 0 is none
}

// The options of commands on several sources.
var (
	aggregateWord = command.Option[algebra]{Word: "AGGREGATE", Takes: 1, Read: func(a algebra, vals command.Args) (_ algebra, err error) {
		a.of, err = parseAggregate(vals)
		return a, err
	}}
	scoresWord = command.Option[algebra]{Word: "WITHSCORES", Read: func(a algebra, _ command.Args) (algebra, error) {
		a.scores = true
		return a, nil
	}}
	limitWord = command.Option[algebra]{Word: "LIMIT", Takes: 1, Read: func(a algebra, vals command.Args) (_ algebra, err error) {
		a.limit, err = command.ParseLimit(vals[0])
		return a, err
	}}
)

// weightsWord is WEIGHTS for so many keys.
func weightsWord(keys int) command.Option[algebra] {
	return command.Option[algebra]{Word: "WEIGHTS", Takes: keys, Read: func(a algebra, vals command.Args) (algebra, error) {
		for i := range a.srcs {
			var ok bool
			if a.srcs[i].weight, ok = number.ParseFloat(vals[i]); !ok {
				return a, errWeight
			}
		}
		return a, nil
	}}
}

func parseAggregate(args command.Args) (aggregate, error) {
	switch {
	case args.Is(0, "SUM"):
		return aggregateSum, nil
	case args.Is(0, "MIN"):
		return aggregateMin, nil
	case args.Is(0, "MAX"):
		return aggregateMax, nil
	}
	return aggregateSum, command.ErrSyntax
}

// parseAlgebra reads what begins with the number of keys at argument at. Commands
// that combine scores have weights and an aggregate beside the given options. Keys of
// another type are found before what is wrong with the options.
func parseAlgebra(
	v *replay.View, name string, args command.Args, at int, combines bool, words ...command.Option[algebra],
) (algebra, error) {
	a := algebra{of: aggregateSum}
	n, err := args.Int(at)
	switch {
	case err != nil:
		return a, err
	case n < 1:
		return a, resp.Error(fmt.Sprintf("ERR at least 1 input key is needed for '%s' command", name))
	case n > int64(len(args)-at-1):
		return a, command.ErrSyntax
	}
	keys, opts := args[at+1:at+1+int(n)], args[at+1+int(n):]
	if a.srcs, err = sources(v, keys); err != nil {
		return a, err
	}
	if combines {
		words = append(words, weightsWord(len(keys)), aggregateWord)
	}
	given, err := command.Options[algebra](words).Parse(opts, a)
	return given.Value, err
}

// ranked puts members in the order of a sorted set.
func ranked(found iter.Seq2[string, float64]) []journal.Scored {
	var members []journal.Scored
	for member, score := range found {
		members = append(members, journal.Scored{Member: member, Score: score})
	}
	slices.SortFunc(members, func(a, b journal.Scored) int {
		return cmp.Or(cmp.Compare(a.Score, b.Score), strings.Compare(a.Member, b.Member))
	})
	return members
}

// making is how a command makes a sorted set of others.
type making func(*algebra) iter.Seq2[string, float64]

func makeUnion(a *algebra) iter.Seq2[string, float64]        { return maps.All(union(a.srcs, a.of)) }
func makeIntersection(a *algebra) iter.Seq2[string, float64] { return intersection(a.srcs, a.of) }
func makeDifference(a *algebra) iter.Seq2[string, float64]   { return maps.All(difference(a.srcs)) }

const (
	unionCost = "O(N log N) where N is the number of members of all keys"
	interCost = "O(N·K log N) where N is the size of the smallest key and K the number of keys"
	diffCost  = "O(N log N) where N is the number of members of all keys"

	weighted = " [WEIGHTS <weight> ...] [AGGREGATE SUM|MIN|MAX]"
)

// ZUNION numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
func zunion() *command.Spec {
	return answering("zunion", weighted, unionCost,
		"Return the members that any of the keys has.", makeUnion)
}

// ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
func zinter() *command.Spec {
	return answering("zinter", weighted, interCost,
		"Return the members that all keys have.", makeIntersection)
}

// ZDIFF numkeys key [key ...] [WITHSCORES]
func zdiff() *command.Spec {
	return answering("zdiff", "", diffCost,
		"Return the members of the first key that the others don't have.", makeDifference)
}

// answering returns a row that answers with a sorted set made of others.
func answering(name, options, cost, summary string, of making) *command.Spec {
	return family.Read(command.Spec{
		Name: name, Arity: -3, NumKeys: 1, Flags: command.Big,
		Syntax: "<numkeys> <key> [<key> ...]" + options + " [WITHSCORES]",
		Since:  "6.2.0", Complexity: cost, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		a, err := parseAlgebra(v, name, args, 1, options != "", scoresWord)
		if err != nil {
			return resp.FromError(err)
		}
		members := ranked(of(&a))
		return reply(len(members), func(yield func(string, float64) bool) {
			for i := range members {
				if !yield(members[i].Member, members[i].Score) {
					return
				}
			}
		}, a.scores)
	})
}

// ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX]
func zunionstore() *command.Spec {
	return storing("zunionstore", "2.0.0", weighted, unionCost,
		"Store the members that any of the keys has.", makeUnion)
}

// ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX]
func zinterstore() *command.Spec {
	return storing("zinterstore", "2.0.0", weighted, interCost,
		"Store the members that all keys have.", makeIntersection)
}

// ZDIFFSTORE destination numkeys key [key ...]
func zdiffstore() *command.Spec {
	return storing("zdiffstore", "6.2.0", "", diffCost,
		"Store the members of the first key that the others don't have.", makeDifference)
}

// storing returns a row that stores a sorted set made of others. The event has
// the command's name.
func storing(name, since, options, cost, summary string, of making) *command.Spec {
	return family.Write(command.Spec{
		Name: name, Arity: -4, Keys: command.OneKey, NumKeys: 2, Flags: command.DenyOOM,
		KeyFlags: "OW update;RO access",
		Syntax:   "<destination> <numkeys> <key> [<key> ...]" + options,
		Since:    since, Complexity: cost, Summary: summary,
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		a, err := parseAlgebra(&d.View, name, args, 2, options != "")
		if err != nil {
			return resp.Value{}, err
		}
		return store(d, name, args[1], ranked(of(&a)))
	})
}

// ZINTERCARD numkeys key [key ...] [LIMIT limit]
func zintercard() *command.Spec {
	return family.Read(command.Spec{
		Name: "zintercard", Arity: -3, NumKeys: 1, Flags: command.Big,
		Syntax: "<numkeys> <key> [<key> ...] [LIMIT <limit>]",
		Since:  "7.0.0", Complexity: interCost, Summary: "Count the members that all keys have.",
	}, func(v *replay.View, args command.Args) resp.Value {
		a, err := parseAlgebra(v, "zintercard", args, 1, false, limitWord)
		if err != nil {
			return resp.FromError(err)
		}
		count := int64(0)
		for range intersection(a.srcs, a.of) {
			if count++; count == a.limit {
				break
			}
		}
		return resp.Int(count)
	})
}
