package compat_test

import (
	"fmt"
	"strconv"
)

func bitEntries() []entry {
	unit := func(g *gen) []string { return g.maybe(50, g.word(g.pick("BYTE", "BIT", "BYTE", "BIT", "NIBBLE"))) }
	span := func(g *gen) []string {
		if g.chance(40) {
			return nil
		}
		return cat(g.index(), g.maybe(90, g.index()), unit(g))
	}
	return []entry{
		ruled("setbit", 8, nil, keepValues, func(g *gen) []string {
			return []string{g.key("b"), g.bitOffset(), g.pick("0", "1", "1", "1", "2", "-1", "x", "", "01")}
		}),
		plain("getbit", 5, func(g *gen) []string { return []string{g.key("b"), g.bitOffset()} }),
		plain("bitcount", 5, func(g *gen) []string { return cat(g.key("b"), span(g)) }),
		plain("bitpos", 6, func(g *gen) []string {
			return cat(g.key("b"), g.pick("0", "1", "0", "1", "2", "x", ""), span(g))
		}),
		plain("bitop", 5, func(g *gen) []string {
			return cat(g.word(g.pick("AND", "OR", "XOR", "NOT", "NOT", "NAND")), g.key("b"), g.keys("b"))
		}),
		ruled("bitfield", 8, nil, keepValues, func(g *gen) []string { return cat(g.key("b"), g.bitOps(false)) }),
		ruled("bitfield_ro", 3, nil, keepValues, func(g *gen) []string { return cat(g.key("b"), g.bitOps(true)) }),
	}
}

// bitOffset draws a place near the start, or one that no string has.
func (g *gen) bitOffset() string {
	if g.chance(8) {
		return g.pick("4294967296", "-1", "x", "", "9223372036854775807", "18446744073709551615", "1.0", "01", "#1")
	}
	return strconv.Itoa(g.rnd.IntN(1 << g.rnd.IntN(12)))
}

func (g *gen) bitType() string {
	if g.chance(8) {
		return g.pick("u64", "u0", "i0", "i65", "u", "x8", "", "u063", "I8", "u-1", "i9223372036854775808", "u8x")
	}
	return g.pick("u", "i") + strconv.Itoa(1+g.rnd.IntN(63))
}

func (g *gen) bitOps(readOnly bool) []string {
	var out []string
	for range g.rnd.IntN(5) {
		where := g.bitOffset()
		if g.chance(30) {
			where = g.pick("#0", "#1", "#3", "#", "#x", "#-1", "#9223372036854775807", fmt.Sprint("#", g.rnd.IntN(20)))
		}
		op := g.word(g.pick("GET", "SET", "INCRBY", "GET", "SET", "INCRBY", "JUNK"))
		if readOnly && g.chance(90) {
			op = g.word("GET")
		}
		if !readOnly && g.chance(25) {
			out = append(out, g.word("OVERFLOW"), g.word(g.pick("WRAP", "SAT", "FAIL", "NONE")))
		}
		out = append(out, op, g.bitType(), where)
		if op != "GET" && op != "get" {
			out = append(out, g.integer())
		}
	}
	return out
}
