package sets_test

// What sets do to the state, to the journal and to who listens. The replies are
// compared with Redis's in respd/compat; here are the things that it can't tell.

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/sets"
	"ledge/respd/command/strs"
	"ledge/respd/resp"
)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000), MaxValue: 1 << 10},
		sets.Table(), strs.Table(), keys.Table())
}

// Each command's reply and the events that it makes, as Redis 7.0 has them.
func TestEvents(t *testing.T) {
	for _, tt := range []struct{ line, reply, events string }{
		{"SADD i 3 4", "(integer) 1", "sadd i"},
		{"SADD i 3", "(integer) 0", ""},
		{"SREM i 3 9", "(integer) 1", "srem i"},
		{"SREM i 9", "(integer) 0", ""},
		{"SREM one x", "(integer) 1", "srem one, del one"},
		{"SMOVE i j 3", "(integer) 1", "srem i, sadd j"},
		{"SMOVE i j 2", "(integer) 1", "srem i"},
		{"SMOVE one j x", "(integer) 1", "srem one, del one, sadd j"},
		{"SMOVE i i 3", "(integer) 1", ""},
		{"SMOVE i j 9", "(integer) 0", ""},
		{"SPOP one", `"x"`, "spop one, del one"},
		{"SPOP one 1", `~["x"]`, "spop one, del one"},
		{"SPOP i 9", `~["1" "2" "3"]`, "spop i, del i"},
		{"SPOP i 0", "~[]", ""},
		{"SPOP none", "(nil)", ""},
		{"SINTERSTORE d i j", "(integer) 1", "sinterstore d"},
		{"SUNIONSTORE i i j", "(integer) 4", "sunionstore i"},
		{"SDIFFSTORE str i j", "(integer) 2", "sdiffstore str"},
		{"SDIFFSTORE str i i", "(integer) 0", "del str"},
		{"SINTERSTORE none i one", "(integer) 0", ""},
		{"SISMEMBER i 3", "(integer) 1", ""},
		{"SMISMEMBER i 3 4", "[(integer) 1 (integer) 0]", ""},
		{"SMEMBERS i", `~["1" "2" "3"]`, ""},
		{"SCARD i", "(integer) 3", ""},
		{"SRANDMEMBER one", `"x"`, ""},
		{"SSCAN i 0", `["0" ["1" "2" "3"]]`, ""},
		{"SINTER i j", `~["2"]`, ""},
		{"SINTERCARD 2 i j", "(integer) 1", ""},
		{"SUNION i j", `~["1" "2" "3" "7"]`, ""},
		{"SDIFF i j", `~["1" "3"]`, ""},
	} {
		c := open(t)
		for _, line := range []string{"SADD i 1 2 3", "SADD j 2 7", "SADD one x", "SET str x"} {
			c.Line(line)
		}
		c.Events()
		c.Want(tt.line, tt.reply)
		if got := strings.Join(c.Events(), ", "); got != tt.events {
			t.Errorf("%s: events %q; want %q", tt.line, got, tt.events)
		}
	}
}

