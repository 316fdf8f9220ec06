package compat_test

import "strconv"

func stringEntries() []entry {
	k := func(g *gen) []string { return []string{g.key("s")} }
	kv := func(g *gen) []string { return []string{g.key("s"), g.value()} }
	n := func(g *gen) []string { return []string{g.key("n")} }
	return []entry{
		ruled("set", 20, nil, keepValues, func(g *gen) []string {
			return cat(g.pick(g.key("s"), g.key("n")), g.value(), g.setOptions())
		}),
		plain("set", 8, func(g *gen) []string { return []string{g.key("n"), g.integer()} }),
		plain("setnx", 3, kv),
		ruled("setex", 2, nil, keepValues, func(g *gen) []string {
			return []string{g.key("s"), g.seconds(), g.value()}
		}),
		ruled("psetex", 2, nil, keepValues, func(g *gen) []string {
			return []string{g.key("s"), g.millis(), g.value()}
		}),
		plain("get", 10, k),
		plain("getset", 3, kv),
		plain("getdel", 2, k),
		ruled("getex", 4, nil, keepValues, func(g *gen) []string { return cat(g.key("s"), g.getexOptions()) }),
		plain("append", 5, kv),
		plain("strlen", 3, k),
		plain("getrange", 4, func(g *gen) []string { return []string{g.key("s"), g.index(), g.index()} }),
		plain("substr", 1, func(g *gen) []string { return []string{g.key("s"), g.index(), g.index()} }),
		ruled("setrange", 4, nil, keepValues, func(g *gen) []string {
			return []string{g.key("s"), g.offset(), g.value()}
		}),
		plain("mget", 4, func(g *gen) []string { return g.keys("s") }),
		plain("mset", 3, (*gen).keyValues),
		plain("msetnx", 2, (*gen).keyValues),
		plain("incr", 4, n),
		plain("decr", 3, n),
		plain("incrby", 4, func(g *gen) []string { return []string{g.key("n"), g.integer()} }),
		plain("decrby", 4, func(g *gen) []string { return []string{g.key("n"), g.integer()} }),
		plain("incrbyfloat", 5, func(g *gen) []string { return []string{g.key("n"), g.float()} }),
		plain("lcs", 2, func(g *gen) []string {
			return cat(g.key("s"), g.key("s"), g.maybe(20, g.word("LEN")), g.maybe(40, g.word("IDX")),
				g.maybe(20, g.word("MINMATCHLEN"), g.integer()), g.maybe(30, g.word("WITHMATCHLEN")))
		}),
	}
}

func (g *gen) keyValues() []string {
	var out []string
	for range 1 + g.rnd.IntN(4) {
		out = append(out, g.key("s"), g.value())
	}
	return out
}

// offset draws where SETRANGE writes: near, or further than any string may be.
// What is between would only take memory, and ledge has a lower bound.
func (g *gen) offset() string {
	if g.chance(8) {
		return g.pick("536870912", "4294967296", "9223372036854775807", "-1", "x", "", "1.0", "01")
	}
	return strconv.Itoa(g.rnd.IntN(120))
}

func (g *gen) setOptions() []string {
	opts := cat(g.maybe(10, g.word("NX")), g.maybe(12, g.word("XX")), g.maybe(12, g.word("GET")),
		g.maybe(8, g.word("KEEPTTL")), g.maybe(8, g.ahead()...), g.maybe(1, g.ahead()...))
	g.rnd.Shuffle(len(opts)/3, func(i, j int) { opts[i], opts[j] = opts[j], opts[i] })
	return opts
}

func (g *gen) getexOptions() []string {
	return cat(g.maybe(40, g.deadline()...), g.maybe(25, g.word("PERSIST")), g.maybe(2, "junk"))
}
