package keys_test

// What commands on keys do to the state and to the journal. The replies are
// compared with Redis's in respd/compat/testdata/keys; here are the things that
// it can't tell: what is journaled, deadlines to the millisecond, SCAN under
// writes, and the order in which our SCAN goes.

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
)

var start = time.UnixMilli(1_700_000_000_000)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: start, MaxValue: 1 << 10},
		strs.Table(), keys.Table())
}

func TestDeadlines(t *testing.T) {
	for _, tt := range []struct{ line, reply, pttl string }{
		{"EXPIRE k 2", "1", "2000"},
		{"PEXPIRE k 2", "1", "2"},
		{"EXPIREAT k 1700000003", "1", "3000"},
		{"PEXPIREAT k 1700000000001", "1", "1"},
		{"PEXPIREAT k 1700000000000", "1", "-2"},
		{"EXPIREAT k 0", "1", "-2"},
		{"PEXPIRE k 0", "1", "-2"},
		{"PEXPIRE k 9000 GT", "0", "9000"},
		{"PEXPIRE k 9001 GT", "1", "9001"},
		{"PEXPIRE k 9000 LT", "0", "9000"},
		{"PEXPIRE k 8999 LT", "1", "8999"},
		{"PEXPIRE k 1 NX", "0", "9000"},
		{"PEXPIRE k 1 XX", "1", "1"},
		{"PERSIST k", "1", "-1"},
	} {
		c := open(t)
		c.Want("SET k v EX 9", "OK")
		c.Want(tt.line, "(integer) "+tt.reply)
		if got := c.Line("PTTL k").String(); got != "(integer) "+tt.pttl {
			t.Errorf("PTTL after %s = %s; want %s", tt.line, got, tt.pttl)
		}
	}
}

// TTL rounds to the nearest second, half a second up.
func TestTTLRounds(t *testing.T) {
	c := open(t)
	for ms, want := range map[int]string{1: "0", 499: "0", 500: "1", 1499: "1", 1500: "2"} {
		c.Do("SET", "k", "v", "PX", strconv.Itoa(ms))
		c.Want("TTL k", "(integer) "+want)
	}
	c.Want("SET k v PXAT 1700000000500", "OK")
	c.Want("EXPIRETIME k", "(integer) 1700000001")
}

// A key is gone at its deadline, before anybody removes it; DBSIZE alone
// counts it until then.
func TestExpired(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"DEL k", "(integer) 0"}, {"UNLINK k", "(integer) 0"}, {"EXISTS k k", "(integer) 0"},
		{"TOUCH k", "(integer) 0"}, {"TYPE k", "none"}, {"TTL k", "(integer) -2"},
		{"EXPIRE k 9", "(integer) 0"}, {"PERSIST k", "(integer) 0"}, {"COPY k n", "(integer) 0"},
		{"MOVE k 1", "(integer) 0"}, {"RENAME k n", "(error) ERR no such key"},
		{"RENAMENX other k", "(integer) 1"}, {"COPY other k", "(integer) 1"},
		{"RANDOMKEY", `"other"`}, {"OBJECT ENCODING k", "(nil)"}, {"DBSIZE", "(integer) 2"},
	} {
		c := open(t)
		c.Want("SET k v PX 100", "OK")
		c.Want("SET other v", "OK")
		c.Advance(100 * time.Millisecond)
		c.Want(tt.line, tt.want)
	}
}

