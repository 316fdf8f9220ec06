package compat_test

import "strings"

func sortEntries() []entry {
	return []entry{
		{"sort", 6, func(g *gen) request { return g.sort("SORT") }},
		{"sort_ro", 3, func(g *gen) request { return g.sort("SORT_RO") }},
	}
}

func (g *gen) sort(name string) request {
	key := g.key(g.pick("l", "l", "t", "z", "h"))
	var same rule
	var by []string
	alpha := g.maybe(50, g.word("ALPHA"))
	loose := false // the order, or which elements a limit leaves, is not laid down
	if g.chance(35) {
		pattern := g.pick("n*", "*_none", "h*->m1", "nosort", "s*", "h0->*", "*", "")
		by = []string{g.word("BY"), pattern}
		// Elements of equal weight are in no order when weights are texts, nor
		// are those of a set that isn't sorted.
		loose = true
		if strings.Contains(pattern, "*") && alpha == nil {
			loose = false
		}
	}
	out := cat(name, key, by)
	if loose {
		same = unordered
	} else {
		out = cat(out, g.maybe(30, g.word("LIMIT"), g.index(), g.index()))
	}
	for range g.rnd.IntN(3) * g.rnd.IntN(2) {
		out = append(out, g.word("GET"), g.pick("#", "n*", "h*->m2", "s*", "x", "*", ""))
	}
	out = cat(out, g.maybe(30, g.word(g.pick("ASC", "DESC"))), alpha)
	if !loose && g.chance(25) {
		out = append(out, g.word("STORE"), g.key("l"))
	}
	return request{args: append(out, g.maybe(1, "junk")...), same: same, keep: keepValues}
}
