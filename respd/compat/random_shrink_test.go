package compat_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// shrinkFor bounds how long a difference is shortened.
const shrinkFor = 40 * time.Second

// shrink returns the fewest turns of past it can find after which the servers,
// empty at first, still differ over the same command. When none does, because
// the difference depends on time or chance, it returns the latest turns about
// the same keys.
func shrink(t *testing.T, p *pair, past []turn, d *difference) []turn {
	near := about(past, d)
	until := time.Now().Add(shrinkFor)
	for _, tail := range [][]turn{last(near, 50), last(near, 1000), near, last(past, 1000), past} {
		if n := differsAt(t, p, tail, d); n > 0 {
			return minimal(t, p, slices.Clone(tail[:n]), d, until)
		}
	}
	return last(near, 20)
}

func last(turns []turn, n int) []turn { return turns[max(len(turns)-n, 0):] }

// about returns the turns that name one of the keys of d, and those without
// keys on which others depend.
func about(past []turn, d *difference) []turn {
	keys := d.keys
	for _, arg := range d.turn.req.args[1:] {
		if len(arg) == 2 && strings.Contains(kinds, arg[:1]) || slices.Contains(odd, arg) {
			keys = append(keys, arg)
		}
	}
	var out []turn
	for i, t := range past {
		if i == len(past)-1 || isFrame(t.req.args[0]) || slices.ContainsFunc(keys, func(k string) bool {
			return slices.Contains(t.req.args[1:], k)
		}) {
			out = append(out, t)
		}
	}
	return out
}

func isFrame(name string) bool {
	switch strings.ToUpper(name) {
	case "MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "RESET", "SELECT", "SWAPDB", "FLUSHDB", "FLUSHALL":
		return true
	}
	return false
}

// differsAt plays turns on empty servers and returns how many it took until
// they differed over the same command as d, or 0.
func differsAt(t *testing.T, p *pair, turns []turn, d *difference) int {
	p.reset(t)
	n, again := p.play(t, turns)
	if again == nil || !strings.EqualFold(again.name(), d.name()) {
		return 0
	}
	return n
}

// minimal leaves out pieces, smaller and smaller, as long as the difference
// stays.
func minimal(t *testing.T, p *pair, turns []turn, d *difference, until time.Time) []turn {
	for size := max(len(turns)/2, 1); ; size /= 2 {
		for i := 0; i < len(turns)-1; {
			if time.Now().After(until) {
				return turns
			}
			end := min(i+size, len(turns)-1)
			without := slices.Concat(turns[:i], turns[end:])
			if n := differsAt(t, p, without, d); n > 0 {
				turns = without[:n]
			} else {
				i += size
			}
		}
		if size <= 1 {
			return turns
		}
	}
}
