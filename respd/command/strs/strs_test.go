package strs_test

// What strings do to the state and to the journal. The replies are compared
// with Redis's in respd/compat/testdata/strs; here are the things that it can't
// tell: what is journaled, deadlines to the millisecond, and our own limits.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
	"ledge/respd/resp"
)

var start = time.UnixMilli(1_700_000_000_000)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: start, MaxValue: 1 << 10},
		strs.Table(), keys.Table())
}

func TestDeadlines(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"SET k v EX 2", "(integer) 2000"},
		{"SET k v PX 2", "(integer) 2"},
		{"SET k v EXAT 1700000003", "(integer) 3000"},
		{"SET k v PXAT 1700000000003", "(integer) 3"},
		{"SET k v", "(integer) -1"},
		{"SET k v KEEPTTL", "(integer) 9000"},
		{"SET k v XX KEEPTTL GET", "(integer) 9000"},
		{"SET k v PXAT 1700000000000", "(integer) -2"},
		{"SETEX k 5 v", "(integer) 5000"},
		{"PSETEX k 5 v", "(integer) 5"},
		{"GETEX k EX 5", "(integer) 5000"},
		{"GETEX k PX 5", "(integer) 5"},
		{"GETEX k EXAT 1700000003", "(integer) 3000"},
		{"GETEX k PXAT 1700000000003", "(integer) 3"},
		{"GETEX k PXAT 1700000000000", "(integer) -2"},
		{"GETEX k PERSIST", "(integer) -1"},
		{"GETEX k", "(integer) 9000"},
		{"GETSET k v", "(integer) -1"},
		{"MSET k v", "(integer) -1"},
		{"INCR k", "(integer) 9000"},
		{"DECRBY k 7", "(integer) 9000"},
		{"INCRBYFLOAT k 0.5", "(integer) 9000"},
		{"APPEND k 1", "(integer) 9000"},
		{"SETRANGE k 9 1", "(integer) 9000"},
	} {
		c := open(t)
		c.Want("SET k 10 EX 9", "OK")
		if v := c.Line(tt.line); v.IsError() {
			t.Errorf("%s = %s; want no error", tt.line, v)
		}
		if got := c.Line("PTTL k").String(); got != tt.want {
			t.Errorf("PTTL after %s = %s; want %s", tt.line, got, tt.want)
		}
	}
}

// A string is there up to its deadline and not at it, whether a sweeper has
// come by or not, and whatever replaces it does not inherit anything.
func TestExpired(t *testing.T) {
	for _, tt := range []struct{ line, reply, value, ttl string }{
		{"GET k", "(nil)", "(nil)", "-2"},
		{"GETDEL k", "(nil)", "(nil)", "-2"},
		{"GETEX k PERSIST", "(nil)", "(nil)", "-2"},
		{"SETNX k 1", "(integer) 1", `"1"`, "-1"},
		{"SET k 1 XX", "(nil)", "(nil)", "-2"},
		{"SET k 1 KEEPTTL GET", "(nil)", `"1"`, "-1"},
		{"INCR k", "(integer) 1", `"1"`, "-1"},
		{"INCRBYFLOAT k 1.5", `"1.5"`, `"1.5"`, "-1"},
		{"APPEND k x", "(integer) 1", `"x"`, "-1"},
		{"SETRANGE k 1 x", "(integer) 2", `"\x00x"`, "-1"},
		{"MSETNX k 1", "(integer) 1", `"1"`, "-1"},
		{"GETSET k 1", "(nil)", `"1"`, "-1"},
		{"STRLEN k", "(integer) 0", "(nil)", "-2"},
	} {
		c := open(t)
		c.Want("SET k 41 PX 100", "OK")
		c.Advance(99 * time.Millisecond)
		c.Want("GET k", `"41"`)
		c.Advance(time.Millisecond)
		c.Want(tt.line, tt.reply)
		c.Want("GET k", tt.value)
		if got := c.Line("PTTL k").String(); got != "(integer) "+tt.ttl {
			t.Errorf("PTTL after %s = %s; want %s", tt.line, got, tt.ttl)
		}
	}
}

