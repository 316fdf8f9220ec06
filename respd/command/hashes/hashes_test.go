package hashes_test

// What hashes do to the state, to the journal and to listeners. The replies of
// Redis 7.0's commands are compared with Redis's in respd/compat/testdata/hashes;
// here is what those can't tell: what is journaled, events, and our own limits.
// The commands on fields that expire, which that Redis lacks, are in
// expire_test.go.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/hashes"
	"ledge/respd/command/keys"
	"ledge/respd/command/strs"
	"ledge/respd/resp"
)

var start = time.UnixMilli(1_700_000_000_000)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: start, MaxValue: 1 << 10},
		hashes.Table(), keys.Table(), strs.Table())
}

func TestReplies(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"HSET h a 9 new 1 new 2", "(integer) 1"},
		{"HMSET h a 9", "OK"},
		{"HSETNX h a 9", "(integer) 0"},
		{"HSETNX h new 9", "(integer) 1"},
		{"HGET h a", `"1"`},
		{"HMGET h b none a", `["2" (nil) "1"]`},
		{"HGETALL h", `{"a" "1" "b" "2" "c" "x"}`},
		{"HGETALL none", "{}"},
		{"HKEYS h", `["a" "b" "c"]`},
		{"HVALS h", `["1" "2" "x"]`},
		{"HEXISTS h a", "(integer) 1"},
		{"HLEN h", "(integer) 3"},
		{"HSTRLEN h a", "(integer) 1"},
		{"HDEL h a b b none", "(integer) 2"},
		{"HINCRBY h a 4", "(integer) 5"},
		{"HINCRBYFLOAT h a 0.1", `"1.1"`},
		{"HINCRBY h c 4", "(error) ERR hash value is not an integer"},
		{"HINCRBYFLOAT h c 4", "(error) ERR hash value is not a float"},
		{"HINCRBYFLOAT h a -inf", "(error) ERR value is NaN or Infinity"},
		{"HRANDFIELD none", "(nil)"},
		{"HRANDFIELD h 9", `["a" "b" "c"]`},
		{"HRANDFIELD h 9 WITHVALUES", `("a" "1" "b" "2" "c" "x")`},
		{"HSCAN h 0", `["0" ["a" "1" "b" "2" "c" "x"]]`},
		{"HSCAN h 0 NOVALUES", `["0" ["a" "b" "c"]]`},
		{"HSCAN h 0 MATCH b novalues COUNT 1", `["0" ["b"]]`},
		{"HSCAN h 0 NOVALUES x", "(error) ERR syntax error"},
		{"HSCAN none 0 NOVALUES x", `["0" []]`},
	} {
		c := open(t)
		c.Want("HSET h a 1 b 2 c x", "(integer) 3")
		c.Want(tt.line, tt.want)
	}
}

