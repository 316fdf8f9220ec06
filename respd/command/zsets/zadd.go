package zsets

import (
	"math"

	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNotBoth resp.Error = "ERR XX and NX options at the same time are not compatible"
	errNotThat resp.Error = "ERR GT, LT, and/or NX options at the same time are not compatible"
	errOnePair resp.Error = "ERR INCR option supports a single increment-element pair"
	errNaN     resp.Error = "ERR resulting score is not a number (NaN)"
)

// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
func zadd() *command.Spec {
	return family.Write(command.Spec{
		Name: "zadd", Arity: -4, Flags: command.DenyOOM | command.Fast, KeyFlags: "RW update",
		Syntax: "<key> [NX|XX] [GT|LT] [CH] [INCR] <score> <member> [<score> <member> ...]",
		Since:  "1.2.0", Complexity: "O(log N) a member where N is the number of members",
		Summary: "Add members to a sorted set, or give them other scores.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		o, err := parseAdd(args)
		if err != nil {
			return resp.Value{}, err
		}
		return o.run(d, args[1])
	})
}

// ZINCRBY key increment member
func zincrby() *command.Spec {
	return family.Write(command.Spec{
		Name: "zincrby", Arity: 4, Flags: command.DenyOOM | command.Fast, KeyFlags: "RW access update",
		Syntax: "<key> <increment> <member>",
		Since:  "1.2.0", Complexity: logCost, Summary: "Add to the score of a member.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		o := adding{opts: incr}
		if err := o.parsePairs(args[2:]); err != nil {
			return resp.Value{}, err
		}
		return o.run(d, args[1])
	})
}

// adding is what a ZADD is to do.
type adding struct {
	opts command.OptionBits

	members []value.Scored
	one     [1]value.Scored // of members, which mostly are one

	added, changed int
	skipped        bool    // the last member was left as it is, by an option
	score          float64 // the last member's
}

// What the options of ZADD say. What contradicts what has errors of its own.
const (
	nx command.OptionBits = 1 << iota
	xx
	gt
	lt
	ch
	incr
)

var addOptions = command.Options[struct{}]{
	{Word: "NX", Says: nx}, {Word: "XX", Says: xx}, {Word: "GT", Says: gt}, {Word: "LT", Says: lt},
	{Word: "CH", Says: ch}, {Word: "INCR", Says: incr},
}

func parseAdd(args command.Args) (*adding, error) {
	var g command.Given[struct{}]
	i := 2
	for i < len(args) {
		if n, _ := addOptions.Take(args, i, &g); n == 0 {
			break
		}
		i++
	}
	o, pairs := &adding{opts: g.Bits}, args[i:]
	both := func(a, b command.OptionBits) bool { return o.opts.Has(a) && o.opts.Has(b) }
	switch {
	case len(pairs) == 0 || len(pairs)%2 != 0:
		return nil, command.ErrSyntax
	case both(nx, xx):
		return nil, errNotBoth
	case both(nx, gt|lt) || both(gt, lt):
		return nil, errNotThat
	case o.opts.Has(incr) && len(pairs) > 2:
		return nil, errOnePair
	}
	return o, o.parsePairs(pairs)
}

func (o *adding) parsePairs(pairs command.Args) error {
	o.members = o.one[:0]
	if len(pairs) > 2 {
		o.members = make([]value.Scored, 0, len(pairs)/2)
	}
	for i := 0; i < len(pairs); i += 2 {
		score, err := pairs.Float(i)
		if err != nil {
			return err
		}
		o.members = append(o.members, value.Scored{Member: pairs[i+1], Score: score})
	}
	return nil
}

func (o *adding) run(d *replay.Draft, key []byte) (resp.Value, error) {
	z, err := d.ZSet(key)
	if err != nil {
		return resp.Value{}, err
	}
	todo, err := o.choose(z)
	if err != nil {
		return resp.Value{}, err
	}
	if err = d.SetScores(key, todo); err != nil {
		return resp.Value{}, err
	}
	switch {
	case len(todo) == 0:
	case o.opts.Has(incr):
		d.Notify(events.ZSet, "zincr", key)
	default:
		d.Notify(events.ZSet, "zadd", key)
	}
	switch {
	case o.opts.Has(incr) && o.skipped:
		return resp.Nil, nil
	case o.opts.Has(incr):
		return resp.Double(o.score), nil
	case o.opts.Has(ch):
		return resp.Int(int64(o.added + o.changed)), nil
	}
	return resp.Int(int64(o.added)), nil
}

// choose counts the members that are new and those that get another score, and
// returns both with the scores that they end up with. It uses the space of
// members.
func (o *adding) choose(z value.ZSet) ([]value.Scored, error) {
	todo, growth := o.members[:0], z.Growth()
	var again map[string]int // places in todo
	if len(o.members) > 1 {
		again = make(map[string]int, len(o.members))
	}
	for _, m := range o.members {
		old, there := z.Score(m.Member)
		at, twice := again[string(m.Member)]
		if twice {
			old, there = todo[at].Score, true
		}
		score, err := o.scoreOf(m.Score, old, there)
		if err != nil {
			return nil, err
		}
		if o.skipped || there && score == old {
			continue
		}
		if there {
			o.changed++
		} else {
			o.added++
			growth.Add(len(m.Member))
		}
		m.Score = growth.Kept(score)
		if twice {
			todo[at] = m
			continue
		}
		if again != nil {
			again[string(m.Member)] = len(todo)
		}
		todo = append(todo, m)
	}
	return todo, nil
}

// scoreOf returns the score that a member gets, and sees whether an option
// keeps it from getting it.
func (o *adding) scoreOf(score, old float64, there bool) (float64, error) {
	o.skipped = there && o.opts.Has(nx) || !there && o.opts.Has(xx)
	if o.skipped {
		return 0, nil
	}
	if there && o.opts.Has(incr) {
		if score += old; math.IsNaN(score) {
			return 0, errNaN
		}
	}
	o.skipped = there && (o.opts.Has(lt) && score >= old || o.opts.Has(gt) && score <= old)
	o.score = score
	return score, nil
}

// ZREM key member [member ...]
func zrem() *command.Spec {
	return family.Write(command.Spec{
		Name: "zrem", Arity: -3, Flags: command.Fast, KeyFlags: "RW delete",
		Syntax: "<key> <member> [<member> ...]",
		Since:  "1.2.0", Complexity: "O(log N) a member where N is the number of members",
		Summary: "Remove members from a sorted set.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		n, err := d.RemoveScored(args[1], args[2:])
		if n > 0 {
			lost(d, "zrem", args[1])
		}
		return resp.Int(int64(n)), err
	})
}
