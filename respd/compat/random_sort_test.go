package compat_test

import (
	"strings"

	"ledge/respd/resp"
)

func sortEntries() []entry {
	return []entry{
		{"sort", 6, func(g *gen) request { return g.sort("SORT") }},
		{"sort_ro", 3, func(g *gen) request { return g.sort("SORT_RO") }},
	}
}

func (g *gen) sort(name string) request {
	key := g.key(g.pick("l", "l", "t", "z", "h"))
	if g.chance(50) {
		return g.sortNumbers(name, key)
	}
	out := []string{name, key}
	by := g.maybe(35, g.word("BY"), g.sortPattern())
	get := g.sortGets()
	store := by == nil && g.chance(25)
	limited := (by == nil && get == nil || store) && g.chance(30)
	if limited {
		out = append(out, g.word("LIMIT"), g.index(), g.index())
	}
	out = cat(out, by, get, g.maybe(30, g.word(g.pick("ASC", "DESC"))), g.word("ALPHA"))
	switch {
	case store:
		return ofCopy(g, append(out, g.word("STORE"), g.key("l")), nil)
	case by != nil || get != nil:
		return ofCopy(g, out, unordered) // what weighs the same is in no order
	}
	return ofCopy(g, cat(out, g.maybe(1, "junk")), collated)
}

// ofCopy sorts a copy of the key, because Redis gives a sorted set that was
// sorted once the large form, in which 0 has a sign; ledge does not keep that.
func ofCopy(g *gen, args []string, same rule) request {
	return special(g, args, func(b *both) error {
		const sorted = "sorting"
		b.do("COPY", args[1], sorted, "REPLACE")
		// Redis forgets to clear errno before it reads numbers, so that one out of
		// range in a command long done fails it; a good one just before does that.
		b.one(0, "GEORADIUS_RO", "(none)", "0", "0", "1", "km")
		defer b.do("DEL", sorted)
		return b.equal(same, cat(args[0], sorted, args[2:])...)
	})
}

// sortNumbers sorts by numbers.
func (g *gen) sortNumbers(name, key string) request {
	by := g.maybe(35, g.word("BY"), g.sortPattern())
	limit := g.maybe(30, g.word("LIMIT"), g.index(), g.index())
	var same rule
	if by != nil && !strings.Contains(by[1], "*") {
		same, limit = unordered, nil // it isn't sorted at all
	}
	args := cat(name, key, by, limit, g.sortGets(), g.maybe(30, g.word(g.pick("ASC", "DESC"))))
	if same == nil && g.chance(25) {
		args = append(args, g.word("STORE"), g.key("l"))
	}
	return ofCopy(g, args, same)
}

func (g *gen) sortPattern() string {
	return g.pick("n*", "*_none", "h*->m1", "nosort", "s*", "h0->*", "*", "")
}

func (g *gen) sortGets() []string {
	var out []string
	for range g.rnd.IntN(3) * g.rnd.IntN(2) {
		out = append(out, g.word("GET"), g.pick("#", "n*", "h*->m2", "s*", "x", "*", ""))
	}
	return out
}

// collated is for texts that are sorted as C compares them, up to a zero byte:
// those that are the same up to there are in no order.
func collated(_ *link, want, got resp.Value) bool {
	if got.Equal(want) {
		return true
	}
	if !sameShape(want, got) {
		return false
	}
	for i, w := range want.Elems() {
		a, _, _ := strings.Cut(w.Str(), "\x00")
		b, _, _ := strings.Cut(got.Elems()[i].Str(), "\x00")
		if a != b {
			return false
		}
	}
	return true
}
