package lua

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ledge/respd/redistest"
)

// printing is what scripts that are compared begin and end with: p collects
// lines, which the script returns.
const (
	printing = `local out = {} local function p(...) local s = '' ` +
		`for i = 1, select('#', ...) do s = s .. (i > 1 and ' ' or '') .. tostring((select(i, ...))) end ` +
		`out[#out+1] = s end `
	printed = "\nreturn table.concat(out, '\\n')"
)

// TestSemantics runs the scripts of testdata/semantics here and on redis-server.
// A file has several, with lines of dashes between them.
func TestSemantics(t *testing.T) {
	r := redistest.NewScripts(t, redistest.Start(t))
	files, err := filepath.Glob("testdata/semantics/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	w := newWorld(Config{})
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.SplitSeq(string(data), "\n---\n") {
			compare(t, r, w, printing+text+printed)
		}
	}
}

// addresses are what tostring prints of objects.
var addresses = regexp.MustCompile("0x[0-9a-f]{12}")

// compare runs a script here and there.
func compare(t *testing.T, r *redistest.Scripts, w *world, text string) {
	t.Helper()
	got := addresses.ReplaceAllString(w.eval(text, 1<<28), "0x")
	// Its collector forgets removed keys, so that they go elsewhere when they
	// come back.
	want := addresses.ReplaceAllString(r.Eval("collectgarbage('stop') "+text), "0x")
	if got == want {
		return
	}
	g, x := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(x)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(x) {
			b = x[i]
		}
		if a != b {
			text = strings.TrimSuffix(strings.TrimPrefix(text, printing), printed)
			t.Errorf("line %d of\n%s\ngot  %s\nwant %s", i+1, text, a, b)
			return
		}
	}
}