// What changes nothing is not journaled.
func TestNothingToWrite(t *testing.T) {
	c := open(t)
	c.Want("SADD s a b", "(integer) 2")
	before := c.Entries()
	for _, line := range []string{
		"SADD s a", "SREM s x", "SREM none x", "SMOVE s s a", "SMOVE s t x", "SPOP none", "SPOP none 3",
		"SPOP s 0", "SUNIONSTORE none none", "SPOP s -1", "SADD s",
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
}

// Members over max-value are refused, and the destination keeps what it was.
func TestTooLarge(t *testing.T) {
	c := open(t)
	long := strings.Repeat("x", 1<<10-1)
	c.Want("SADD s "+long, "(integer) 1")
	c.Want("SET a-longer-name x", "OK")
	for _, line := range []string{
		"SADD s a b " + long + "y", "SUNIONSTORE a-longer-name s", "SMOVE s a-set " + long,
	} {
		if got := c.Line(line).ErrorText(); !strings.Contains(got, "max-value is 1024") {
			t.Errorf("%.40s = %q; want a refusal", line, got)
		}
	}
	c.Want("SCARD s", "(integer) 1")
	c.Want("GET a-longer-name", `"x"`)
}

// Whatever count is popped, what was answered is gone, the rest is there, and
// the deadline stays. Popping most of a set writes down those that stay.
func TestPop(t *testing.T) {
	const size = 3000
	for _, count := range []int{0, 1, 2, 10, 900, 1500, 2400, 2499, 2500, 2501, 2990, 2999, 3000, 3001} {
		c := open(t)
		args := []string{"SADD", "s"}
		left := map[string]bool{}
		for i := range size {
			args = append(args, fmt.Sprint("m", i))
			left[args[i+2]] = true
		}
		c.Do(args...)
		c.Want("EXPIRE s 9", "(integer) 1")
		journaled := c.Journaled()
		popped := c.Line(fmt.Sprint("SPOP s ", count)).Elems()
		journaled = c.Journaled() - journaled
		if len(popped) != min(count, size) {
			t.Errorf("SPOP s %d: %d members", count, len(popped))
		}
		for _, p := range popped {
			if !left[p.Str()] {
				t.Errorf("SPOP s %d: %q was not there any more", count, p.Str())
			}
			delete(left, p.Str())
		}
		var got []string
		for _, m := range c.Line("SMEMBERS s").Elems() {
			got = append(got, m.Str())
		}
		slices.Sort(got)
		if want := slices.Sorted(maps.Keys(left)); !slices.Equal(got, want) {
			t.Errorf("SPOP s %d left %.200q; want %.200q", count, got, want)
		}
		if len(left) > 0 {
			c.Want("PTTL s", "(integer) 9000")
		}
		written := count
		if rest := max(0, size-count); 5*rest <= count {
			written = rest
		}
		if most := 200 + 8*written; journaled > most {
			t.Errorf("SPOP s %d journaled %d bytes; want at most %d", count, journaled, most)
		}
	}
}

// All members come up, in single draws and in several, about as often.
func TestRandomIsEven(t *testing.T) {
	c := open(t)
	c.Want("SADD s a b c d e f g h", "(integer) 8")
	for _, args := range [][]string{
		{"SRANDMEMBER", "s"}, {"SRANDMEMBER", "s", "2"}, {"SRANDMEMBER", "s", "5"}, {"SRANDMEMBER", "s", "-3"},
	} {
		times, total := map[string]int{}, 0
		for range 4000 {
			v := c.Do(args...)
			if v.Kind() == resp.KindBulk {
				v = resp.Array(v)
			}
			for _, m := range v.Elems() {
				times[m.Str()]++
				total++
			}
		}
		for m, n := range times {
			if d := float64(n) - float64(total)/8; d*d > 64*float64(total)/8 {
				t.Errorf("%q: %q came up %d times of %d; want about %d", args, m, n, total, total/8)
			}
		}
	}
}

// Random sets: what is made of them is what a map makes of them.
func TestAlgebra(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		c := open(t)
		n := 1 + r.IntN(4)
		model := make([]map[string]bool, n)
		names := make([]string, n)
		for i := range model {
			names[i], model[i] = fmt.Sprint("s", i), map[string]bool{}
			for range r.IntN(1 + r.IntN(200)) {
				m := fmt.Sprint(r.IntN(250))
				model[i][m] = true
				c.Do("SADD", names[i], m)
			}
		}
		all, common, first := map[string]bool{}, maps.Clone(model[0]), maps.Clone(model[0])
		for i, set := range model {
			maps.Copy(all, set)
			maps.DeleteFunc(common, func(m string, _ bool) bool { return !set[m] })
			if i > 0 {
				maps.DeleteFunc(first, func(m string, _ bool) bool { return set[m] })
			}
		}
		for cmd, want := range map[string]map[string]bool{"SUNION": all, "SINTER": common, "SDIFF": first} {
			want := slices.Sorted(maps.Keys(want))
			var got []string
			for _, m := range c.Do(append([]string{cmd}, names...)...).Elems() {
				got = append(got, m.Str())
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%s of %v = %q; want %q", cmd, model, got, want)
			}
		}
	}
}

// A negative count that no memory would hold is too long where the reply can't be
// made while it is sent.
func TestTooManyRepeats(t *testing.T) {
	c := open(t)
	c.Want("SADD s a", "(integer) 1")
	c.Want(fmt.Sprint("SRANDMEMBER s ", -command.MaxRepeats-1), "(error) "+string(command.ErrTooLong))
	c.Want("SRANDMEMBER s -9223372036854775807", "(error) "+string(command.ErrTooLong))
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(sets.Table())
	for _, s := range table.All() {
		if s.Group != "set" || s.Since == "" || s.Summary == "" || s.Syntax == "" || !s.HasKeys() {
			t.Errorf("%s: group %q, since %q, summary %q, syntax %q", s.Name, s.Group, s.Since, s.Summary, s.Syntax)
		}
	}
	if got := len(table.All()); got != 17 {
		t.Errorf("%d commands; want 17", got)
	}
}

// What is random costs about the same in a large set as in a small one.
func BenchmarkRandom(b *testing.B) {
	for _, size := range []int{100, 10_000, 1_000_000} {
		for _, line := range []string{"SPOP s", "SPOP s 10", "SRANDMEMBER s 10", "SRANDMEMBER s -10"} {
			b.Run(fmt.Sprint(line, "/", size), func(b *testing.B) {
				c := commandtest.Open(b, commandtest.Config{}, sets.Table())
				args := []string{"SADD", "s"}
				for i := range size {
					if args = append(args, fmt.Sprint(i)); len(args) == 10_002 {
						c.Do(args...)
						args = args[:2]
					}
				}
				if len(args) > 2 {
					c.Do(args...)
				}
				args = args[:2]
				for b.Loop() {
					v := c.Line(line)
					b.StopTimer() // put back what was popped
					if args = args[:2]; line[1] == 'P' {
						if v.Kind() == resp.KindBulk {
							v = resp.Array(v)
						}
						for _, m := range v.Elems() {
							args = append(args, m.Str())
						}
						c.Do(args...)
					}
					b.StartTimer()
				}
			})
		}
	}
}
