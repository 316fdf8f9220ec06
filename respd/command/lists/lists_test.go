package lists_test

// What commands on lists do to the journal and to whoever listens. The replies
// are compared with Redis's in respd/compat/testdata/lists.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/lists"
	"ledge/respd/command/strs"
)

func open(t testing.TB, cfg commandtest.Config) *commandtest.Client {
	return commandtest.Open(t, cfg, lists.Table(), strs.Table(), keys.Table())
}

// written is what commands reply and leave behind, and the events that they make. Each
// begins with the lists l = a b c a and one = x.
var written = []struct {
	line, reply string
	list        string   // l, and one if it changed
	events      []string // in order
}{
	{"LPUSH l 1 2", "(integer) 6", "2 1 a b c a", []string{"lpush l"}},
	{"RPUSH l 1 2", "(integer) 6", "a b c a 1 2", []string{"rpush l"}},
	{"LPUSHX l 1", "(integer) 5", "1 a b c a", []string{"lpush l"}},
	{"RPUSHX l 1", "(integer) 5", "a b c a 1", []string{"rpush l"}},
	{"LPUSHX none 1", "(integer) 0", "a b c a", nil},
	{"LPOP l", `"a"`, "b c a", []string{"lpop l"}},
	{"RPOP l 2", `["a" "c"]`, "a b", []string{"rpop l"}},
	{"LPOP l 3", `["a" "b" "c"]`, "a", []string{"lpop l"}},
	{"LPOP l 9", `["a" "b" "c" "a"]`, "", []string{"lpop l", "del l"}},
	{"LPOP l 0", "[]", "a b c a", nil},
	{"RPOP none", "(nil)", "a b c a", nil},
	{"RPOP none 3", "(nil array)", "a b c a", nil},
	{"LMPOP 2 none l RIGHT COUNT 2", `["l" ["a" "c"]]`, "a b", []string{"rpop l"}},
	{"LMPOP 2 one l LEFT", `["one" ["x"]]`, "a b c a", []string{"lpop one", "del one"}},
	{"LMPOP 1 none LEFT", "(nil array)", "a b c a", nil},
	{"LSET l -1 z", "OK", "a b c z", []string{"lset l"}},
	{"LSET l 4 z", "(error) ERR index out of range", "a b c a", nil},
	{"LINSERT l BEFORE c z", "(integer) 5", "a b z c a", []string{"linsert l"}},
	{"LINSERT l AFTER a z", "(integer) 5", "a z b c a", []string{"linsert l"}},
	{"LINSERT l AFTER none z", "(integer) -1", "a b c a", nil},
	{"LREM l 0 a", "(integer) 2", "b c", []string{"lrem l"}},
	{"LREM l 1 a", "(integer) 1", "b c a", []string{"lrem l"}},
	{"LREM l -1 a", "(integer) 1", "a b c", []string{"lrem l"}},
	{"LREM l 0 none", "(integer) 0", "a b c a", nil},
	{"LREM one 5 x", "(integer) 1", "a b c a", []string{"lrem one", "del one"}},
	{"LTRIM l 1 -2", "OK", "b c", []string{"ltrim l"}},
	{"LTRIM l 1 0", "OK", "", []string{"ltrim l", "del l"}},
	{"LTRIM l 0 -1", "OK", "a b c a", nil},
	{"LMOVE l l LEFT RIGHT", `"a"`, "b c a a", []string{"rpush l", "lpop l"}},
	{"LMOVE l l RIGHT RIGHT", `"a"`, "a b c a", []string{"rpush l", "rpop l"}},
	{"LMOVE one l RIGHT LEFT", `"x"`, "x a b c a", []string{"lpush l", "rpop one", "del one"}},
	{"RPOPLPUSH l one", `"a"`, "a b c", []string{"lpush one", "rpop l"}},
	{"RPOPLPUSH none one", "(nil)", "a b c a", nil},
	{"BLPOP none one l 0", `["one" "x"]`, "a b c a", []string{"lpop one", "del one"}},
	{"BRPOP l 0.1", `["l" "a"]`, "a b c", []string{"rpop l"}},
	{"BLMPOP 0 2 l one LEFT COUNT 5", `["l" ["a" "b" "c" "a"]]`, "", []string{"lpop l", "del l"}},
	{"BLMOVE l one RIGHT LEFT 0", `"a"`, "a b c", []string{"lpush one", "rpop l"}},
	{"BRPOPLPUSH one l 0", `"x"`, "x a b c a", []string{"lpush l", "rpop one", "del one"}},
}

