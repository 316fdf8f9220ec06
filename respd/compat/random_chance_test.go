package compat_test

import (
	"fmt"
	"slices"
	"strconv"

	"ledge/respd/resp"
)

// Commands that answer, or take away, something drawn by chance: the reply
// must be made of what is there, in the right number.

// whole reads a collection as texts, one for each member, as the command that
// draws from it shows them with values.
type whole func(b *both, i int, key string) []string

func wholeSet(b *both, i int, key string) []string { return texts(b.one(i, "SMEMBERS", key), 1) }

func wholeHash(b *both, i int, key string) []string {
	return texts(b.one(i, "HGETALL", key), 2)
}

func wholeZset(b *both, i int, key string) []string {
	return texts(b.one(i, "ZRANGE", key, "0", "-1", "WITHSCORES"), 2)
}

// texts splits a reply into members of so many parts. RESP3 may have them
// nested.
func texts(v resp.Value, parts int) []string {
	es := v.Elems()
	if parts > 1 && len(es) > 0 && es[0].Kind() == resp.KindArray {
		var flat []resp.Value
		for _, e := range es {
			flat = append(flat, e.Elems()...)
		}
		es = flat
	}
	var out []string
	for ; len(es) >= parts; es = es[parts:] {
		out = append(out, resp.Array(es[:parts]...).String())
	}
	return out
}

// firsts leaves only the first part of each member.
func firsts(v resp.Value, parts int) []string {
	var out []string
	for es := v.Elems(); len(es) >= parts; es = es[parts:] {
		out = append(out, resp.Array(es[0]).String())
	}
	return out
}

// drawn is a command that answers members by chance: one, some, or as many as
// asked for with repeats. With is the option that adds the values.
func drawn(g *gen, name, key, with string, all whole) request {
	args := []string{name, key}
	n := 0
	if g.chance(75) {
		n = g.rnd.IntN(30) - 15
		args = append(args, strconv.Itoa(n))
	}
	values := with != "" && len(args) == 3 && g.chance(50)
	if values {
		args = append(args, with)
	}
	return special(g, args, func(b *both) error {
		want, got := b.do(args...)
		if want.Kind() != got.Kind() || want.IsError() || want.IsNil() {
			if got.Equal(want) {
				return nil
			}
			return &mismatch{key, want.String(), got.String()}
		}
		for i, v := range []resp.Value{want, got} {
			if err := fair(v, b, i, n, key, with != "", values, all); err != nil {
				return &mismatch{key, "members that are there", v.String() + ": " + err.Error()}
			}
		}
		if len(want.Elems()) != len(got.Elems()) {
			return &mismatch{key, want.String(), got.String()}
		}
		return nil
	})
}

// fair checks that a reply consists of members, and of different ones if n is
// positive.
func fair(v resp.Value, b *both, i, n int, key string, mapped, values bool, all whole) error {
	members := all(b, i, key)
	parts := 1
	switch {
	case v.Kind() == resp.KindBulk:
		v = resp.Array(v)
	case values:
		parts = 2
	}
	if mapped && !values {
		members = names(b, i, key)
	}
	got := texts(v, parts)
	for _, m := range got {
		if !slices.Contains(members, m) {
			return fmt.Errorf("%s is not there", m)
		}
	}
	slices.Sort(got)
	if n > 0 && len(slices.Compact(slices.Clone(got))) != len(got) {
		return fmt.Errorf("a member stands twice")
	}
	return nil
}

// names reads the fields of a hash, or the members of a sorted set.
func names(b *both, i int, key string) []string {
	if v := b.one(i, "HKEYS", key); !v.IsError() {
		return firsts(v, 1)
	}
	return firsts(b.one(i, "ZRANGE", key, "0", "-1"), 1)
}

// popped takes members away by chance. What one server has lost the other
// loses then, so that both are the same again.
func popped(g *gen) request {
	key := g.key("t")
	args := []string{"SPOP", key}
	if g.chance(60) {
		args = append(args, strconv.Itoa(g.rnd.IntN(6)))
	}
	return special(g, args, func(b *both) error {
		before := [2][]string{wholeSet(b, 0, key), wholeSet(b, 1, key)}
		want, got := b.do(args...)
		if want.Kind() != got.Kind() || len(want.Elems()) != len(got.Elems()) || want.IsError() && !got.Equal(want) {
			return &mismatch{key, want.String(), got.String()}
		}
		gone := []string{"SREM", key}
		for i, v := range []resp.Value{want, got} {
			if v.Kind() == resp.KindBulk {
				v = resp.Array(v)
			}
			for _, e := range v.Elems() {
				if !slices.Contains(before[i], resp.Array(e).String()) {
					return &mismatch{key, "members that are there", v.String()}
				}
				gone = append(gone, e.Str())
			}
		}
		if len(gone) > 2 {
			b.do(gone...)
		}
		return b.equal(nil, "SCARD", key)
	})
}
