package respd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// fillLarge gives a node one key of each type of collection, each with 10000 elements.
func fillLarge(c *client) {
	var list, set, zset, hash strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&list, " %d", i*7919%10_000)
		fmt.Fprintf(&set, " m%d", i)
		fmt.Fprintf(&zset, " %d m%d", i, i)
		fmt.Fprintf(&hash, " f%d v", i)
	}
	c.want("RPUSH list"+list.String(), "(integer) 10000")
	c.want("SADD set"+set.String(), "(integer) 10000")
	c.want("ZADD zset"+zset.String(), "(integer) 10000")
	c.want("HSET hash"+hash.String(), "(integer) 10000")
	c.want("SETRANGE str 999999 x", "(integer) 1000000")
}

// besideLoop are commands that have much to read, each on the event loop's account
// unless it is run beside it.
var besideLoop = [][]string{
	{"SORT list"}, {"SORT list LIMIT 0 1"}, {"SORT_RO list DESC"}, {"SORT list BY w_* GET w_* GET #"},
	{"SORT_RO set ALPHA"}, {"SORT zset ALPHA"}, {"SCAN 0 MATCH none* COUNT 20000"}, {"SSCAN set 0 COUNT 10000"},
	{"HSCAN hash 0 COUNT 10000"}, {"ZSCAN zset 0 COUNT 10000"}, {"LCS k k LEN"}, {"KEYS none*"},
	{"LRANGE list 0 -1"}, {"HGETALL hash"}, {"SINTERCARD 2 set set"}, {"LPOS list none"}, {"BITCOUNT str"},
	{"MULTI", "SMEMBERS set", "EXEC"}, {"MULTI", "GET x", "SORT list", "EXEC"},
	{"MULTI", "LRANGE list 0 4999", "LRANGE list 0 4999", "PING", "EXEC"},
	{"MULTI", "HRANDFIELD hash -20000", "CLIENT ID", "EXEC"},
}

// What has much to read waits beside the loop until there is room for it. Meanwhile the
// loop serves others, and they all have their answers in the end.
func TestBesideLoop(t *testing.T) {
	needsLoop(t)
	t.Parallel()
	began, on := make(chan struct{}), make(chan struct{})
	n := start(t, func(cfg *respd.Config) {
		cfg.Bound = 256 << 20
		cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
			Name: "linger", Arity: 2, Flags: command.Slow | command.ReadOnly, Keys: command.OneKey,
			Read: func(*replay.View, command.Args) resp.Value {
				close(began)
				<-on
				return resp.OK
			},
		}})
	})
	p, first := n.dial(), n.dial()
	fillLarge(p)
	first.send(encode("LINGER k"))
	within(t, "LINGER", began)
	var all []*client
	for _, lines := range besideLoop {
		c := n.dial()
		c.send(encode(lines...))
		all = append(all, c)
	}
	p.want("SET k 1", "OK") // nothing holds up the loop or the writer
	p.want("LPUSH list 10000", "(integer) 10001")
	for i, c := range all {
		for range len(besideLoop[i]) - 1 { // of MULTI
			c.next()
		}
		if err := c.nc.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.r.ReadValue(); err == nil {
			t.Errorf("%v is answered by the loop; want it beside", besideLoop[i])
		}
	}
	close(on)
	first.expect("OK")
	for i, c := range all {
		_ = c.nc.SetReadDeadline(time.Now().Add(patience))
		if got := c.next(); strings.Contains(got, "error") {
			t.Errorf("%v = %.100s; want an answer", besideLoop[i], got)
		}
	}
}

// A transaction that only reads runs beside the loop as it would on it: what it watches
// keeps it from running, its replies are one, and what can't be pinned runs all the same.
func TestLargeReadsInExec(t *testing.T) {
	t.Parallel()
	n := start(t)
	c, other := n.dial(), n.dial()
	fillLarge(c)
	exec := func(lines ...string) string {
		t.Helper()
		c.send(encode(append(append([]string{"MULTI"}, lines...), "EXEC")...))
		for range len(lines) + 1 {
			c.next()
		}
		return c.next()
	}
	if got := exec("LPOS list none", "LLEN list", "PING", "GET x"); got != "[(nil) (integer) 10000 PONG (nil)]" {
		t.Errorf("EXEC = %s; want what its commands answer", got)
	}
	c.want("WATCH x", "OK")
	other.want("SET x 1", "OK")
	if got := exec("LPOS list none"); got != "(nil array)" {
		t.Errorf("EXEC after a change of what is watched = %s; want nothing", got)
	}
	c.want("WATCH x", "OK")
	if got := exec("LPOS list none", "GET x"); got != `[(nil) "1"]` {
		t.Errorf("EXEC = %s; want it to run", got)
	}
	if got := exec("SELECT 1", "LLEN list", "SELECT 0", "LPOS list none"); got != "[OK (integer) 0 OK (nil)]" {
		t.Errorf("EXEC in two databases = %s; want the empty one's and the full one's", got)
	}
	if got := exec("LPOS list none", "KEYS non*", "SCAN 0 MATCH non* COUNT 20000", "DBSIZE"); got != `[(nil) [] ["0" []] (integer) 6]` {
		t.Errorf("EXEC of what walks the keys = %s; want no keys, and 6", got)
	}
	if got := exec("HRANDFIELD hash -9000"); strings.Count(got, "f") != 9000 {
		t.Errorf("EXEC of HRANDFIELD has %d fields; want 9000", strings.Count(got, "f"))
	}
	if got := exec("SORT list LIMIT 0 2", "SORT list BY w_* LIMIT 0 1 STORE d", "SORT list LIMIT a b"); got != `[["0" "1"] (integer) 1 (error) ERR value is not an integer or out of range]` {
		t.Errorf("EXEC of SORT = %s; want the least, 1 stored, and an error", got)
	}
	c.want("SORT list LIMIT 0 2 DESC", `["9999" "9998"]`)
	other.want("CLIENT PAUSE 100000 WRITE", "OK")
	c.send(encode("SORT list LIMIT 0 0")) // as in Redis it is a write for this
	_ = c.nc.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if v, err := c.r.ReadValue(); err == nil {
		t.Errorf("SORT = %v while writes are paused; want it to wait", v)
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(patience))
	other.want("CLIENT UNPAUSE", "OK")
	c.expect("[]")
	c.want("SORT hash", "(error) WRONGTYPE …")
	c.want("SORT list LIMIT", "(error) ERR syntax error")
}
