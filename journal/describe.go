package journal

import (
	"encoding/base64"
	"math"
	"unicode/utf8"
)

// Describe returns an effect's name, as "op", and its fields, ready for JSON.
// Text that is not UTF-8 and numbers that are not finite, for which JSON has no
// form, become {"base64": …} and text.
func Describe(op Op) map[string]any { return effects.describe(op) }

func (t *table) describe(op Op) map[string]any {
	m := map[string]any{"op": t.of(op).name}
	op.fields(&coder{doing: showing, show: func(name string, val any) { m[name] = plain(val) }})
	return m
}

// plain makes a field's value one that JSON can show.
func plain(val any) any {
	switch v := val.(type) {
	case string:
		return plainText(v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = plainText(s)
		}
		return list
	case []SlotRange:
		list := make([]any, len(v))
		for i, r := range v {
			list[i] = map[string]any{"First": r.First, "Last": r.Last}
		}
		return list
	case []Scored:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = map[string]any{"Member": plainText(s.Member), "Score": plainScore(s.Score)}
		}
		return list
	}
	return val
}

func plainText(s string) any {
	if !utf8.ValidString(s) {
		return map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(s))}
	}
	return s
}

func plainScore(f float64) any {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return f
}
