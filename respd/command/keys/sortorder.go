package keys

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"ledge/replay"
	"ledge/replay/value"
	"ledge/respd/command"
	"ledge/respd/number"
)

// sortable is an element with what it is sorted by.
type sortable struct {
	elem, by string
	there    bool // whether there is anything to sort by
	place    int32
	score    float64
}

// sortElems returns the elements that key holds, in order and within the limit.
// They are strings of the state.
func sortElems(v *replay.View, key []byte, o sortOptions) ([]string, error) {
	elems, err := elemsOf(v, key, o)
	if err != nil {
		return nil, err
	}
	if o.still && (o.store != nil || v.Scripted) && v.Type(key) == value.SetType {
		// What is stored, and what a script makes of it, must not depend on
		// how a set is kept.
		o.still, o.alpha, o.by = false, true, nil
	}
	if !o.still {
		if err := o.sort(v, elems); err != nil {
			return nil, err
		}
	}
	n := int64(len(elems))
	first := min(max(o.offset, 0), n)
	if o.count < 0 || o.count > n-first {
		return elems[first:], nil
	}
	return elems[first : first+o.count], nil
}

// elemsOf returns the elements as they stand in what key holds; backwards, if
// they have an order and are wanted to keep it in descending order.
func elemsOf(v *replay.View, key []byte, o sortOptions) ([]string, error) {
	var elems []string
	switch v.Type(key) {
	case value.None:
	case value.ListType:
		l, _ := v.List(key)
		elems = slices.AppendSeq(make([]string, 0, l.Len()), l.From(0))
	case value.SetType:
		s, _ := v.Set(key)
		elems = slices.AppendSeq(make([]string, 0, s.Len()), s.All())
		if !s.Wide() { // integers, which Redis keeps in order
			slices.SortFunc(elems, func(a, b string) int {
				x, _ := number.ParseInt(a)
				y, _ := number.ParseInt(b)
				return cmp.Compare(x, y)
			})
		}
		return elems, nil
	case value.ZSetType:
		z, _ := v.ZSet(key)
		elems = make([]string, 0, z.Len())
		for m := range z.From(0) {
			elems = append(elems, m)
		}
	default:
		return nil, command.ErrWrongType
	}
	if o.still && o.desc {
		slices.Reverse(elems)
	}
	return elems, nil
}

// sort puts elems in order. What has nothing to be sorted by counts as 0, or as
// before all texts.
func (o *sortOptions) sort(v *replay.View, elems []string) error {
	all := make([]sortable, len(elems))
	for i, e := range elems {
		s := sortable{elem: e, by: e, there: true, place: int32(i)}
		if o.by != nil {
			s.by, s.there = o.by.get(v, e)
		}
		switch {
		case o.alpha && o.store == nil:
			s.by, _, _ = strings.Cut(s.by, "\x00") // Redis compares with strcoll
		case s.there && !o.alpha:
			ok := false
			if s.score, ok = parseScore(s.by); !ok {
				return errNotScore
			}
		}
		all[i] = s
	}
	compare := byScore
	if o.alpha {
		compare = byText
	}
	if o.desc {
		up := compare
		compare = func(a, b sortable) int { return up(b, a) }
	}
	// Redis leaves open which of two equal ones comes first; its sort is
	// stable as long as there is memory.
	slices.SortFunc(all, func(a, b sortable) int {
		if c := compare(a, b); c != 0 {
			return c
		}
		return cmp.Compare(a.place, b.place)
	})
	for i := range all {
		elems[i] = all[i].elem
	}
	return nil
}

func byScore(a, b sortable) int {
	if c := cmp.Compare(a.score, b.score); c != 0 {
		return c
	}
	return strings.Compare(a.elem, b.elem)
}

func byText(a, b sortable) int {
	switch {
	case a.there && b.there:
		return strings.Compare(a.by, b.by)
	case a.there:
		return 1
	case b.there:
		return -1
	}
	return 0
}

// parseScore reads a number as C's strtod does, up to the first zero byte.
// Nothing at all is 0.
func parseScore(s string) (float64, bool) {
	if n, ok := number.ParseInt(bytesOf(s)); ok && -exactInt < n && n < exactInt {
		return float64(n), true
	}
	s, _, _ = strings.Cut(s, "\x00")
	if s == "" {
		return 0, true
	}
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	digits := strings.TrimLeft(strings.ToLower(s), "+-")
	mantissa, _, _ := strings.Cut(digits, "e")
	if strings.HasPrefix(digits, "0x") {
		var exp bool
		if mantissa, _, exp = strings.Cut(digits[2:], "p"); !exp {
			s += "p0" // C does without
		}
	}
	f, ok := number.ParseFloat([]byte(s))
	if ok && math.Abs(f) < minNormal && strings.ContainsAny(mantissa, "123456789abcdef") {
		return 0, false // out of range, as strtod finds
	}
	return f, ok
}

// exactInt bounds the integers that all are numbers with a point, too.
const exactInt = 1 << 53

// minNormal is the smallest number that has all its digits.
const minNormal = 0x1p-1022
