package zsets_test

// What sorted sets do to the state, to the journal and to who listens, and
// ranges and algebra against naive models. The replies are compared with
// Redis's in respd/compat; here are the things that it can't tell.

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/sets"
	"ledge/respd/command/strs"
	"ledge/respd/command/zsets"
	"ledge/respd/resp"
)

func open(t testing.TB) *commandtest.Client {
	return commandtest.Open(t, commandtest.Config{Now: time.UnixMilli(1_700_000_000_000), MaxValue: 1 << 10},
		zsets.Table(), sets.Table(), strs.Table(), keys.Table())
}

// eventful has each command's reply and the events that it makes, as Redis 7.0 has them.
var eventful = []struct{ line, reply, events string }{
	{"ZADD z 9 a 4 d", "(integer) 1", "zadd z"},
	{"ZADD z 1 a", "(integer) 0", ""},
	{"ZADD z XX 1 d", "(integer) 0", ""},
	{"ZADD z CH GT 2 a 1 b", "(integer) 1", "zadd z"},
	{"ZADD z INCR 1 a", "(double) 2", "zincr z"},
	{"ZADD z INCR 0 a", "(double) 1", ""},
	{"ZADD z INCR NX 1 a", "(nil)", ""},
	{"ZINCRBY z 1 a", "(double) 2", "zincr z"},
	{"ZREM z a x", "(integer) 1", "zrem z"},
	{"ZREM z x", "(integer) 0", ""},
	{"ZREM z a b c", "(integer) 3", "zrem z, del z"},
	{"ZREMRANGEBYRANK z 0 1", "(integer) 2", "zremrangebyrank z"},
	{"ZREMRANGEBYRANK z 0 -1", "(integer) 3", "zremrangebyrank z, del z"},
	{"ZREMRANGEBYRANK z 5 9", "(integer) 0", ""},
	{"ZREMRANGEBYSCORE z 1 (3", "(integer) 2", "zremrangebyscore z"},
	{"ZREMRANGEBYLEX flat [m [m", "(integer) 1", "zremrangebylex flat"},
	{"ZREMRANGEBYLEX flat - +", "(integer) 4", "zremrangebylex flat, del flat"},
	{"ZPOPMIN z", `["a" (double) 1]`, "zpopmin z"},
	{"ZPOPMAX z 2", `(["c" (double) 3] ["b" (double) 2])`, "zpopmax z"},
	{"ZPOPMAX z 9", `(["c" (double) 3] ["b" (double) 2] ["a" (double) 1])`, "zpopmax z, del z"},
	{"ZPOPMIN z 0", "[]", ""},
	{"ZPOPMIN none", "[]", ""},
	{"ZMPOP 2 none z MIN COUNT 2", `["z" [["a" (double) 1] ["b" (double) 2]]]`, "zpopmin z"},
	{"ZMPOP 1 none MIN", "(nil array)", ""},
	{"BZPOPMIN none z 0", `["z" "a" (double) 1]`, "zpopmin z"},
	{"BZPOPMAX z 0", `["z" "c" (double) 3]`, "zpopmax z"},
	{"BZMPOP 0 1 z MAX COUNT 9", `["z" [["c" (double) 3] ["b" (double) 2] ["a" (double) 1]]]`,
		"zpopmax z, del z"},
	{"ZUNIONSTORE z 2 z flat", "(integer) 7", "zunionstore z"},
	{"ZINTERSTORE str 2 z z", "(integer) 3", "zinterstore str"},
	{"ZINTERSTORE str 2 z flat", "(integer) 0", "del str"},
	{"ZDIFFSTORE d 2 z set", "(integer) 2", "zdiffstore d"},
	{"ZDIFFSTORE d 2 z z", "(integer) 0", ""},
	{"ZRANGESTORE d z 0 1", "(integer) 2", "zrangestore d"},
	{"ZRANGESTORE str z 5 9", "(integer) 0", "del str"},
	{"ZCARD z", "(integer) 3", ""},
	{"ZSCORE z a", "(double) 1", ""},
	{"ZMSCORE z a x", "[(double) 1 (nil)]", ""},
	{"ZRANK z b", "(integer) 1", ""},
	{"ZRANK z c WITHSCORE", "[(integer) 2 (double) 3]", ""},
	{"ZREVRANK z c withscore", "[(integer) 0 (double) 3]", ""},
	{"ZREVRANK z x WITHSCORE", "(nil array)", ""},
	{"ZRANK z a WITHSCORES", "(error) ERR wrong number of arguments for 'zrank' command", ""},
	{"ZCOUNT z 2 +inf", "(integer) 2", ""},
	{"ZLEXCOUNT flat [l +", "(integer) 3", ""},
	{"ZRANGE z 0 -1 REV", `["c" "b" "a"]`, ""},
	{"ZREVRANGE z 0 0 WITHSCORES", `(["c" (double) 3])`, ""},
	{"ZRANGEBYSCORE z 2 3", `["b" "c"]`, ""},
	{"ZREVRANGEBYSCORE z (3 1 LIMIT 1 1", `["a"]`, ""},
	{"ZRANGEBYLEX flat [l [m", `["l" "m"]`, ""},
	{"ZREVRANGEBYLEX flat [m [l", `["m" "l"]`, ""},
	{"ZRANDMEMBER set", "(error) WRONGTYPE Operation against a key holding the wrong kind of value", ""},
	{"ZRANDMEMBER z 3 WITHSCORES", `(["c" (double) 3] ["b" (double) 2] ["a" (double) 1])`, ""},
	{"ZUNION 2 z set", `["a" "b" "c"]`, ""},
	{"ZINTER 2 z set WITHSCORES", `(["a" (double) 2])`, ""},
	{"ZDIFF 2 z set", `["b" "c"]`, ""},
	{"ZINTERCARD 2 z set", "(integer) 1", ""},
	{"ZSCAN z 0", `["0" ["a" "1" "b" "2" "c" "3"]]`, ""},
}

