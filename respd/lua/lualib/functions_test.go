package lualib_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ledge/respd/lua"
	"ledge/respd/lua/luatest"
)

// Each function of the library, and what each refuses: testdata/functions.txt
// has expressions, and what redis-server 7.0.15 prints of them.
func TestFunctions(t *testing.T) {
	b, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		expr, want := strings.TrimPrefix(lines[i], "> "), lines[i+1]
		w := newWorld(lua.Config{})
		got, err := w.eval(luatest.Prelude+"return S("+expr+")", 1<<30)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
		}
		if got = visible(got); got != want {
			t.Errorf("%s\n got %s\nwant %s", expr, got, want)
		}
	}
}

// visible has all bytes that can't be seen as "\x00".
func visible(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
