package compat_test

import (
	"fmt"
	"slices"
	"strings"

	"ledge/respd/resp"
)

// rule says whether two replies are the same where they need not be equal.
type rule func(l *link, want, got resp.Value) bool

// unordered is for an array or set in no order.
func unordered(_ *link, want, got resp.Value) bool {
	return got.Equal(want) || sameShape(want, got) && slices.Equal(sorted(got), sorted(want))
}

// pairs is for a map, or an array of keys and values in turn, in no order.
func pairs(_ *link, want, got resp.Value) bool {
	return got.Equal(want) || sameShape(want, got) && slices.Equal(sortedPairs(got), sortedPairs(want))
}

func sameShape(want, got resp.Value) bool {
	return want.Kind() == got.Kind() && len(want.Elems()) == len(got.Elems())
}

func sortedPairs(v resp.Value) []string {
	var out []string
	for es := v.Elems(); len(es) > 1; es = es[2:] {
		out = append(out, es[0].String()+" "+es[1].String())
	}
	slices.Sort(out)
	return out
}

// orderedIf demands the order too if the key's encoding, which was asked for
// just before, is one that keeps it.
func orderedIf(encoding string, otherwise rule) rule {
	return func(l *link, want, got resp.Value) bool {
		if l.encoding == encoding {
			return got.Equal(want)
		}
		return otherwise(l, want, got)
	}
}

// within is for a number that may differ, as the time until a deadline does.
func within(delta int64) rule {
	return func(_ *link, want, got resp.Value) bool {
		if want.Kind() != resp.KindInt || got.Kind() != resp.KindInt || want.Num() < 0 || got.Num() < 0 {
			return got.Equal(want)
		}
		d := want.Num() - got.Num()
		return -delta <= d && d <= delta
	}
}

// sameSize is for a reply that may hold any members.
func sameSize(_ *link, want, got resp.Value) bool {
	if want.IsError() {
		return got.Equal(want)
	}
	return sameShape(want, got)
}

// sameEncoding is for OBJECT ENCODING. How a string lies in Redis's memory
// depends on how it came about, which ledge does not keep: it says what SET
// would have made of it.
func sameEncoding(l *link, want, got resp.Value) bool {
	l.encoding = want.Str()
	w, g := want.Str(), got.Str()
	// Nor does it keep that SDIFFSTORE put in other members first and took them
	// out again, where Redis stays with the large form.
	if isText(w) && (isText(g) || g == "int") || w == "hashtable" && g == "intset" {
		return true
	}
	return got.Equal(want)
}

func isText(encoding string) bool { return encoding == "raw" || encoding == "embstr" }

// script words turns as compat's scripts have them.
func script(turns []turn) string {
	var b strings.Builder
	for _, t := range turns {
		if t.req.run != nil {
			b.WriteString("# ")
		}
		fmt.Fprintf(&b, "%.4000s\n", t)
	}
	return b.String()
}

func quoteAll(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = quote(a)
	}
	return strings.Join(out, " ")
}

// quote writes an argument so that the inline parser reads it back.
func quote(s string) string {
	const hex = "0123456789abcdef"
	bare := s != ""
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\'' || c == '\\' || c == '#' {
			bare = false
		}
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f:
			b.WriteString(`\x` + string(hex[c>>4]) + string(hex[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	if bare {
		return s
	}
	return b.String()
}
