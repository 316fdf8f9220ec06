package compat_test

import "strconv"

func hllEntries() []entry {
	// Elements of few sizes: of many, for the dense form, and of few.
	element := func(g *gen) string {
		if g.chance(5) {
			return g.value()
		}
		return strconv.Itoa(g.rnd.IntN(1 << (1 + g.rnd.IntN(16))))
	}
	return []entry{
		plain("pfadd", 10, func(g *gen) []string {
			k := g.key("p")
			out := []string{k}
			for range g.many(k)*3 - g.rnd.IntN(4) {
				out = append(out, element(g))
			}
			return out
		}),
		plain("pfcount", 5, func(g *gen) []string { return g.keys("p") }),
		plain("pfmerge", 3, func(g *gen) []string { return cat(g.key("p"), g.list(0, func() string { return g.key("p") })) }),
		// It lies in a string, which is part of what Redis promises.
		plain("get", 1, func(g *gen) []string { return []string{g.key("p")} }),
		plain("getrange", 1, func(g *gen) []string { return []string{g.key("p"), "0", "15"} }),
		ruled("setrange", 1, nil, keepValues, func(g *gen) []string {
			return []string{g.key("p"), strconv.Itoa(g.rnd.IntN(20)), g.pick("\x00", "HYLL", "\x01", "\xff")}
		}),
	}
}
