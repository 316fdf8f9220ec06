package compat_test

import "strconv"

// Deadlines are far in the future, past, or no time at all, so that no key's
// end races with the clock; and those in the future lie so far apart that it is
// plain which of two is later.

const (
	ttlSeconds = 100     // what a TTL may differ by: the servers aren't asked at once
	ttlMillis  = 100_000 // the same in milliseconds
)

func expiryEntries() []entry {
	expire := func(name string, when func(*gen) string) entry {
		return ruled(name, 3, nil, keepValues, func(g *gen) []string {
			return cat(g.anyKey(), when(g), g.maybe(12, g.word("NX")), g.maybe(12, g.word("XX")),
				g.maybe(15, g.word("GT")), g.maybe(15, g.word("LT")), g.maybe(1, "junk"))
		})
	}
	any := func(g *gen) []string { return []string{g.anyKey()} }
	return []entry{
		expire("expire", (*gen).seconds),
		expire("pexpire", (*gen).millis),
		expire("expireat", (*gen).unix),
		expire("pexpireat", (*gen).unixMillis),
		plain("persist", 4, any),
		ruled("ttl", 5, within(ttlSeconds), keepNothing, any),
		ruled("pttl", 5, within(ttlMillis), keepNothing, any),
		ruled("expiretime", 3, within(ttlSeconds), keepNothing, any),
		ruled("pexpiretime", 3, within(ttlMillis), keepNothing, any),
	}
}

// ahead draws an option for SET. A time that is past has it make a key that is
// gone as soon as somebody looks, which in Redis DBSIZE doesn't.
func (g *gen) ahead() []string {
	for {
		if opt := g.deadline(); opt[1] != "1" && opt[1] != "1000" {
			return opt
		}
	}
}

// deadline draws an option that sets one.
func (g *gen) deadline() []string {
	switch g.rnd.IntN(4) {
	case 0:
		return []string{g.word("EX"), g.seconds()}
	case 1:
		return []string{g.word("PX"), g.millis()}
	case 2:
		return []string{g.word("EXAT"), g.unix()}
	}
	return []string{g.word("PXAT"), g.unixMillis()}
}

// noTime are arguments that are refused, or past at once.
var noTime = []string{
	"0", "-1", "-100", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "9223372036854775",
	"-9223372036854775", "9223372036854776", "", "x", "1.5", " 10000", "+10000", "010000", "1e5",
}

func (g *gen) wrongTime() string { return noTime[g.rnd.IntN(len(noTime))] }

func (g *gen) far() int { return 10_000 + g.rnd.IntN(1<<31) }

func (g *gen) seconds() string {
	if g.chance(15) {
		return g.wrongTime()
	}
	return strconv.Itoa(g.far())
}

func (g *gen) millis() string {
	if g.chance(15) {
		return g.wrongTime()
	}
	return strconv.Itoa(g.far()*1000 + g.rnd.IntN(1000))
}

func (g *gen) unix() string {
	switch {
	case g.chance(15):
		return g.wrongTime()
	case g.chance(5):
		return "1"
	}
	return strconv.Itoa(4_000_000_000 + g.rnd.IntN(1<<31))
}

func (g *gen) unixMillis() string {
	switch {
	case g.chance(15):
		return g.wrongTime()
	case g.chance(5):
		return "1000"
	}
	return strconv.Itoa((4_000_000_000+g.rnd.IntN(1<<31))*1000 + g.rnd.IntN(1000))
}
