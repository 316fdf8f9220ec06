package resp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledge/respd/resp"
)

// Words that were read from a line, each quoted, must be read as the same words.
func FuzzInline(f *testing.F) {
	for _, tt := range words {
		f.Add(tt.line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.HasPrefix(line, "*") {
			return
		}
		first, n, err := inlineWords(line)
		if err != nil || n == 0 || len(first) == 0 {
			return
		}
		var quoted []string
		for _, w := range first {
			var b strings.Builder
			for _, c := range []byte(w) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
			quoted = append(quoted, `"`+b.String()+`"`)
		}
		again, _, err := inlineWords(strings.Join(quoted, " "))
		if err != nil || !slices.Equal(again, first) {
			t.Errorf("%q is %q; quoted %q, %v", line, first, again, err)
		}
	})
}

func inlineWords(line string) ([]string, int, error) {
	p := resp.Parser{Authed: true, MaxInline: 1 << 20}
	args, n, err := p.Next([]byte(line+"\r\n"), nil)
	var out []string
	for _, a := range args {
		out = append(out, string(a))
	}
	return out, n, err
}