// Commands on lists reply, change the list and tell of it as written says.
func TestCommands(t *testing.T) {
	for _, tt := range written {
		c := open(t, commandtest.Config{})
		c.Want("RPUSH l a b c a", "(integer) 4")
		c.Want("RPUSH one x", "(integer) 1")
		c.Events()
		c.Want(tt.line, tt.reply)
		events := c.Events()
		if tt.line == "LTRIM l 0 -1" {
			events = nil // nothing was written; Redis tells of it nevertheless
		}
		if !slices.Equal(events, tt.events) {
			t.Errorf("%s: events %q; want %q", tt.line, events, tt.events)
		}
		var got []string
		for _, v := range c.Line("LRANGE l 0 -1").Elems() {
			got = append(got, v.Str())
		}
		if s := strings.Join(got, " "); s != tt.list {
			t.Errorf("after %s the list is %q; want %q", tt.line, s, tt.list)
		}
	}
}

// What finds nothing to wait for says so, and with what nil a transaction
// answers instead.
func TestWaits(t *testing.T) {
	c := open(t, commandtest.Config{})
	for _, line := range []string{
		"BLPOP l 0", "BRPOP l m 1", "BLMPOP 0 1 l LEFT", "BLMOVE l m LEFT LEFT 0", "BRPOPLPUSH l m 0",
	} {
		if got := c.Line(line).ErrorText(); got != string(command.ErrWait) {
			t.Errorf("%s = %q; want ErrWait", line, got)
		}
	}
	for _, s := range lists.Table() {
		if (s.Block != nil) != s.Flags.Has(command.Blocking) {
			t.Errorf("%s: flag blocking and Block disagree", s.Name)
		}
	}
	if got := c.Entries(); got != 1 {
		t.Errorf("%d batches; want the first alone", got)
	}
}

// What changes nothing is not journaled, and what is refused leaves nothing.
func TestNothingToWrite(t *testing.T) {
	c := open(t, commandtest.Config{MaxValue: 100})
	long := strings.Repeat("x", 100)
	c.Want("RPUSH l a b", "(integer) 2")
	c.Want("SET s 1", "OK")
	before := c.Entries()
	for _, line := range []string{
		"LPUSH s 1", "LPUSHX s 1", "LPUSHX none 1", "LPOP none", "LPOP l 0", "LPOP s", "LSET l 2 x",
		"LSET none 0 x", "LINSERT l BEFORE x y", "LINSERT none BEFORE x y", "LREM l 0 x", "LTRIM l 0 -1",
		"LTRIM l -9 9", "LMOVE l s LEFT LEFT", "LMOVE none l LEFT LEFT", "LMOVE s l LEFT LEFT",
		"LMPOP 2 none s LEFT", "BLPOP s l 0", "BLMOVE l s LEFT LEFT 0", "BLMOVE l l LEFT LEFT x",
		"LPUSH l ok " + long, "LSET l 0 " + long, "LINSERT l BEFORE a " + long, "LPUSH new " + long,
	} {
		c.Line(line)
		if got := c.Entries(); got != before {
			t.Fatalf("%s left %d batches; want none", line, got-before)
		}
	}
	c.Want("LRANGE l 0 -1", `["a" "b"]`)
	c.Want("DBSIZE", "(integer) 2")
}

