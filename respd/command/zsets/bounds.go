package zsets

import (
	"bytes"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errScoreRange resp.Error = "ERR min or max is not a float"
	errLexRange   resp.Error = "ERR min or max not valid string range item"
)

// order says what the ends of a range are.
type order uint8

const (
	anyOrder order = iota // not said yet
	byRank
	byScore
	byLex
)

// bounds are the ends of a range of a sorted set, as the client gave them.
type bounds struct {
	by          order
	first, last int64 // ranks; below 0 they count from the end
	min, max    scoreBound
	from, to    lexBound
}

// scoreBound is an end of a range of scores.
type scoreBound struct {
	score float64
	open  bool // the score itself is not in the range
}

// lexBound is an end of a range of names.
type lexBound struct {
	name []byte
	open bool
	all  int8 // before all names, or after all of them
}

// parseBounds reads the ends of a range, the lower first.
func parseBounds(by order, low, high []byte) (b bounds, err error) {
	b.by = by
	switch by {
	case byScore:
		var ok1, ok2 bool
		b.min, ok1 = parseScoreBound(low)
		b.max, ok2 = parseScoreBound(high)
		if !ok1 || !ok2 {
			err = errScoreRange
		}
	case byLex:
		var ok1, ok2 bool
		b.from, ok1 = parseLexBound(low)
		b.to, ok2 = parseLexBound(high)
		if !ok1 || !ok2 {
			err = errLexRange
		}
	default:
		ranks := command.Args{low, high}
		if b.first, err = ranks.Int(0); err == nil {
			b.last, err = ranks.Int(1)
		}
	}
	return b, err
}

// parseScoreBound reads what strtod would: up to a zero byte, after any
// spaces. Nothing at all is 0, as it is to strtod.
func parseScoreBound(text []byte) (b scoreBound, ok bool) {
	if len(text) > 0 && text[0] == '(' {
		b.open, text = true, text[1:]
	}
	if end := bytes.IndexByte(text, 0); end >= 0 {
		text = text[:end]
	}
	if len(text) == 0 {
		return b, true
	}
	b.score, ok = number.ParseFloatRounded(bytes.TrimLeft(text, " \t\n\v\f\r"))
	return b, ok
}

func parseLexBound(text []byte) (lexBound, bool) {
	if len(text) == 0 {
		return lexBound{}, false
	}
	alone := len(text) == 1 || text[1] == 0
	switch text[0] {
	case '-':
		return lexBound{all: -1}, alone
	case '+':
		return lexBound{all: 1}, alone
	case '(':
		return lexBound{name: text[1:], open: true}, true
	case '[':
		return lexBound{name: text[1:]}, true
	}
	return lexBound{}, false
}

// window returns the ranks of the range: from lo up to but without hi, which is
// not less than lo.
func (b *bounds) window(z value.ZSet) (lo, hi int) {
	switch b.by {
	case byScore:
		lo, hi = z.Index(b.min.score, b.min.open), z.Index(b.max.score, !b.max.open)
	case byLex:
		lo, hi = b.from.index(z, b.from.open), b.to.index(z, !b.to.open)
	default:
		return ranks(b.first, b.last, z.Len())
	}
	return lo, max(lo, hi)
}

// index returns how many members are before the bound, those of its name
// among them or not.
func (b *lexBound) index(z value.ZSet, after bool) int {
	switch b.all {
	case -1:
		return 0
	case 1:
		return z.Len()
	}
	return z.IndexLex(b.name, after)
}

// ranks returns the window from one rank to another, both in it, of n members.
func ranks(first, last int64, n int) (lo, hi int) {
	size := int64(n)
	if first < 0 {
		first = max(0, first+size)
	}
	if last < 0 {
		last += size
	}
	last = min(last, size-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}

// ZCOUNT key min max
func zcount() *command.Spec {
	return counting("zcount", "2.0.0", "Count the members whose scores are in a range.", byScore)
}

// ZLEXCOUNT key min max
func zlexcount() *command.Spec {
	return counting("zlexcount", "2.8.9", "Count the members in a range of names.", byLex)
}

func counting(name, since, summary string, by order) *command.Spec {
	return family.Read(command.Spec{
		Name: name, Arity: 4, Flags: command.Fast, Syntax: "<key> <min> <max>",
		Since: since, Complexity: logCost, Summary: summary,
	}, func(v *replay.View, args command.Args) resp.Value {
		b, err := parseBounds(by, args[2], args[3])
		if err != nil {
			return resp.FromError(err)
		}
		z, err := v.ZSet(args[1])
		if err != nil {
			return resp.FromError(err)
		}
		lo, hi := b.window(z)
		return resp.Int(int64(hi - lo))
	})
}