// Each writing command tells what it did, and of the key when the hash is
// empty. One that did nothing tells nothing and is not journaled.
func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		line string
		want string
	}{
		{"HSET h a 1", "hset h"},
		{"HSET h a 1 new 2", "hset h"},
		{"HMSET h a 1", "hset h"},
		{"HSETNX h new 1", "hset h"},
		{"HSETNX h a 1", ""},
		{"HDEL h a", "hdel h"},
		{"HDEL h none", ""},
		{"HDEL none a", ""},
		{"HDEL h a b t", "hdel h,del h"},
		{"HINCRBY h a 1", "hincrby h"},
		{"HINCRBYFLOAT h a 1", "hincrbyfloat h"},
		{"HINCRBY h b 1", ""},
		{"HEXPIRE h 5 FIELDS 2 a none", "hexpire h"},
		{"HEXPIRE h 5 XX FIELDS 2 a none", ""},
		{"HEXPIRE none 5 FIELDS 1 a", ""},
		{"HEXPIRE h 0 FIELDS 2 a none", "hdel h"},
		{"HEXPIREAT h 1 FIELDS 3 a b t", "hdel h,del h"},
		{"HPERSIST h FIELDS 2 t a", "hpersist h"},
		{"HPERSIST h FIELDS 1 a", ""},
		{"HGETEX h FIELDS 1 a", ""},
		{"HGETEX h PERSIST FIELDS 1 a", ""},
		{"HGETEX h PERSIST FIELDS 1 t", "hpersist h"},
		{"HGETEX h EX 5 FIELDS 2 a none", "hexpire h"},
		{"HGETEX h EX 5 FIELDS 1 none", ""},
		{"HGETEX h PXAT 1 FIELDS 3 a b t", "hdel h,del h"},
		{"HSETEX h FIELDS 1 a 1", "hset h"},
		{"HSETEX h KEEPTTL FIELDS 1 t 1", "hset h"},
		{"HSETEX h EX 5 FIELDS 1 a 1", "hset h,hexpire h"},
		{"HSETEX h FNX FIELDS 1 a 1", ""},
		{"HSETEX h PX 0 FIELDS 1 a 1", "hdel h"},
		{"HSETEX none PX 0 FIELDS 1 a 1", ""},
		{"HGETDEL h FIELDS 1 a", "hdel h"},
		{"HGETDEL h FIELDS 1 none", ""},
		{"HGETDEL h FIELDS 4 a b t a", "hdel h,del h"},
	} {
		c := open(t)
		c.Want("HSET h a 1 b x", "(integer) 2")
		c.Want("HSETEX h EX 100 FIELDS 1 t 1", "(integer) 1")
		c.Events()
		before := c.Entries()
		c.Line(tt.line)
		got := strings.Join(slices.DeleteFunc(c.Events(), isNew), ",")
		if got != tt.want {
			t.Errorf("%s told %q; want %q", tt.line, got, tt.want)
		}
		if wrote := c.Entries() != before; wrote != (tt.want != "") {
			t.Errorf("%s was journaled: %v; want %v", tt.line, wrote, tt.want != "")
		}
	}
}

func isNew(event string) bool { return strings.HasPrefix(event, "new ") }

// A field and value over max-value are refused and leave nothing, not even the
// pairs before them.
func TestTooLarge(t *testing.T) {
	c := open(t)
	long := strings.Repeat("x", 1<<10)
	for _, args := range [][]string{
		{"HSET", "h", "a", "1", "b", long}, {"HSETNX", "h", "b", long}, {"HMSET", "h", long, "1"},
		{"HSETEX", "h", "FIELDS", "2", "a", "1", "b", long}, {"HINCRBY", "h", long, "1"},
	} {
		if got := c.Do(args...).ErrorText(); !strings.HasSuffix(got, "max-value is 1024") {
			t.Errorf("%.40q = %q; want a refusal with the size", args, got)
		}
	}
	c.Want("DBSIZE", "(integer) 0")
}

// What HRANDFIELD returns is in the hash, as many as were asked for, none twice
// unless the count is negative, and each field has its turn: in a small hash, a
// wide one, and one with fields that have expired and are still there.
func TestRandomFields(t *testing.T) {
	for _, n := range []int{6, 600} {
		for _, expired := range []bool{false, true} {
			c := open(t)
			for i := range n {
				c.Do("HSET", "h", fmt.Sprint("f", i), fmt.Sprint("v", i))
			}
			if expired {
				c.Do("HSETEX", "h", "PX", "1", "FIELDS", "2", "gone", "1", "lost", "1")
				c.Advance(time.Millisecond)
			}
			checkRandom(t, c, n)
		}
	}
}

