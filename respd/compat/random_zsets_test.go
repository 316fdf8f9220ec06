package compat_test

import "strings"

func zsetEntries() []entry {
	k := func(g *gen) []string { return []string{g.key("z")} }
	member := func(g *gen) []string {
		k := g.key("z")
		return []string{k, g.member(k)}
	}
	members := func(g *gen) []string {
		k := g.key("z")
		return cat(k, g.list(1, func() string { return g.member(k) }))
	}
	indexed := func(g *gen) []string {
		return cat(g.key("z"), g.index(), g.index(), g.maybe(50, g.word("WITHSCORES")), g.maybe(1, "junk"))
	}
	pop := func(g *gen) []string { return cat(g.key("z"), g.maybe(60, g.count())) }
	return []entry{
		plain("zadd", 22, (*gen).zadd),
		plain("zincrby", 5, func(g *gen) []string {
			k := g.key("z")
			return []string{k, g.scoreOf(k), g.member(k)}
		}),
		plain("zrem", 4, members),
		plain("zcard", 3, k),
		plain("zscore", 3, member),
		plain("zmscore", 3, members),
		plain("zrank", 3, member),
		plain("zrevrank", 3, member),
		{"zrange", 6, func(g *gen) request { return g.zrange("ZRANGE", g.key("z")) }},
		{"zrangestore", 3, func(g *gen) request {
			k := g.key("z")
			return g.zrange("ZRANGESTORE", k, g.key("z"), k)
		}},
		plain("zrevrange", 2, indexed),
		plain("zrangebyscore", 3, func(g *gen) []string { return g.zrangeBy(g.scoreBound, true) }),
		plain("zrevrangebyscore", 3, func(g *gen) []string { return g.zrangeBy(g.scoreBound, true) }),
		plain("zcount", 3, func(g *gen) []string { return []string{g.key("z"), g.scoreBound(), g.scoreBound()} }),
		plain("zremrangebyrank", 1, func(g *gen) []string { return []string{g.key("z"), g.index(), g.pick("1", "2", g.index())} }),
		plain("zremrangebyscore", 1, func(g *gen) []string { return []string{g.key("z"), g.scoreBound(), g.scoreBound()} }),
		lexical("zrangebylex", func(g *gen) []string { return g.limit(true) }),
		lexical("zrevrangebylex", func(g *gen) []string { return g.limit(true) }),
		lexical("zlexcount", func(*gen) []string { return nil }),
		lexical("zremrangebylex", func(*gen) []string { return nil }),
		plain("zpopmin", 2, pop),
		plain("zpopmax", 2, pop),
		plain("zmpop", 3, func(g *gen) []string { return g.mpop("z", g.pick("MIN", "MAX", "MIN", "MAX", "LEFT")) }),
		blocking("bzpopmin", "z", nil),
		blocking("bzpopmax", "z", nil),
		ruled("bzmpop", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.timeout(), g.mpop("z", g.pick("MIN", "MAX", "RIGHT")))
		}),
		{"zrandmember", 2, func(g *gen) request { return drawn(g, "ZRANDMEMBER", g.key("z"), "WITHSCORES", wholeZset) }},
		ruled("zrandmember", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.key("z"), g.pick("x", "", "0", "1.0", "9223372036854775808"), g.maybe(50, g.word("WITHSCORES")))
		}),
	}
}

func (g *gen) zadd() []string {
	k := g.key("z")
	out := cat(k, g.maybe(8, g.word("NX")), g.maybe(10, g.word("XX")), g.maybe(10, g.word("GT")),
		g.maybe(10, g.word("LT")), g.maybe(20, g.word("CH")))
	n := g.many(k)
	if g.chance(8) {
		out, n = append(out, g.word("INCR")), 1+g.rnd.IntN(8)/7
	}
	for range n {
		out = append(out, g.scoreOf(k), g.member(k))
	}
	return out
}

// scoreOf draws a score for a key. Some keys have all members at one score, for
// the commands by name.
func (g *gen) scoreOf(key string) string {
	if key == "z3" || key == "z7" {
		return "0"
	}
	return g.score()
}

// score draws one of few numbers, so that many members share theirs.
func (g *gen) score() string {
	if g.chance(60) {
		return g.pick("0", "1", "2", "3", "-1", "1.5", "10", "-0", "1e3")
	}
	return g.float()
}

func (g *gen) scoreBound() string {
	s := g.pick("-inf", "+inf", "inf", g.score(), g.score(), g.score())
	if g.chance(30) {
		s = "(" + s
	}
	return s
}

func (g *gen) lexBound() string {
	if g.chance(5) {
		return g.pick("", "x", "+x", "--", "[", "(")
	}
	return g.pick("-", "+", "["+g.member(""), "("+g.member(""), "["+g.member("z7"), "(m")
}

// zrange draws ZRANGE or ZRANGESTORE: name and destination, then the key.
func (g *gen) zrange(name string, keys ...string) request {
	by, bound := "", g.index
	switch n := g.rnd.IntN(10); {
	case n < 3:
		by, bound = "BYSCORE", g.scoreBound
	case n < 6:
		by, bound = "BYLEX", g.lexBound
	}
	out := cat(name, keys[min(1, len(keys)-1):], bound(), bound())
	if by != "" {
		out = append(out, g.word(by))
	}
	out = cat(out, g.maybe(30, g.word("REV")), g.limit(by != ""), g.maybe(30, g.word("WITHSCORES")), g.maybe(1, "junk"))
	if by == "BYLEX" {
		return oneScore(g, keys[0], out)
	}
	return request{args: out, keep: keepValues}
}

// lexical is a command for a range by name.
func lexical(name string, opts func(*gen) []string) entry {
	return entry{name, 2, func(g *gen) request {
		k := g.key("z")
		return oneScore(g, k, cat(strings.ToUpper(name), k, g.lexBound(), g.lexBound(), opts(g)))
	}}
}

// oneScore runs a command by name if all members of the key have the same
// score. Otherwise it finds what it finds: the way down Redis's skip list is
// made of chance.
func oneScore(g *gen, key string, args []string) request {
	return special(g, args, func(b *both) error {
		if scoreAt(b, key, "0") != scoreAt(b, key, "-1") {
			return nil
		}
		return b.equal(nil, args...)
	})
}

// scoreAt reads the score at a place in Redis's sorted set.
func scoreAt(b *both, key, index string) string {
	members := texts(b.one(0, "ZREVRANGE", key, index, index, "WITHSCORES"), 2)
	if len(members) == 0 {
		return ""
	}
	return members[0][strings.LastIndexByte(members[0], ' '):]
}

// limit draws LIMIT, which is an error where there is no range of values.
func (g *gen) limit(ranged bool) []string {
	if !ranged && g.chance(95) {
		return nil
	}
	return g.maybe(40, g.word("LIMIT"), g.index(), g.pick("-1", g.count(), g.count(), g.index()))
}

func (g *gen) zrangeBy(bound func() string, scores bool) []string {
	out := []string{g.key("z"), bound(), bound()}
	if scores || g.chance(3) {
		out = append(out, g.maybe(40, g.word("WITHSCORES"))...)
	}
	return append(out, g.limit(true)...)
}
