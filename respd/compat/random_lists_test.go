package compat_test

func listEntries() []entry {
	k := func(g *gen) []string { return []string{g.key("l")} }
	push := func(g *gen) []string {
		k := g.key("l")
		out := []string{k}
		for range g.many(k) {
			out = append(out, g.element())
		}
		return out
	}
	pop := func(g *gen) []string { return cat(g.key("l"), g.maybe(50, g.count())) }
	indexed := func(g *gen) []string { return []string{g.key("l"), g.index(), g.index()} }
	side := func(g *gen) string { return g.word(g.pick("LEFT", "RIGHT", "LEFT", "RIGHT", "LEFT", "UP")) }
	return []entry{
		plain("lpush", 10, push),
		plain("rpush", 10, push),
		plain("lpushx", 2, push),
		plain("rpushx", 2, push),
		plain("lpop", 4, pop),
		plain("rpop", 4, pop),
		plain("llen", 3, k),
		plain("lindex", 4, func(g *gen) []string { return []string{g.key("l"), g.index()} }),
		plain("lrange", 6, indexed),
		plain("ltrim", 2, func(g *gen) []string { return []string{g.key("l"), g.near(), g.far2()} }),
		plain("lset", 4, func(g *gen) []string { return []string{g.key("l"), g.index(), g.element()} }),
		plain("lrem", 3, func(g *gen) []string { return []string{g.key("l"), g.index(), g.element()} }),
		plain("linsert", 4, func(g *gen) []string {
			return []string{g.key("l"), g.word(g.pick("BEFORE", "AFTER", "BEFORE", "AFTER", "AT")), g.element(), g.element()}
		}),
		plain("lpos", 5, func(g *gen) []string {
			return cat(g.key("l"), g.element(), g.maybe(30, g.word("RANK"), g.index()),
				g.maybe(30, g.word("COUNT"), g.count()), g.maybe(30, g.word("MAXLEN"), g.count()), g.maybe(2, "junk"))
		}),
		plain("rpoplpush", 3, func(g *gen) []string { return []string{g.key("l"), g.key("l")} }),
		plain("lmove", 4, func(g *gen) []string { return []string{g.key("l"), g.key("l"), side(g), side(g)} }),
		plain("lmpop", 3, func(g *gen) []string { return g.mpop("l", g.pick("LEFT", "RIGHT", "MIN")) }),
		blocking("blpop", "l", nil),
		blocking("brpop", "l", nil),
		ruled("brpoplpush", 1, nil, keepAll, func(g *gen) []string {
			return []string{g.key("l"), g.key("l"), g.timeout()}
		}),
		ruled("blmove", 1, nil, keepAll, func(g *gen) []string {
			return []string{g.key("l"), g.key("l"), side(g), side(g), g.timeout()}
		}),
		ruled("blmpop", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.timeout(), g.mpop("l", g.pick("LEFT", "RIGHT", "MAX")))
		}),
	}
}

// element draws what a list holds: often one that is there already.
func (g *gen) element() string {
	if g.chance(50) {
		return g.pick("a", "b", "c", "1", "2")
	}
	return g.value()
}

// near and far2 draw a range that mostly leaves something.
func (g *gen) near() string {
	if g.chance(10) {
		return g.index()
	}
	return g.pick("0", "0", "1", "2", "-500")
}

func (g *gen) far2() string {
	if g.chance(10) {
		return g.index()
	}
	return g.pick("-1", "-1", "-2", "-3", "400")
}

// mpop draws what follows the timeout, or the name, of a command that pops from
// the first of several keys.
func (g *gen) mpop(kind, where string) []string {
	keys := g.keys(kind)
	n := numkeys(g, len(keys))
	return cat(n, keys, g.word(where), g.maybe(50, g.word("COUNT"), g.count()), g.maybe(2, "junk"))
}

// blocking is a command that pops or waits. It waits very shortly: nobody would
// ever come.
func blocking(name, kind string, same rule) entry {
	return ruled(name, 1, same, keepAll, func(g *gen) []string { return cat(g.keys(kind), g.timeout()) })
}

func (g *gen) timeout() string {
	if g.chance(20) {
		return g.pick("-1", "x", "", "nan", "inf", "1e308", "-0.5", "9223372036854775807")
	}
	return g.pick("0.001", "0.002", "1e-3")
}
