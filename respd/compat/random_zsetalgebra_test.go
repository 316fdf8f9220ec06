package compat_test

func zsetAlgebraEntries() []entry {
	args := func(g *gen, weighted, scores bool) []string {
		keys := make([]string, 1+g.rnd.IntN(4))
		for i := range keys {
			keys[i] = g.key(g.pick("z", "z", "z", "t"))
		}
		out := cat(numkeys(g, len(keys)), keys)
		if weighted || g.chance(3) {
			out = cat(out, g.weights(len(keys)), g.maybe(40, g.word("AGGREGATE"),
				g.word(g.pick("SUM", "MIN", "MAX", "SUM", "MIN", "MAX", "AVG"))))
		}
		if scores || g.chance(3) {
			out = append(out, g.maybe(50, g.word("WITHSCORES"))...)
		}
		return out
	}
	algebra := func(name string, weighted bool) []entry {
		return []entry{
			plain(name, 3, func(g *gen) []string { return args(g, weighted, true) }),
			plain(name+"store", 3, func(g *gen) []string { return cat(g.key("z"), args(g, weighted, false)) }),
		}
	}
	out := []entry{plain("zintercard", 3, func(g *gen) []string {
		return cat(args(g, false, false), g.maybe(50, g.word("LIMIT"), g.count()))
	})}
	out = append(out, algebra("zunion", true)...)
	out = append(out, algebra("zinter", true)...)
	return append(out, algebra("zdiff", false)...)
}

// weights draws a weight for each of n keys; now and then one too few.
func (g *gen) weights(n int) []string {
	if g.chance(60) {
		return nil
	}
	out := []string{g.word("WEIGHTS")}
	if g.chance(3) {
		n--
	}
	for range n {
		out = append(out, g.pick("1", "2", "-1", "0", "0.5", "inf", "-inf", g.float()))
	}
	return out
}