// What changes nothing is not journaled.
func TestNothingToWrite(t *testing.T) {
	c := open(t)
	c.Want("MSET k 1 l 2", "OK")
	before := c.Entries()
	for _, line := range []string{
		"DEL none", "UNLINK none", "RENAME k k", "RENAMENX k l", "RENAME none k", "COPY k l",
		"COPY none m", "MOVE none 1", "EXPIRE none 5", "EXPIRE k 5 XX", "PERSIST k", "PERSIST none",
		"SWAPDB 3 3", "SWAPDB 0 99", "FLUSHALL FOO",
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
	c.Line("SELECT 2")
	c.Want("FLUSHDB", "OK")
	if got := c.Entries(); got != before {
		t.Errorf("FLUSHDB of an empty database left %d batches; want none", got-before)
	}
	c.Want("FLUSHALL", "OK")
	c.Want("FLUSHALL", "OK")
	if got := c.Entries(); got != before+1 {
		t.Errorf("FLUSHALL twice left %d batches; want 1", got-before)
	}
}

// A longer name can make a value too large for its key.
func TestNameTooLong(t *testing.T) {
	c := open(t)
	c.Do("SET", "k", strings.Repeat("x", 1000))
	long := strings.Repeat("n", 100)
	for _, name := range []string{"RENAME", "RENAMENX", "COPY"} {
		if got := c.Do(name, "k", long).ErrorText(); !strings.HasSuffix(got, "max-value is 1024") {
			t.Errorf("%s to a long name = %q; want a refusal with both sizes", name, got)
		}
	}
	c.Want("DBSIZE", "(integer) 1")
}

// A whole SCAN sees each key that was there all along exactly once, whatever
// is written meanwhile, and does not depend on what COUNT is.
func TestScanUnderWrites(t *testing.T) {
	for _, count := range []int{1, 7, 1000, math.MaxInt} {
		c := open(t)
		for i := range 300 {
			c.Do("SET", fmt.Sprint("stays", i), "v")
		}
		seen := make(map[string]int)
		cursor := "0"
		for n := 0; n == 0 || cursor != "0"; n++ {
			v := c.Do("SCAN", cursor, "COUNT", strconv.Itoa(count), "MATCH", "stays*")
			cursor = v.Elems()[0].Str()
			for _, k := range v.Elems()[1].Elems() {
				seen[k.Str()]++
			}
			c.Do("SET", fmt.Sprint("comes", n), "v")
			c.Do("DEL", fmt.Sprint("comes", n-1))
			if n > 1000 {
				t.Fatalf("SCAN with COUNT %d has no end", count)
			}
		}
		for k, times := range seen {
			if times != 1 {
				t.Errorf("COUNT %d: SCAN gave %s %d times; want once", count, k, times)
			}
		}
		if len(seen) != 300 {
			t.Errorf("COUNT %d: SCAN gave %d keys; want 300", count, len(seen))
		}
	}
}

// KEYS is read in slices; all of them must come together.
func TestKeysMany(t *testing.T) {
	c := open(t)
	args := []string{"MSET"}
	for i := range 5000 {
		args = append(args, fmt.Sprint("k", i), "v")
	}
	c.Do(args...)
	if got := len(c.Line("KEYS *").Elems()); got != 5000 {
		t.Errorf("KEYS * gives %d keys; want 5000", got)
	}
	if got := len(c.Line("KEYS k1??").Elems()); got != 100 {
		t.Errorf("KEYS k1?? gives %d keys; want 100", got)
	}
}

// Clearing, exchanging and moving across databases, in one conversation.
func TestDatabases(t *testing.T) {
	c := open(t)
	c.Want("SET a 0 EX 9", "OK")
	c.Want("COPY a a DB 1", "(integer) 1")
	c.Want("SWAPDB 1 2", "OK")
	c.Want("SELECT 2", "OK")
	c.Want("PTTL a", "(integer) 9000")
	c.Want("MOVE a 3", "(integer) 1")
	c.Want("DBSIZE", "(integer) 0")
	c.Want("FLUSHDB", "OK")
	c.Want("SELECT 3", "OK")
	c.Want("GET a", `"0"`)
	c.Want("FLUSHALL", "OK")
	c.Want("DBSIZE", "(integer) 0")
	c.Want("SET a 1", "OK")
	c.Want("TTL a", "(integer) -1")
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(keys.Table())
	for _, s := range table.All() {
		if s.Group != "generic" && s.Group != "server" || s.Since == "" || s.Summary == "" {
			t.Errorf("%s: group %q, since %q, summary %q", s.Name, s.Group, s.Since, s.Summary)
		}
	}
	if got := len(table.All()); got != 31 {
		t.Errorf("%d commands; want 31", got)
	}
}
