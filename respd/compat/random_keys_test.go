package compat_test

import "strconv"

// databases is how many of them are used; the others stay empty.
const databases = 3

func keyEntries() []entry {
	any := func(g *gen) []string { return []string{g.anyKey()} }
	some := func(g *gen) []string { return g.list(1, g.anyKey) }
	return []entry{
		plain("del", 10, some),
		plain("unlink", 3, some),
		plain("exists", 4, some),
		plain("touch", 2, some),
		plain("type", 6, any),
		plain("rename", 4, (*gen).fromTo),
		plain("renamenx", 3, (*gen).fromTo),
		plain("copy", 5, func(g *gen) []string {
			return cat(g.fromTo(), g.maybe(40, g.word("DB"), g.database()),
				g.maybe(50, g.word("REPLACE")), g.maybe(1, "junk"))
		}),
		plain("move", 3, func(g *gen) []string { return []string{g.anyKey(), g.database()} }),
		plain("select", 4, func(g *gen) []string { return []string{g.database()} }),
		plain("swapdb", 1, func(g *gen) []string { return []string{g.database(), g.database()} }),
		plain("dbsize", 3, func(*gen) []string { return nil }),
		ruled("keys", 2, unordered, keepNothing, func(g *gen) []string { return []string{g.pattern()} }),
		ruled("object", 6, sameEncoding, keepNothing, func(g *gen) []string {
			return []string{g.word("ENCODING"), g.anyKey()}
		}),
		plain("echo", 1, func(g *gen) []string { return []string{g.value()} }),
		plain("ping", 1, func(g *gen) []string { return g.maybe(50, g.value()) }),
		{"ping", 1, func(g *gen) request {
			// The name is no command, so the error has the arguments in it.
			return request{args: cat(g.pick("NOSUCH", "no\r\nsuch", "", "gett"), g.list(0, g.value))}
		}},
	}
}

// flush draws a command that empties a database, or all. It has no entry,
// because it must be so rare that something becomes large before.
func (g *gen) flush() request {
	return request{args: cat(g.pick("FLUSHDB", "FLUSHDB", "FLUSHALL"), g.maybe(20, g.word("ASYNC")),
		g.maybe(20, g.word("SYNC")), g.maybe(5, "x"))}
}

func (g *gen) database() string {
	if g.chance(5) {
		return g.pick("16", "-1", "x", "", "99999999999999999999", "01", "1.0", "9223372036854775807", "2147483648")
	}
	return strconv.Itoa(g.rnd.IntN(databases))
}
