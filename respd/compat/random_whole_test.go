package compat_test

import (
	"slices"
	"strconv"
	"strings"

	"ledge/respd/resp"
)

// wholeOf is an entry for a command that answers a whole collection. Now and
// then the encoding is asked for first: with the given one, order counts.
func wholeOf(name, kind, encoding string, otherwise rule) entry {
	return entry{name, 3, func(g *gen) request {
		args := []string{strings.ToUpper(name), g.key(kind)}
		if !g.chance(40) {
			return request{args: args, same: otherwise}
		}
		return special(g, args, func(b *both) error {
			if err := b.equal(sameEncoding, "OBJECT", "ENCODING", args[1]); err != nil {
				return err
			}
			return b.equal(orderedIf(encoding, otherwise), args...)
		})
	}}
}

// wholeData compares all that both servers hold: the keys of each database,
// and of each key type, deadline, encoding and contents.
func wholeData() request {
	return request{args: []string{"(everything)"}, run: func(b *both) error {
		for db := range databases {
			b.do("SELECT", strconv.Itoa(db))
			if err := b.compareDatabase(); err != nil {
				return err
			}
		}
		return nil
	}}
}

func (b *both) compareDatabase() error {
	want, got := b.do("KEYS", "*")
	keys, ours := keyNames(want), keyNames(got)
	for _, k := range slices.Concat(keys, ours) {
		if slices.Contains(keys, k) != slices.Contains(ours, k) {
			return &mismatch{k, strconv.FormatBool(slices.Contains(keys, k)), strconv.FormatBool(slices.Contains(ours, k))}
		}
	}
	for _, k := range keys {
		if err := b.compareKey(k); err != nil {
			return err
		}
	}
	return nil
}

func keyNames(v resp.Value) []string {
	var out []string
	for _, e := range v.Elems() {
		out = append(out, e.Str())
	}
	slices.Sort(out)
	return out
}

func (b *both) compareKey(key string) error {
	kind := b.one(0, "TYPE", key).Str()
	asked := []struct {
		same rule
		args []string
	}{
		{nil, []string{"TYPE", key}},
		{within(ttlMillis), []string{"PTTL", key}},
		{sameEncoding, []string{"OBJECT", "ENCODING", key}},
		contents(kind, key),
	}
	for _, a := range asked {
		want, got := b.do(a.args...)
		if a.same == nil && got.Equal(want) || a.same != nil && a.same(b.link, want, got) {
			continue
		}
		return &mismatch{key, quoteAll(a.args) + " " + want.String(), quoteAll(a.args) + " " + got.String()}
	}
	return nil
}

func contents(kind, key string) struct {
	same rule
	args []string
} {
	type ask = struct {
		same rule
		args []string
	}
	switch kind {
	case "hash":
		return ask{orderedIf("listpack", pairs), []string{"HGETALL", key}}
	case "list":
		return ask{nil, []string{"LRANGE", key, "0", "-1"}}
	case "set":
		return ask{orderedIf("intset", unordered), []string{"SMEMBERS", key}}
	case "zset":
		return ask{nil, []string{"ZRANGE", key, "0", "-1", "WITHSCORES"}}
	}
	return ask{nil, []string{"GET", key}}
}