// What changes nothing is not journaled.
func TestNothingToWrite(t *testing.T) {
	c := open(t)
	c.Want("SET k abc", "OK")
	before := c.Entries()
	for _, line := range []string{
		"SETNX k 1", "SET k 1 NX", "SET k 1 NX GET", "SET none 1 XX", "SET none 1 PXAT 1",
		"MSETNX none 1 k 1", "GETEX k", "GETEX k PERSIST", "GETEX none EX 5", "GETDEL none",
		"APPEND k \"\"", "SETRANGE k 5 \"\"", "SETRANGE none 5 \"\"", "INCR k", "INCRBYFLOAT k 1",
		"SET k 1 EX 0", "MSET a 1 b", "SETEX k 0 v", "GETEX k EX 0",
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
	c.Want("GET k", `"abc"`)
	c.Want("DBSIZE", "(integer) 1")
}

// Values over max-value are refused with the figure and leave nothing, not
// even the first half of an MSET.
func TestTooLarge(t *testing.T) {
	c := open(t)
	long := strings.Repeat("x", 1<<10)
	c.Want("SET k "+long[:1023], "OK")
	for _, args := range [][]string{
		{"SET", "k", long}, {"SETNX", "n", long}, {"SETEX", "n", "9", long}, {"GETSET", "k", long},
		{"MSET", "a", "1", "n", long}, {"MSETNX", "a", "1", "n", long}, {"APPEND", "k", "x"},
		{"SETRANGE", "k", "1023", "x"}, {"SETRANGE", "n", "400000000", "x"},
		{"INCRBYFLOAT", "n", "1e4000"},
	} {
		got := c.Do(args...).ErrorText()
		if !strings.HasPrefix(got, "ERR string exceeds maximum allowed size: ") ||
			!strings.HasSuffix(got, "max-value is 1024") {
			t.Errorf("%.40q = %q; want a refusal with both sizes", args, got)
		}
	}
	c.Want("STRLEN k", "(integer) 1023")
	c.Want("DBSIZE", "(integer) 1")
}

// A command of an earlier batch must not be overwritten through a value that
// was handed out.
func TestRepliesStay(t *testing.T) {
	c := open(t)
	c.Want("SET k before", "OK")
	old := c.Line("GETSET k after")
	c.Want("SETRANGE k 0 AFTER", "(integer) 5")
	all := c.Line("MGET k k")
	c.Want("SETRANGE k 0 again", "(integer) 5")
	if got := old.String(); got != `"before"` {
		t.Errorf("GETSET's reply became %s", got)
	}
	if got := all.Elems()[0].Str(); got != "AFTER" {
		t.Errorf("MGET's reply became %q", got)
	}
}

// Redis finds one of several subsequences by a rule; these are Redis's.
func TestLCS(t *testing.T) {
	c := open(t)
	for _, tt := range []struct{ a, b, want string }{
		{"ohmytext", "mynewtext", "mytext"},
		{"abc", "cba", "c"},
		{"xaybzc", "abxyzc", "abzc"},
		{"", "abc", ""},
		{strings.Repeat("ab", 100), strings.Repeat("ba", 100), "b" + strings.Repeat("ab", 99)},
	} {
		c.Do("MSET", "a", tt.a, "b", tt.b)
		if got := c.Line("LCS a b").Str(); len(got) != len(tt.want) || !subsequence(got, tt.a) ||
			!subsequence(got, tt.b) {
			t.Errorf("LCS of %q and %q = %q; want %q", tt.a, tt.b, got, tt.want)
		}
	}
}

func subsequence(s, of string) bool {
	for _, c := range []byte(s) {
		i := strings.IndexByte(of, c)
		if i < 0 {
			return false
		}
		of = of[i+1:]
	}
	return true
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(strs.Table())
	for _, s := range table.All() {
		if s.Group != "string" || s.Since == "" || s.Summary == "" || s.Keys.First != 1 {
			t.Errorf("%s: group %q, since %q, summary %q, keys %v", s.Name, s.Group, s.Since,
				s.Summary, s.Keys)
		}
	}
	if got := len(table.All()); got != 22 {
		t.Errorf("%d commands; want 22", got)
	}
}

func BenchmarkLCS(b *testing.B) {
	for _, n := range []int{100, 1000, 11000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := commandtest.Open(b, commandtest.Config{}, strs.Table())
			c.Do("MSET", "a", strings.Repeat("abc", n/3), "b", strings.Repeat("cab", n/3))
			for b.Loop() {
				if v := c.Do("LCS", "a", "b"); v.Kind() != resp.KindBulk {
					b.Fatal(v)
				}
			}
		})
	}
}
