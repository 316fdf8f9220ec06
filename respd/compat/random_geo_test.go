package compat_test

import (
	"math"
	"strconv"

	"ledge/respd/resp"
)

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
				out = append(cat(out, g.place()), g.member(k))
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

func (g *gen) place() []string {
	longitude := decimal(float64(g.rnd.IntN(5)*40-80) + g.rnd.Float64()*4)
	latitude := decimal(float64(g.rnd.IntN(5)*30-60) + g.rnd.Float64()*4)
	switch {
	case g.chance(4):
		longitude = g.pick("180", "-180", "180.0001", "-181", "nan", "inf", "x", "", "1e5", "0")
	case g.chance(4):
		latitude = g.pick("85.05112878", "-85.05112878", "85.06", "-90", "nan", "inf", "x", "", "0")
	}
	return []string{longitude, latitude}
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
// is compared: without an order it has none.
func (g *gen) geoOptions(with bool) ([]string, rule) {
	var out []string
	if with {
		out = cat(g.maybe(30, g.word("WITHDIST")), g.maybe(20, g.word("WITHHASH")), g.maybe(30, g.word("WITHCOORD")))
	}
	switch n := g.rnd.IntN(100); {
	case n < 50:
		return append(out, g.word(g.pick("ASC", "DESC"))), nil
	case n < 51:
		return append(out, g.word("ANY")), nil
	}
	return out, unordered
}

func (g *gen) geosearch(name string, dest ...string) request {
	k := g.key("g")
	args := cat(name, dest, k)
	from := cat(g.maybe(60, g.word("FROMMEMBER"), g.member(k)))
	if len(from) == 0 || g.chance(2) {
		from = cat(from, g.word("FROMLONLAT"), g.place())
	}
	by := cat(g.maybe(50, g.word("BYRADIUS"), g.size(), g.geoUnit()))
	if len(by) == 0 || g.chance(2) {
		by = append(by, g.word("BYBOX"), g.size(), g.size(), g.geoUnit())
	}
	opts, same := g.geoOptions(dest == nil)
	args = cat(args, from, by, opts)
	switch {
	case dest != nil && g.chance(50):
		return g.storePlaces(cat(args, g.maybe(50, g.word("STOREDIST"))), 1)
	case dest == nil && g.chance(30):
		return g.nearest(args)
	}
	return request{args: cat(args, g.maybe(1, "junk")), same: same, keep: keepValues}
}

func (g *gen) georadius(name string) request {
	k := g.key("g")
	args := []string{name, k}
	if name == "GEORADIUS" || name == "GEORADIUS_RO" {
		args = cat(args, g.place())
	} else {
		args = append(args, g.member(k))
	}
	store := g.chance(25)
	opts, same := g.geoOptions(!store || g.chance(5))
	args = cat(args, g.size(), g.geoUnit(), opts)
	switch {
	case store && g.chance(75):
		return g.storePlaces(cat(args, g.word(g.pick("STORE", "STOREDIST")), "(dest)"), len(args)+1)
	case store:
		args = append(args, g.word("STORE"), g.key("g"))
	case g.chance(30):
		return g.nearest(args)
	}
	return request{args: args, same: same, keep: keepValues}
}

func (g *gen) geoCount() string {
	return g.pick("1", "2", "3", "5", "0", "-1", "x", "9223372036854775807")
}

// nearest searches with COUNT. Where two are as far, either may be among those
// that are answered; with ANY it may be any in reach.
func (g *gen) nearest(args []string) request {
	counted := cat(args, g.word("COUNT"), g.geoCount())
	if g.chance(20) {
		return request{args: append(counted, g.word("ANY")), same: sameSize, keep: keepAll}
	}
	return special(g, counted, func(b *both) error {
		want, got := b.do(counted...)
		if got.Equal(want) {
			return nil
		}
		distances := make(map[string]string)
		for _, e := range b.one(0, cat(args, "WITHDIST")...).Elems() {
			distances[e.Elems()[0].Str()] = e.Elems()[1].Str()
		}
		if !sameShape(want, got) || want.IsError() {
			return &mismatch{quoteAll(counted), want.String(), got.String()}
		}
		for i, w := range want.Elems() {
			g := got.Elems()[i]
			if far, ok := distances[named(g)]; !g.Equal(w) && (!ok || far != distances[named(w)]) {
				return &mismatch{quoteAll(counted), want.String(), got.String()}
			}
		}
		return nil
	})
}

// named returns the member of a search's reply, whatever is answered beside it.
func named(v resp.Value) string {
	if v.Kind() == resp.KindArray {
		return v.Elems()[0].Str()
	}
	return v.Str()
}

// storePlaces stores in a key that is deleted again instead of the one at
// argument dest, as very few distances differ in the last digit. Which places
// COUNT stores, of those that are as far, may differ.
func (g *gen) storePlaces(args []string, dest int) request {
	const stored = "stored"
	args[dest] = stored
	counted := g.chance(30)
	if counted {
		args = append(args, g.word("COUNT"), g.geoCount())
	}
	return special(g, args, func(b *both) error {
		if err := b.equal(nil, args...); err != nil {
			return err
		}
		defer b.do("DEL", stored)
		if counted {
			return b.equal(nil, "ZCARD", stored)
		}
		return b.equal(nearly, "ZRANGE", stored, "0", "-1", "WITHSCORES")
	})
}

// nearly is equal, but for the last digit of numbers.
func nearly(l *link, want, got resp.Value) bool {
	if sameShape(want, got) && want.Kind() == resp.KindArray {
		for i, w := range want.Elems() {
			if !nearly(l, w, got.Elems()[i]) {
				return false
			}
		}
		return true
	}
	w, isW := number(want)
	f, isF := number(got)
	return got.Equal(want) || isW && isF && math.Abs(w-f) <= math.Abs(w)*0x1p-51
}

// number returns a number, which RESP2 has as text.
func number(v resp.Value) (float64, bool) {
	if v.Kind() == resp.KindDouble {
		return v.Float(), true
	}
	f, err := strconv.ParseFloat(v.Str(), 64)
	return f, err == nil
}
