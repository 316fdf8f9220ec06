package lualib_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"ledge/respd/lua"
	"ledge/respd/lua/luatest"
	"ledge/respd/redistest"
)

// count returns how many scripts a test draws: what the environment says, or n,
// and fewer with -short.
func count(t *testing.T, name string, n int) int {
	t.Helper()
	if text := os.Getenv(name); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	if testing.Short() {
		return n / 10
	}
	return n
}

func seed(t *testing.T, name string) uint64 {
	t.Helper()
	v := uint64(1)
	if text := os.Getenv(name); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		v = n
	}
	t.Logf("%s=%d", name, v)
	return v
}

// Generated scripts over the whole library must be answered as redis-server 7.0
// answers them, texts of errors included.
//
// LUA_SCRIPTS is how many, LUA_SEED where they begin, LUA_FAILURES how many
// differences of a family to print. luatest.Script says what is not compared.
func TestCompareScripts(t *testing.T) {
	r := redistest.NewScripts(t, redistest.Start(t))
	n, from := count(t, "LUA_SCRIPTS", 3000), seed(t, "LUA_SEED")
	most := count(t, "LUA_FAILURES", 5)
	w := newWorld(lua.Config{})
	failed, crashes := map[string]int{}, 0
	for i := range n {
		family, text := luatest.Script(from, uint64(i))
		want, ok := r.Try(text)
		if !ok {
			// It is not proof against tables without "err" that end a script.
			crashes++
			r = redistest.NewScripts(t, redistest.Start(t))
			continue
		}
		got, err := w.eval(text, 1<<30)
		if err != nil {
			got = "ended: " + err.Error()
		}
		if address.ReplaceAllString(got, "$1: ADDRESS") == address.ReplaceAllString(want, "$1: ADDRESS") {
			continue
		}
		failed[family]++
		if failed[family] <= most {
			t.Errorf("LUA_SEED=%d, script %d (%s):\n%s\n got %q\nwant %q", from, i, family, text[len(luatest.Prelude):], got, want)
		}
	}
	t.Logf("%d scripts, differing: %v; redis-server crashed %d times", n, failed, crashes)
	if crashes > n/500 {
		t.Errorf("redis-server crashed %d times: too little was compared", crashes)
	}
}

// address is what tostring prints of an object, which differs by nature.
var address = regexp.MustCompile(`(function|table|thread|userdata): 0x[0-9a-f]+`)
