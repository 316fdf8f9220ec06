package compat_test

import (
	"errors"
	"strconv"
)

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
		// Of one key, Redis keeps what it counted in the value, which ledge
		// does not; of several it doesn't. So one key is counted as a copy.
		ruled("pfcount", 5, nil, keepAll, func(g *gen) []string { return cat(g.key("p"), g.keys("p")) }),
		{"pfcount", 2, countedCopy},
		plain("pfmerge", 3, func(g *gen) []string { return cat(g.key("p"), g.list(0, func() string { return g.key("p") })) }),
		// It lies in a string, which is part of what Redis promises.
		plain("get", 1, func(g *gen) []string { return []string{g.key("p")} }),
		plain("getrange", 1, func(g *gen) []string { return []string{g.key("p"), "0", "15"} }),
		ruled("setrange", 1, nil, keepAll, func(g *gen) []string {
			return []string{g.key("p"), strconv.Itoa(g.rnd.IntN(5)), g.pick("\x00", "H", "\x01", "\xff")}
		}),
	}
}

// isHLL reports whether a key may hold a HyperLogLog. What Redis counts when
// its registers are damaged is nobody's promise, so no command for strings
// writes to these keys, and none copies them to keys to which others do. Only
// the header is spoiled, on purpose.
func isHLL(key string) bool { return len(key) == 2 && key[0] == 'p' }

func countedCopy(g *gen) request {
	key := g.key("p")
	return special(g, []string{"PFCOUNT", key}, func(b *both) error {
		if v := b.one(0, "EXISTS", key); v.Num() == 0 {
			return b.equal(nil, "PFCOUNT", key)
		}
		return errors.Join(b.equal(nil, "COPY", key, "counted"), b.equal(nil, "PFCOUNT", "counted"),
			b.equal(nil, "PFCOUNT", "counted"), b.equal(nil, "DEL", "counted"))
	})
}
