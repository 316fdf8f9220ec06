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

const (
	errWeight resp.Error = "ERR weight value is not a float"
	errLimit  resp.Error = "ERR LIMIT can't be negative"
)

// algebra is a command on several sources.
type algebra struct {
	srcs   []source
	of     aggregate
	scores bool
	limit  int64 // of ZINTERCARD; 0 is none
}

// takesOptions says which options a command of several sources has.
type takesOptions struct{ weights, scores, limit bool }

// parseAlgebra reads what begins with the number of keys at argument at. Keys
// of another type are found before what is wrong with the options.
func parseAlgebra(
	v *replay.View, name string, args command.Args, at int, has takesOptions,
) (*algebra, error) {
	n, err := args.Int(at)
	switch {
	case err != nil:
		return nil, err
	case n < 1:
		return nil, resp.Error(fmt.Sprintf("ERR at least 1 input key is needed for '%s' command", name))
	case n > int64(len(args)-at-1):
		return nil, command.ErrSyntax
	}
	keys, opts := args[at+1:at+1+int(n)], args[at+1+int(n):]
	a := &algebra{of: aggregateSum}
	if a.srcs, err = sources(v, keys); err != nil {
		return nil, err
	}
	for len(opts) > 0 {
		taken, err := a.option(opts, has)
		if err != nil {
			return nil, err
		}
		opts = opts[taken:]
	}
	return a, nil
}

// option reads the option that opts begin with.
func (a *algebra) option(opts command.Args, has takesOptions) (taken int, err error) {
	switch {
	case has.weights && len(opts) > len(a.srcs) && opts.Is(0, "WEIGHTS"):
		for i := range a.srcs {
			var ok bool
			if a.srcs[i].weight, ok = number.ParseFloat(opts[1+i]); !ok {
				return 0, errWeight
			}
		}
		return 1 + len(a.srcs), nil
	case has.weights && len(opts) > 1 && opts.Is(0, "AGGREGATE"):
		switch {
		case opts.Is(1, "SUM"):
			a.of = aggregateSum
		case opts.Is(1, "MIN"):
			a.of = aggregateMin
		case opts.Is(1, "MAX"):
			a.of = aggregateMax
		default:
			return 0, command.ErrSyntax
		}
		return 2, nil
	case has.scores && opts.Is(0, "WITHSCORES"):
		a.scores = true
		return 1, nil
	case has.limit && len(opts) > 1 && opts.Is(0, "LIMIT"):
		var ok bool
		if a.limit, ok = number.ParseInt(opts[1]); !ok || a.limit < 0 {
			return 0, errLimit
		}
		return 2, nil
	}
	return 0, command.ErrSyntax
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
	has := takesOptions{weights: options != "", scores: true}
	return family.Read(command.Spec{
		Name: name, Arity: -3, NumKeys: 1, Flags: command.Big,
		Syntax: "<numkeys> <key> [<key> ...]" + options + " [WITHSCORES]",
		Since:  "6.2.0", Complexity: cost, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		a, err := parseAlgebra(v, name, args, 1, has)
		if err != nil {
			return resp.FromError(err)
		}
		members := ranked(of(a))
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
		a, err := parseAlgebra(&d.View, name, args, 2, takesOptions{weights: options != ""})
		if err != nil {
			return resp.Value{}, err
		}
		return store(d, name, args[1], ranked(of(a)))
	})
}

// ZINTERCARD numkeys key [key ...] [LIMIT limit]
func zintercard() *command.Spec {
	return family.Read(command.Spec{
		Name: "zintercard", Arity: -3, NumKeys: 1, Flags: command.Big,
		Syntax: "<numkeys> <key> [<key> ...] [LIMIT <limit>]",
		Since:  "7.0.0", Complexity: interCost, Summary: "Count the members that all keys have.",
	}, func(v *replay.View, args command.Args) resp.Value {
		a, err := parseAlgebra(v, "zintercard", args, 1, takesOptions{limit: true})
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
