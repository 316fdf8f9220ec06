package compat_test

import "strconv"

func geoEntries() []entry {
	members := func(g *gen) []string {
		k := g.key("g")
		return cat(k, g.list(0, func() string { return g.member(k) }))
	}
	unit := func(g *gen) string { return g.word(g.pick("m", "km", "ft", "mi", "km", "km", "parsec")) }
	return []entry{
		plain("geoadd", 14, func(g *gen) []string {
			k := g.key("g")
			out := cat(k, g.maybe(8, g.word("NX")), g.maybe(8, g.word("XX")), g.maybe(15, g.word("CH")))
			for range g.many(k) {
				out = append(out, g.longitude(), g.latitude(), g.member(k))
			}
			return out
		}),
		plain("geopos", 4, members),
		plain("geohash", 4, members),
		plain("geodist", 4, func(g *gen) []string {
			k := g.key("g")
			return cat(k, g.member(k), g.member(k), g.maybe(60, unit(g)))
		}),
		{"geosearch", 8, func(g *gen) request { return g.geosearch("GEOSEARCH") }},
		{"geosearchstore", 4, func(g *gen) request { return g.geosearch("GEOSEARCHSTORE", g.key("g")) }},
		{"georadius", 3, func(g *gen) request { return g.georadius("GEORADIUS") }},
		{"georadius_ro", 2, func(g *gen) request { return g.georadius("GEORADIUS_RO") }},
		{"georadiusbymember", 3, func(g *gen) request { return g.georadius("GEORADIUSBYMEMBER") }},
		{"georadiusbymember_ro", 2, func(g *gen) request { return g.georadius("GEORADIUSBYMEMBER_RO") }},
	}
}

// Places lie around a few centres, so that searches find some, and no two have
// the same distance from anywhere.

func (g *gen) longitude() string {
	if g.chance(4) {
		return g.pick("180", "-180", "180.0001", "-181", "nan", "inf", "x", "", "1e5", "0")
	}
	return decimal(float64(g.rnd.IntN(5)*40-80) + g.rnd.Float64()*4)
}

func (g *gen) latitude() string {
	if g.chance(4) {
		return g.pick("85.05112878", "-85.05112878", "85.06", "-90", "nan", "inf", "x", "", "0")
	}
	return decimal(float64(g.rnd.IntN(5)*30-60) + g.rnd.Float64()*4)
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 9, 64) }

func (g *gen) size() string {
	if g.chance(4) {
		return g.nasty()
	}
	return decimal(g.rnd.Float64() * float64(int(1)<<g.rnd.IntN(15)))
}

func (g *gen) geoUnit() string { return g.word(g.pick("km", "km", "km", "m", "mi", "ft")) }

// geoOptions draws the options that all searches share, and says how the reply
// is compared: without an order it has none, and with ANY it may hold any of
// those in reach.
func (g *gen) geoOptions(with bool) ([]string, rule) {
	var same rule = unordered
	var out []string
	if with {
		out = cat(g.maybe(30, g.word("WITHDIST")), g.maybe(20, g.word("WITHHASH")), g.maybe(30, g.word("WITHCOORD")))
	}
	if g.chance(50) {
		out, same = append(out, g.word(g.pick("ASC", "DESC"))), nil
	}
	if g.chance(30) {
		out = append(out, g.word("COUNT"), g.pick("1", "2", "3", "5", "0", "-1", "x", "9223372036854775807"))
		if same = nil; with && g.chance(20) {
			out, same = append(out, g.word("ANY")), sameSize
		}
	} else if g.chance(2) {
		out = append(out, g.word("ANY"))
	}
	return out, same
}

func (g *gen) geosearch(name string, dest ...string) request {
	k := g.key("g")
	args := cat(name, dest, k)
	from := cat(g.maybe(60, g.word("FROMMEMBER"), g.member(k)))
	if len(from) == 0 || g.chance(2) {
		from = append(from, g.word("FROMLONLAT"), g.longitude(), g.latitude())
	}
	by := cat(g.maybe(50, g.word("BYRADIUS"), g.size(), g.geoUnit()))
	if len(by) == 0 || g.chance(2) {
		by = append(by, g.word("BYBOX"), g.size(), g.size(), g.geoUnit())
	}
	opts, same := g.geoOptions(dest == nil)
	if dest != nil {
		opts = append(opts, g.maybe(30, g.word("STOREDIST"))...)
	}
	return request{args: cat(args, from, by, opts, g.maybe(1, "junk")), same: same, keep: keepValues}
}

func (g *gen) georadius(name string) request {
	k := g.key("g")
	args := []string{name, k}
	if name == "GEORADIUS" || name == "GEORADIUS_RO" {
		args = append(args, g.longitude(), g.latitude())
	} else {
		args = append(args, g.member(k))
	}
	store := g.chance(25)
	opts, same := g.geoOptions(!store || g.chance(5))
	if store {
		opts = cat(opts, g.word(g.pick("STORE", "STOREDIST")), g.key("g"))
	}
	return request{args: cat(args, g.size(), g.geoUnit(), opts), same: same, keep: keepValues}
}
