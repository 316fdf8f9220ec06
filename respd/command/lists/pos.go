package lists

import (
	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errRank resp.Error = "ERR RANK can't be zero: use 1 to start from the first match, " +
		"2 from the second ... or use negative to start from the end of the list"
	errCount  resp.Error = "ERR COUNT can't be negative"
	errMaxLen resp.Error = "ERR MAXLEN can't be negative"
)

// LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]
func lpos() *command.Spec {
	return family.Read(command.Spec{
		Name: "lpos", Arity: -3, Flags: command.Big,
		Syntax: "<key> <element> [RANK <rank>] [COUNT <num-matches>] [MAXLEN <len>]",
		Since:  "6.0.6", Complexity: "O(N) where N is how many items are compared",
		Summary: "Find the places of items that are equal to a value.",
	}, runLpos)
}

// search is the options of LPOS.
type search struct {
	rank   int64 // of the first match to return
	back   bool  // from the end
	many   bool  // COUNT was given
	count  int64 // matches to return; 0 is all
	maxLen int64 // items to compare; 0 is all
}

func runLpos(v *replay.View, args command.Args) resp.Value {
	o, err := parseLpos(args)
	if err != nil {
		return resp.FromError(err)
	}
	l, err := v.List(args[1])
	if err != nil {
		return resp.FromError(err)
	}
	found := o.matches(l, args[2])
	switch {
	case o.many:
		return resp.Array(found...)
	case len(found) == 0:
		return resp.Nil
	}
	return found[0]
}

var lposOptions = command.Options[search]{
	{Word: "RANK", Takes: 1, Read: func(o search, vals command.Args) (_ search, err error) {
		if o.rank, err = vals.Int(0); err == nil && o.rank == 0 {
			err = errRank
		}
		return o, err
	}},
	{Word: "COUNT", Takes: 1, Read: func(o search, vals command.Args) (_ search, err error) {
		o.many = true
		o.count, err = natural(vals[0], errCount)
		return o, err
	}},
	{Word: "MAXLEN", Takes: 1, Read: func(o search, vals command.Args) (_ search, err error) {
		o.maxLen, err = natural(vals[0], errMaxLen)
		return o, err
	}},
}

func parseLpos(args command.Args) (search, error) {
	g, err := lposOptions.Parse(args[3:], search{rank: 1})
	o := g.Value
	if o.rank < 0 {
		o.rank, o.back = -o.rank, true
	}
	return o, err
}

// natural reads a number that is not negative.
func natural(arg []byte, bad error) (int64, error) {
	n, ok := number.ParseInt(arg)
	if !ok || n < 0 {
		return 0, bad
	}
	return n, nil
}

// matches returns the places that are looked for.
func (o *search) matches(l value.List, want []byte) []resp.Value {
	var found []resp.Value
	size := int64(l.Len())
	walk := l.From(0)
	if o.back {
		walk = l.Down(l.Len() - 1)
	}
	i, seen := int64(0), int64(0)
	for item := range walk {
		if o.maxLen != 0 && i == o.maxLen {
			break
		}
		at := i
		if o.back {
			at = size - 1 - i
		}
		i++
		if item != string(want) {
			continue
		}
		if seen++; seen < o.rank {
			continue
		}
		found = append(found, resp.Int(at))
		if !o.many || int64(len(found)) == o.count {
			break
		}
	}
	return found
}