// Commands on sorted sets reply, and tell of what they change, as eventful says.
func TestEvents(t *testing.T) {
	for _, tt := range eventful {
		c := open(t)
		for _, line := range []string{
			"ZADD z 1 a 2 b 3 c", "ZADD flat 0 k 0 l 0 m 0 n", "SADD set a", "SET str x",
		} {
			c.Line(line)
		}
		c.Events()
		if got := flat(c.Line(tt.line).String()); got != flat(tt.reply) {
			t.Errorf("%s = %s; want %s", tt.line, got, flat(tt.reply))
		}
		if got := strings.Join(c.Events(), ", "); got != tt.events {
			t.Errorf("%s: events %q; want %q", tt.line, got, tt.events)
		}
	}
}

// flat drops what shows how pairs are nested.
func flat(s string) string {
	if strings.HasPrefix(s, "(error)") {
		return s
	}
	return strings.NewReplacer("([", "(", "] [", " ", "])", ")").Replace(s)
}

// What changes nothing is not journaled.
func TestNothingToWrite(t *testing.T) {
	c := open(t)
	c.Want("ZADD z 1 a 2 b", "(integer) 2")
	before := c.Entries()
	for _, line := range []string{
		"ZADD z 1 a", "ZADD z NX 5 a", "ZADD z XX 5 x", "ZADD z GT 0 a", "ZADD z INCR 0 a", "ZINCRBY z 0 a",
		"ZREM z x", "ZREM none x", "ZPOPMIN none", "ZPOPMIN z 0", "ZMPOP 1 none MIN", "BZPOPMIN none 0",
		"ZREMRANGEBYSCORE z 5 9", "ZRANGESTORE none none 0 -1", "ZUNIONSTORE none 1 none", "ZADD z 1 a x b",
		"ZADD z INCR nan a",
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
	c.Want("ZADD z 1 "+long, "(integer) 1")
	c.Want("SET longer x", "OK")
	for _, line := range []string{"ZADD z 1 a 2 " + long + "y", "ZRANGESTORE longer z 0 -1", "ZUNIONSTORE longer 1 z"} {
		if got := c.Line(line).ErrorText(); !strings.Contains(got, "max-value is 1024") {
			t.Errorf("%.40s = %q; want a refusal", line, got)
		}
	}
	c.Want("ZCARD z", "(integer) 1")
	c.Want("GET longer", `"x"`)
}

// scored is a member of the model.
type scored struct {
	name  string
	score float64
}

// fill makes a random sorted set, and returns it in order.
func fill(c *commandtest.Client, r *rand.Rand, key string, n, scores int) []scored {
	model := map[string]float64{}
	for range n {
		name, score := fmt.Sprint("m", r.IntN(2*n)), float64(r.IntN(scores))
		model[name] = score
		c.Do("ZADD", key, fmt.Sprint(score), name)
	}
	var all []scored
	for name, score := range model {
		all = append(all, scored{name, score})
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.name, b.name))
	})
	return all
}