func checkRandom(t *testing.T, c *commandtest.Client, n int) {
	t.Helper()
	seen := map[string]bool{}
	for range 60 {
		for _, count := range []int{1, 2, n / 3, n - 1, n, n + 5, -2, -n - 7} {
			vals := c.Do("HRANDFIELD", "h", fmt.Sprint(count), "WITHVALUES")
			want := 2 * max(-count, min(count, n))
			if got := len(vals.Elems()); got != want || vals.Kind() != resp.KindPairs {
				t.Fatalf("HRANDFIELD h %d of %d: %d elements; want %d", count, n, got, want)
			}
			drawn := map[string]bool{}
			for i := 0; i < want; i += 2 {
				field, val := vals.Elems()[i].Str(), vals.Elems()[i+1].Str()
				if field[0] != 'f' || val != "v"+field[1:] || drawn[field] && count > 0 {
					t.Fatalf("HRANDFIELD h %d of %d: %q = %q, twice: %v", count, n, field, val, drawn[field])
				}
				drawn[field] = true
				if count != n && count < n {
					seen[field] = true
				}
			}
		}
		if field := c.Line("HRANDFIELD h").Str(); field[0] != 'f' {
			t.Fatalf("HRANDFIELD h = %q", field)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d fields have had their turn", len(seen), n)
	}
}

// How much HRANDFIELD looks at decides where it runs: at all fields if some have
// expired and are still there.
func TestReach(t *testing.T) {
	c := open(t)
	for i := range 20 {
		c.Do("HSET", "h", fmt.Sprint("f", i), "v")
	}
	c.Do("HSETEX", "stale", "PX", "1", "FIELDS", "2", "gone", "1", "lost", "1")
	c.Do("HSET", "stale", "a", "1", "b", "2", "c", "3")
	c.Advance(time.Millisecond)
	spec := command.NewTable(hashes.Table()).Lookup([]byte("hrandfield"))
	for line, want := range map[string]int{
		"HRANDFIELD h": 1, "HRANDFIELD h 7": 7, "HRANDFIELD h -50": 50, "HRANDFIELD stale": 3, "HRANDFIELD none": 1,
	} {
		var args command.Args
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		c.View(func(v *replay.View) {
			if got := spec.Reach(v, args); got != want {
				t.Errorf("Reach of %s = %d; want %d", line, got, want)
			}
		})
	}
}

// A negative count may ask for more than any reply holds that is made in memory.
func TestRandomTooMany(t *testing.T) {
	c := open(t)
	c.Want("HSET h a 1", "(integer) 1")
	c.Want(fmt.Sprint("HRANDFIELD h ", -command.MaxRepeats-1), "(error) "+string(command.ErrTooLong))
	if got := len(c.Line("HRANDFIELD h -1048577").Elems()); got != 1<<20+1 {
		t.Errorf("HRANDFIELD h -1048577: %d elements; want as many", got)
	}
}

// A scan of a wide hash sees each field, and one at a time if it must.
func TestScanWide(t *testing.T) {
	c := open(t)
	for i := range 1000 {
		c.Do("HSET", "h", fmt.Sprint("f", i), fmt.Sprint("v", i))
	}
	for _, count := range []string{"1", "7", "5000"} {
		seen, calls := map[string]string{}, 0
		for cursor := "0"; calls == 0 || cursor != "0"; calls++ {
			v := c.Do("HSCAN", "h", cursor, "COUNT", count)
			cursor = v.Elems()[0].Str()
			elems := v.Elems()[1].Elems()
			for i := 0; i < len(elems); i += 2 {
				seen[elems[i].Str()] = elems[i+1].Str()
			}
			if calls%100 == 0 {
				c.Do("HDEL", "h", "other"+cursor) // nothing
			}
		}
		if len(seen) != 1000 || seen["f77"] != "v77" {
			t.Errorf("COUNT %s: %d fields in %d calls, f77 = %q; want 1000 and v77", count, len(seen), calls,
				seen["f77"])
		}
	}
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(hashes.Table())
	for _, s := range table.All() {
		if s.Group != "hash" || s.Since == "" || s.Summary == "" || s.Keys.First != 1 || s.Syntax == "" {
			t.Errorf("%s: group %q, since %q, summary %q, keys %v", s.Name, s.Group, s.Since,
				s.Summary, s.Keys)
		}
	}
	if got := len(table.All()); got != 28 {
		t.Errorf("%d commands; want 28", got)
	}
}