// Changes keep a list's deadline, also where the last item goes and comes back;
// an expired list is not there, and what replaces it has no deadline.
func TestDeadlines(t *testing.T) {
	cfg := commandtest.Config{Now: time.UnixMilli(1_700_000_000_000)}
	for _, line := range []string{
		"LPUSH l y", "RPUSH l y z", "LSET l 0 y", "LINSERT l AFTER x y", "LMOVE l l LEFT RIGHT",
		"LMOVE l l LEFT LEFT", "RPOPLPUSH l l", "BLMOVE l l RIGHT LEFT 0", "LTRIM l 0 0", "LREM l 0 y",
	} {
		c := open(t, cfg)
		c.Want("RPUSH l x", "(integer) 1")
		c.Want("PEXPIRE l 100", "(integer) 1")
		if v := c.Line(line); v.IsError() {
			t.Errorf("%s = %s; want no error", line, v)
		}
		c.Want("PTTL l", "(integer) 100")
		c.Advance(100 * time.Millisecond)
		c.Want("LLEN l", "(integer) 0")
		c.Want("LPUSHX l y", "(integer) 0")
		c.Want("LPOP l", "(nil)")
		c.Want("LPUSH l y", "(integer) 1")
		c.Want("PTTL l", "(integer) -1")
	}
}

// Removing many runs leaves the others in their order, from either end.
func TestLremRuns(t *testing.T) {
	for _, tt := range []struct {
		count int
		want  string
	}{
		{0, "bbbcb"}, {3, "babbacbaaa"}, {-4, "aabaabbcb"}, {-3, "aabaabbacb"}, {100, "bbbcb"}, {-100, "bbbcb"},
	} {
		c := open(t, commandtest.Config{})
		c.Do(append([]string{"RPUSH", "l"}, strings.Split("aabaabbacbaaa", "")...)...)
		n := c.Do("LREM", "l", fmt.Sprint(tt.count), "a").Num()
		got := ""
		for _, v := range c.Line("LRANGE l 0 -1").Elems() {
			got += v.Str()
		}
		if got != tt.want || int(n) != 13-len(tt.want) {
			t.Errorf("LREM l %d a removed %d and left %s; want %s", tt.count, n, got, tt.want)
		}
	}
}

// Cutting a long list down to its middle costs the journal two small effects.
func TestLtrimJournal(t *testing.T) {
	c := open(t, commandtest.Config{})
	for range 20 {
		c.Do(append([]string{"RPUSH", "l"}, slices.Repeat([]string{"item"}, 1000)...)...)
	}
	before := c.Journaled()
	c.Want("LTRIM l 9000 9009", "OK")
	if got := c.Journaled() - before; got > 300 {
		t.Errorf("LTRIM journaled %d bytes; want at most 300", got)
	}
	c.Want("LLEN l", "(integer) 10")
}

// LRANGE says how much it reads: a short part of a long list is no work.
func TestReach(t *testing.T) {
	c := open(t, commandtest.Config{})
	c.Want("RPUSH l a b c d e", "(integer) 5")
	c.Want("SET s 1", "OK")
	table := command.NewTable(lists.Table())
	for _, tt := range []struct {
		line string
		want int
	}{
		{"LRANGE l 0 -1", 5}, {"LRANGE l 0 2", 3}, {"LRANGE l -2 9", 2}, {"LRANGE l 3 1", 0},
		{"LRANGE none 0 -1", 0}, {"LRANGE s 0 -1", 0}, {"LRANGE l x 1", 0},
		{"LRANGE l -9223372036854775808 9223372036854775807", 5},
	} {
		var args command.Args
		for _, word := range strings.Fields(tt.line) {
			args = append(args, []byte(word))
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
	table := command.NewTable(lists.Table())
	for _, s := range table.All() {
		if s.Group != "list" || s.Since == "" || s.Summary == "" || !s.HasKeys() {
			t.Errorf("%s: group %q, since %q, summary %q, keys %v", s.Name, s.Group, s.Since,
				s.Summary, s.Keys)
		}
	}
	if got := len(table.All()); got != 22 {
		t.Errorf("%d commands; want 22", got)
	}
}
