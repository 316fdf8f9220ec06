package compat_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ledge/respd/resp"
)

// both is the boss's connections: what it runs is sent to each server by
// itself, because the second command depends on the reply to the first.
type both struct {
	t    *testing.T
	link *link
}

// do sends a command to both.
func (b *both) do(args ...string) (want, got resp.Value) {
	return b.one(0, args...), b.one(1, args...)
}

// one sends a command to one of them.
func (b *both) one(i int, args ...string) resp.Value {
	b.t.Helper()
	v, err := b.link.conns[i].do(args)
	if err != nil {
		b.t.Fatalf("%s: %s: %v", []string{"redis", "ledge"}[i], quoteAll(args), err)
	}
	return v
}

// equal sends a command to both and compares the replies.
func (b *both) equal(same rule, args ...string) error {
	want, got := b.do(args...)
	if same == nil && got.Equal(want) || same != nil && same(b.link, want, got) {
		return nil
	}
	return &mismatch{quoteAll(args), want.String(), got.String()}
}

// special is a request that does more than send one command. It runs in a
// database of its own choice, whatever the links have selected.
func special(g *gen, args []string, run func(*both) error) request {
	db := strconv.Itoa(g.rnd.IntN(databases))
	return request{args: args, run: func(b *both) error {
		b.do("SELECT", db)
		if err := run(b); err != nil {
			return fmt.Errorf("in database %s: %w", db, err)
		}
		return nil
	}}
}

func specialEntries() []entry {
	return []entry{
		{"scan", 1, (*gen).scan},
		{"hscan", 1, func(g *gen) request { return g.scanOf("HSCAN", g.key("h"), 2) }},
		{"sscan", 1, func(g *gen) request { return g.scanOf("SSCAN", g.key("t"), 1) }},
		{"zscan", 1, func(g *gen) request { return g.scanOf("ZSCAN", g.key("z"), 2) }},
		ruled("scan", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.pick("x", "1x", " 1", "99999999999999999999"), g.maybe(30, "COUNT", "0"))
		}),
		{"randomkey", 1, randomKey},
		{"dump", 3, dumpRestore},
		ruled("restore", 1, nil, keepAll, func(g *gen) []string {
			return cat(g.anyKey(), g.pick("0", "-1", "x", ""), g.pick("", "junk", "\x00\x01a\x0a\x00"), g.maybe(90, g.word("REPLACE")))
		}),
	}
}

// scan goes over all keys of a database. A scan may answer a key twice.
func (g *gen) scan() request {
	opts := cat(g.maybe(30, g.word("MATCH"), g.pattern()), g.maybe(40, g.word("COUNT"), g.pick("1", "3", "100", "0", "x")),
		g.maybe(30, g.word("TYPE"), g.pick("string", "hash", "list", "set", "zset", "none", "HASH")))
	return special(g, cat("SCAN", "(all)", opts), func(b *both) error {
		return b.scanAll([]string{"SCAN"}, opts, 1)
	})
}

// scanOf goes over a collection whose reply has so many parts for a member.
func (g *gen) scanOf(name, key string, parts int) request {
	opts := cat(g.maybe(30, g.word("MATCH"), g.pattern()), g.maybe(40, g.word("COUNT"), g.pick("1", "7", "100", "0", "x")))
	return special(g, cat(name, key, "(all)", opts), func(b *both) error {
		return b.scanAll([]string{name, key}, opts, parts)
	})
}

func (b *both) scanAll(front, opts []string, parts int) error {
	var texts [2]string
	for i := range texts {
		var seen []string
		for cursor := "0"; ; {
			v := b.one(i, cat(front, cursor, opts)...)
			if v.IsError() {
				seen = []string{v.String()}
				break
			}
			es := v.Elems()
			if len(es) != 2 || len(es[1].Elems())%parts != 0 {
				return &mismatch{quoteAll(front), "a cursor and members", v.String()}
			}
			for ms := es[1].Elems(); len(ms) > 0; ms = ms[parts:] {
				seen = append(seen, resp.Array(ms[:parts]...).String())
			}
			if cursor = es[0].Str(); cursor == "0" {
				break
			}
		}
		slices.Sort(seen)
		texts[i] = strings.Join(slices.Compact(seen), " ")
	}
	if texts[0] != texts[1] {
		return &mismatch{quoteAll(cat(front, opts)), texts[0], texts[1]}
	}
	return nil
}

// randomKey must be one that is there, if any is.
func randomKey(g *gen) request {
	return special(g, []string{"RANDOMKEY"}, func(b *both) error {
		want, got := b.do("RANDOMKEY")
		if want.IsNil() != got.IsNil() {
			return &mismatch{"RANDOMKEY", want.String(), got.String()}
		}
		if n := b.one(0, "EXISTS", got.Str()); !got.IsNil() && n.Num() != 1 {
			return &mismatch{"RANDOMKEY", "a key", got.String()}
		}
		return nil
	})
}

// dumpRestore restores what each server dumps, or what one of them does. A
// hash that Redis keeps as a table is dumped in an order of chance, which then
// is the order of the fields: so both must restore the same.
func dumpRestore(g *gen) request {
	keys := g.fromTo()
	from, to := keys[0], keys[1]
	ttl, opts := g.pick("0", "0", g.millis()), g.maybe(70, "REPLACE")
	if g.chance(15) {
		ttl, opts = g.unixMillis(), append(opts, "ABSTTL")
	}
	opts = cat(opts, g.maybe(5, "IDLETIME", "10"), g.maybe(5, "FREQ", g.pick("7", "256")))
	whose := g.rnd.IntN(3) // redis's, ledge's, each its own
	name := cat("DUMP", from, "(RESTORE)", to, ttl, opts)
	return special(g, name, func(b *both) error {
		dumps := [2]resp.Value{}
		dumps[0], dumps[1] = b.do("DUMP", from)
		if dumps[0].Kind() != dumps[1].Kind() {
			return &mismatch{from, dumps[0].String(), dumps[1].String()}
		}
		if dumps[0].Kind() != resp.KindBulk {
			return nil
		}
		if whose < 2 || b.one(0, "OBJECT", "ENCODING", from).Str() == "hashtable" {
			dumps = [2]resp.Value{dumps[whose%2], dumps[whose%2]}
		}
		want := b.one(0, cat("RESTORE", to, ttl, dumps[0].Str(), opts)...)
		got := b.one(1, cat("RESTORE", to, ttl, dumps[1].Str(), opts)...)
		if !got.Equal(want) {
			return &mismatch{to, want.String(), got.String()}
		}
		return b.equal(nil, "TYPE", to)
	})
}
