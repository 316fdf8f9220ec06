package compat_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"ledge/respd/lua/luatest"
	"ledge/respd/resp"
)

// Scripts drawn from Lua's whole library must get the same replies from
// redis-server and from ledge, texts of errors and places included.
//
// LUA_SCRIPTS is how many, LUA_SEED where they begin. luatest.Script says what
// is not compared.
func TestLuaDifferential(t *testing.T) {
	n, seed := luaNumber(t, "LUA_SCRIPTS", 2000), uint64(luaNumber(t, "LUA_SEED", 1))
	if testing.Short() {
		n /= 10
	}
	t.Logf("LUA_SEED=%d", seed)
	ours, redis := dialLua(t, startLedge(t)), dialLua(t, startRedis(t))
	failed, crashes := map[string]int{}, 0
	for i := range n {
		family, text := luatest.Script(seed, uint64(i))
		args := []string{"EVAL", text, "0"}
		want, err := redis.do(args)
		if errors.Is(err, io.EOF) || isReset(err) {
			// It is not proof against tables without "err" that end a script.
			crashes++
			redis = dialLua(t, startRedis(t))
			continue
		}
		if err != nil {
			t.Fatalf("redis-server: %v after\n%s", err, text)
		}
		got, err := ours.do(args)
		if err != nil {
			t.Fatalf("LUA_SEED=%d, script %d: %v after\n%s", seed, i, err, text)
		}
		if got.Equal(want) || got.IsError() && want.IsError() && masked(got) == masked(want) {
			continue
		}
		if failed[family]++; failed[family] <= 3 {
			t.Errorf("LUA_SEED=%d, script %d (%s):\n%s\n got %v\nwant %v", seed, i, family, text[len(luatest.Prelude):], got, want)
		}
	}
	t.Logf("%d scripts, differing: %v; redis-server crashed %d times", n, failed, crashes)
	if crashes > 1+n/500 {
		t.Errorf("redis-server crashed %d times: too little was compared", crashes)
	}
}

// masked is an error's text without the addresses that tostring prints.
func masked(v resp.Value) string {
	return address.ReplaceAllString(v.ErrorText(), "$1: ADDRESS")
}

var address = regexp.MustCompile(`(function|table|thread|userdata): 0x[0-9a-f]+`)

func dialLua(t *testing.T, addr string) *client {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{nc: nc, r: resp.NewReader(bufio.NewReader(nc))}
}

// luaNumber is a number from the environment.
func luaNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
