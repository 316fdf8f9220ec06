package compat_test

func hashEntries() []entry {
	field := func(g *gen) []string {
		k := g.key("h")
		return []string{k, g.member(k)}
	}
	fields := func(g *gen) []string {
		k := g.key("h")
		return cat(k, g.list(1, func() string { return g.member(k) }))
	}
	set := func(g *gen) []string {
		k := g.key("h")
		out := []string{k}
		for range g.many(k) {
			out = append(out, g.member(k), g.value())
		}
		return out
	}
	return []entry{
		plain("hset", 14, set),
		plain("hmset", 2, set),
		plain("hsetnx", 3, func(g *gen) []string { return append(field(g), g.value()) }),
		plain("hget", 5, field),
		plain("hmget", 3, fields),
		plain("hdel", 5, fields),
		plain("hexists", 2, field),
		plain("hstrlen", 2, field),
		plain("hlen", 3, func(g *gen) []string { return []string{g.key("h")} }),
		plain("hincrby", 4, func(g *gen) []string { return append(field(g), g.integer()) }),
		plain("hincrbyfloat", 4, func(g *gen) []string { return append(field(g), g.float()) }),
		wholeOf("hgetall", "h", "listpack", pairs),
		wholeOf("hkeys", "h", "listpack", unordered),
		wholeOf("hvals", "h", "listpack", unordered),
		{"hrandfield", 2, func(g *gen) request {
			return drawn(g, "HRANDFIELD", g.key("h"), "WITHVALUES", wholeHash)
		}},
		ruled("hrandfield", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.key("h"), g.pick("x", "", "0", "1.0", "9223372036854775808"), g.maybe(50, g.word("WITHVALUES")),
				g.maybe(10, "junk"))
		}),
		ruled("hrandfield", 1, nil, keepAll, func(g *gen) []string {
			return []string{g.key("h"), g.pick("0", "-1", "2", "-9223372036854775808"), g.pick("junk", "WITHSCORES")}
		}),
	}
}
