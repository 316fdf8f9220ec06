package geos

import (
	"ledge/replay"
	"ledge/replay/events"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
func geoadd() *command.Spec {
	return family.Write(command.Spec{
		Name: "geoadd", Arity: -5, KeyFlags: "RW update",
		Syntax: "<key> [NX | XX] [CH] <longitude> <latitude> <member> [...]", Since: "3.2.0",
		Complexity: "O(log(N)) for each member, where N is the size of the set",
		Summary:    "Add places, or move them.",
	}, runGeoadd)
}

func runGeoadd(d *replay.Draft, args command.Args) (resp.Value, error) {
	var g command.Given[struct{}]
	i := 2
	for i < len(args) {
		if n, _ := addOptions.Take(args, i, &g); n == 0 {
			break
		}
		i++
	}
	nx, xx := g.Bits.Has(ifNone), g.Bits.Has(ifThere)
	if i == len(args) || (len(args)-i)%3 != 0 || nx && xx {
		return resp.Value{}, command.ErrSyntax
	}
	places := make([]value.Scored, 0, (len(args)-i)/3)
	for ; i < len(args); i += 3 {
		p, err := parsePoint(args, i)
		if err != nil {
			return resp.Value{}, err
		}
		places = append(places, value.Scored{Member: args[i+2], Score: float64(scoreOf(p))})
	}
	added, moved, err := place(d, args[1], places, nx, xx)
	if err != nil {
		return resp.Value{}, err
	}
	if g.Bits.Has(countChanged) {
		added += moved
	}
	return resp.Int(int64(added)), nil
}

// What the options of GEOADD say.
const (
	ifNone command.OptionBits = 1 << iota
	ifThere
	countChanged
)

var addOptions = command.Options[struct{}]{
	{Word: "NX", Says: ifNone}, {Word: "XX", Says: ifThere}, {Word: "CH", Says: countChanged},
}

// place gives members their scores, with nx only those that are not there yet
// and with xx only those that are, and returns how many it added and changed.
func place(d *replay.Draft, key []byte, places []value.Scored, nx, xx bool) (
	added, moved int, err error,
) {
	z, err := d.ZSet(key)
	if err != nil {
		return 0, 0, err
	}
	var todo []value.Scored
	again := make(map[string]int, len(places)) // places in todo
	for _, p := range places {
		at, twice := again[string(p.Member)]
		old, there := z.Score(p.Member)
		if twice {
			old, there = todo[at].Score, true
		}
		switch {
		case there && nx, !there && xx, there && old == p.Score:
			continue
		case there:
			moved++
		default:
			added++
		}
		if twice {
			todo[at].Score = p.Score
			continue
		}
		again[string(p.Member)] = len(todo)
		todo = append(todo, p)
	}
	if len(todo) == 0 {
		return 0, 0, nil
	}
	if err := d.SetScores(key, todo); err != nil {
		return 0, 0, err
	}
	d.Notify(events.ZSet, "zadd", key)
	return added, moved, nil
}