// names returns the members of an array.
func names(v resp.Value) []string {
	out := []string{}
	for _, e := range v.Elems() {
		out = append(out, e.Str())
	}
	return out
}

// Ranges of random sorted sets are what a walk over all members finds, counted,
// returned and removed, small and large.
func TestRanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for _, size := range []int{1, 10, 100, 800} {
		c := open(t)
		all := fill(c, r, "z", size, 12)
		for range 300 {
			lo, hi := r.IntN(14)-1, r.IntN(14)-1
			lopen, hopen := r.IntN(2) == 0, r.IntN(2) == 0
			low, high := bound(lo, lopen), bound(hi, hopen)
			want := []string{}
			for _, m := range all {
				s := int(m.score)
				if (s > lo || s == lo && !lopen) && (s < hi || s == hi && !hopen) {
					want = append(want, m.name)
				}
			}
			if got := c.Do("ZCOUNT", "z", low, high).Num(); got != int64(len(want)) {
				t.Errorf("ZCOUNT %s %s = %d; want %d", low, high, got, len(want))
			}
			if got := names(c.Do("ZRANGEBYSCORE", "z", low, high)); !slices.Equal(got, want) {
				t.Errorf("ZRANGEBYSCORE %s %s = %q; want %q", low, high, got, want)
			}
			slices.Reverse(want)
			offset, count := r.IntN(len(want)+2), r.IntN(len(want)+2)
			part := want[min(offset, len(want)):min(offset+count, len(want))]
			got := names(c.Do("ZRANGE", "z", high, low, "BYSCORE", "REV", "LIMIT", strconv.Itoa(offset), strconv.Itoa(count)))
			if !slices.Equal(got, part) {
				t.Errorf("%s to %s down, %d from %d: %q; want %q", high, low, count, offset, got, part)
			}
		}
		lo := r.IntN(12)
		kept := []string{}
		for _, m := range all {
			if int(m.score) < lo || int(m.score) > lo+3 {
				kept = append(kept, m.name)
			}
		}
		c.Do("ZREMRANGEBYSCORE", "z", strconv.Itoa(lo), strconv.Itoa(lo+3))
		if got := names(c.Do("ZRANGE", "z", "0", "-1")); !slices.Equal(got, kept) {
			t.Errorf("left %q; want %q", got, kept)
		}
	}
}

func bound(score int, open bool) string {
	if open {
		return "(" + strconv.Itoa(score)
	}
	return strconv.Itoa(score)
}

