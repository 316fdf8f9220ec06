package compat_test

import (
	"strconv"
)

func setEntries() []entry {
	members := func(g *gen) []string {
		k := g.key("t")
		return cat(k, g.list(1, func() string { return g.setMember(k) }))
	}
	algebra := func(name string) []entry {
		return []entry{
			ruled(name, 3, unordered, keepNothing, func(g *gen) []string { return g.keys("t") }),
			plain(name+"store", 2, func(g *gen) []string { return cat(g.key("t"), g.keys("t")) }),
		}
	}
	out := []entry{
		plain("sadd", 16, func(g *gen) []string {
			k := g.key("t")
			out := []string{k}
			for range g.many(k) {
				out = append(out, g.setMember(k))
			}
			return out
		}),
		plain("srem", 5, members),
		plain("scard", 3, func(g *gen) []string { return []string{g.key("t")} }),
		plain("sismember", 3, func(g *gen) []string { return members(g)[:2] }),
		plain("smismember", 3, members),
		wholeOf("smembers", "t", "intset", unordered),
		plain("smove", 3, func(g *gen) []string {
			from := g.key("t")
			return []string{from, g.key("t"), g.setMember(from)}
		}),
		plain("sintercard", 3, func(g *gen) []string {
			keys := g.keys("t")
			return cat(numkeys(g, len(keys)), keys, g.maybe(40, g.word("LIMIT"), g.count()), g.maybe(2, "junk"))
		}),
		ruled("spop", 1, unordered, keepAll, func(g *gen) []string {
			return []string{g.key("t"), g.pick("0", "-1", "x", "", "100000", "9223372036854775807", "9223372036854775808")}
		}),
		{"spop", 3, popped},
		{"srandmember", 2, func(g *gen) request { return drawn(g, "SRANDMEMBER", g.key("t"), "", wholeSet) }},
		ruled("srandmember", 1, unordered, keepAll, func(g *gen) []string {
			return []string{g.key("t"), g.pick("0", "x", "", "100000", "9223372036854775807", "-9223372036854775808")}
		}),
	}
	for _, name := range []string{"sinter", "sunion", "sdiff"} {
		out = append(out, algebra(name)...)
	}
	return out
}

// setMember draws a member; some sets are mostly of integers.
func (g *gen) setMember(key string) string {
	if key != "" && (key[len(key)-1]-'0')%2 == 0 && !g.chance(2) {
		n := 12
		if isBig(key) {
			n = 900
		}
		return strconv.Itoa(g.rnd.IntN(n) - 5)
	}
	return g.member(key)
}

// numkeys draws the number of keys that follow, which is mostly right.
func numkeys(g *gen, n int) string {
	if g.chance(6) {
		return g.pick("0", "-1", "x", "", "100", "9223372036854775807", strconv.Itoa(n+1), strconv.Itoa(n-1))
	}
	return strconv.Itoa(n)
}
