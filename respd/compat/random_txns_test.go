package compat_test

func txnEntries() []entry {
	none := func(*gen) []string { return nil }
	return []entry{
		plain("multi", 5, none),
		plain("exec", 1, none),
		plain("discard", 1, none),
		plain("watch", 4, func(g *gen) []string { return g.list(1, g.anyKey) }),
		plain("unwatch", 1, none),
	}
}