// What is made of random sorted sets is what maps make of them.
func TestAlgebra(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 40 {
		c := open(t)
		n := 1 + r.IntN(4)
		args := []string{strconv.Itoa(n)}
		var parts []map[string]float64
		sum, count := map[string]float64{}, map[string]int{}
		for i := range n {
			part := map[string]float64{}
			for _, m := range fill(c, r, fmt.Sprint("z", i), 1+r.IntN(200), 50) {
				part[m.name] = m.score
				sum[m.name] += m.score
				count[m.name]++
			}
			parts, args = append(parts, part), append(args, fmt.Sprint("z", i))
		}
		common, first := map[string]float64{}, map[string]float64{}
		for name := range sum {
			if count[name] == n {
				common[name] = sum[name]
			}
			if score, ok := parts[0][name]; ok && count[name] == 1 {
				first[name] = score
			}
		}
		for cmd, want := range map[string]map[string]float64{"ZUNION": sum, "ZINTER": common, "ZDIFF": first} {
			got := c.Do(append(append([]string{cmd}, args...), "WITHSCORES")...).Elems()
			if len(got) != 2*len(want) {
				t.Errorf("%s: %d members; want %d", cmd, len(got)/2, len(want))
			}
			for i := 0; i+1 < len(got); i += 2 {
				if score, ok := want[got[i].Str()]; !ok || score != got[i+1].Float() {
					t.Errorf("%s: %s has the score %v; want %v, %v", cmd, got[i].Str(), got[i+1].Float(), score, ok)
				}
			}
		}
		c.Want("ZINTERCARD "+strings.Join(args, " "), fmt.Sprint("(integer) ", len(common)))
	}
}

// A command that finds nothing says so, with its keys and how long it waits.
func TestWaits(t *testing.T) {
	c := open(t)
	for _, line := range []string{"BZPOPMIN a b 1.5", "BZPOPMAX a b 1.5", "BZMPOP 1.5 2 a b MIN"} {
		if got := c.Line(line).ErrorText(); got != string(command.ErrWait) {
			t.Errorf("%s = %q; want ErrWait", line, got)
		}
		var args command.Args
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		s := command.NewTable(zsets.Table()).Lookup(args[0])
		if b, err := s.Block(nil, args); b.Timeout != 1500*time.Millisecond || err != nil {
			t.Errorf("%s waits for %v, %v; want 1.5s", line, b.Timeout, err)
		}
		var got []string
		for _, i := range s.KeysOf(args) {
			got = append(got, string(args[i]))
		}
		if !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s waits for %q; want a and b", line, got)
		}
	}
	for _, s := range zsets.Table() {
		if (s.Block != nil) != s.Flags.Has(command.Blocking) {
			t.Errorf("%s: flag blocking and Block disagree", s.Name)
		}
	}
}

// How much a read looks at decides where it runs.
func TestReach(t *testing.T) {
	c := open(t)
	for i := range 200 {
		c.Do("ZADD", "z", strconv.Itoa(i), strconv.Itoa(i))
	}
	table := command.NewTable(zsets.Table())
	for _, tt := range []struct {
		line string
		want int
	}{
		{"ZRANGE z 0 9", 10}, {"ZRANGE z 0 -1", 200}, {"ZRANGE z 10 19 BYSCORE LIMIT 2 3", 3}, {"ZRANGE z x y", 0},
		{"ZREVRANGE z 5 7", 3}, {"ZRANGE none 0 -1", 0}, {"ZRANDMEMBER z", 1}, {"ZRANDMEMBER z -50", 50},
	} {
		var args command.Args
		for _, w := range strings.Fields(tt.line) {
			args = append(args, []byte(w))
		}
		c.View(func(v *replay.View) {
			if got := table.Lookup(args[0]).Reach(v, args); got != tt.want {
				t.Errorf("Reach of %s = %d; want %d", tt.line, got, tt.want)
			}
		})
	}
}

// Rows that NewTable doesn't refuse can still be wrong.
func TestTable(t *testing.T) {
	table := command.NewTable(zsets.Table())
	for _, s := range table.All() {
		if s.Group != "sorted-set" || s.Since == "" || s.Summary == "" || s.Syntax == "" || !s.HasKeys() {
			t.Errorf("%s: group %q, since %q, summary %q, syntax %q", s.Name, s.Group, s.Since, s.Summary, s.Syntax)
		}
	}
	if got := len(table.All()); got != 35 {
		t.Errorf("%d commands; want 35", got)
	}
}
