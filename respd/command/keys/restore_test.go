package keys_test

// DUMP, RESTORE and SORT without a server: what is journaled and announced,
// deadlines of fields, and our own limits. The replies are compared with
// Redis's in respd/compat, where values of all types travel both ways.

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ledge/respd/command/commandtest"
	"ledge/respd/rdb"
	"ledge/respd/resp"
)

// payload is what DUMP returns for a value.
func payload(v rdb.Value) string { return string(rdb.Append(nil, v)) }

func listOf(items ...string) rdb.Value { return rdb.Value{Type: rdb.List, Items: items} }

// put has RESTORE make the value of a key.
func put(t testing.TB, c *commandtest.Client, key string, v rdb.Value) {
	t.Helper()
	if got := c.Do("RESTORE", key, "0", payload(v), "REPLACE"); !got.Equal(resp.OK) {
		t.Fatalf("RESTORE %s = %s; want OK", key, got)
	}
}

// dumped returns what DUMP tells of a key.
func dumped(t testing.TB, c *commandtest.Client, key string) rdb.Value {
	t.Helper()
	v, err := rdb.Decode(c.Do("DUMP", key).Str(), 1<<20)
	if err != nil {
		t.Fatalf("DUMP %s: %v", key, err)
	}
	return v
}

func TestRestoreEvents(t *testing.T) {
	v := payload(listOf("a"))
	for _, tt := range []struct {
		name   string
		args   []string
		events []string
	}{
		{"new", []string{"n", "0", v}, []string{"restore n"}},
		{"with a deadline", []string{"n", "5", v}, []string{"restore n"}},
		{"busy", []string{"k", "0", v}, nil},
		{"replaced", []string{"k", "0", v, "REPLACE"}, []string{"restore k"}},
		{"bad", []string{"k", "0", "bad", "REPLACE"}, nil},
		{"expired", []string{"n", "5", v, "ABSTTL"}, nil},
		{"expired over another", []string{"k", "5", v, "REPLACE", "ABSTTL"}, []string{"del k"}},
	} {
		c := open(t)
		c.Want("SET k v", "OK")
		c.Events()
		before := c.Entries()
		c.Do(append([]string{"RESTORE"}, tt.args...)...)
		if got := c.Events(); !reflect.DeepEqual(got, tt.events) {
			t.Errorf("%s: events %q; want %q", tt.name, got, tt.events)
		}
		if got, want := c.Entries()-before, min(1, len(tt.events)); got != want {
			t.Errorf("%s: %d batches; want %d", tt.name, got, want)
		}
	}
}

func TestRestoreDeadline(t *testing.T) {
	for _, tt := range []struct{ ttl, abs, want string }{
		{"0", "", "-1"}, {"1", "", "1"}, {"100", "", "100"},
		{"1700000000001", "ABSTTL", "1"}, {"1700000000000", "ABSTTL", "-2"}, {"1", "ABSTTL", "-2"},
		{"9223372036854775807", "", "-2"}, {"7523372036854775807", "", "7523372036854775807"},
	} {
		for typ, v := range map[string]rdb.Value{"string": {Type: rdb.String, Str: "v"}, "list": listOf("v")} {
			c := open(t)
			args := []string{"RESTORE", "k", tt.ttl, payload(v)}
			if tt.abs != "" {
				args = append(args, tt.abs)
			}
			if got := c.Do(args...); !got.Equal(resp.OK) {
				t.Errorf("RESTORE of a %s with %s %s = %s; want OK", typ, tt.ttl, tt.abs, got)
			}
			if got := c.Line("PTTL k").String(); got != "(integer) "+tt.want {
				t.Errorf("PTTL of a %s after RESTORE with %s %s = %s; want %s", typ, tt.ttl, tt.abs, got, tt.want)
			}
		}
	}
}

// Deadlines of fields come back from DUMP, and fields that have expired
// meanwhile are left out.
func TestRestoreFieldDeadlines(t *testing.T) {
	now := start.UnixMilli()
	hash := func(at ...int64) rdb.Value {
		v := rdb.Value{Type: rdb.Hash}
		for i, at := range at {
			v.Fields = append(v.Fields, rdb.Field{Name: fmt.Sprint("f", i), Value: "v", At: at})
		}
		return v
	}
	c := open(t)
	want := hash(0, now+5, now+5, 0, now+1000)
	put(t, c, "h", want)
	if got := dumped(t, c, "h"); !reflect.DeepEqual(got, want) {
		t.Errorf("DUMP tells of %v; want %v", got, want)
	}
	put(t, c, "h", hash(now-1, 0, now, now+9))
	if got := dumped(t, c, "h"); len(got.Fields) != 2 || got.Fields[0].Name != "f1" || got.Fields[1].At != now+9 {
		t.Errorf("DUMP tells of %v; want f1 without a deadline and f3 with one", got)
	}
	c.Events()
	put(t, c, "h", hash(now-1, now))
	c.Want("EXISTS h", "(integer) 0")
	if got, want := c.Events(), []string{"del h"}; !reflect.DeepEqual(got, want) {
		t.Errorf("events %q; want %q", got, want)
	}
}

// What SET would refuse for its size RESTORE refuses, too, and changes nothing.
func TestRestoreTooLarge(t *testing.T) {
	long := strings.Repeat("x", 1024)
	for typ, v := range map[string]rdb.Value{
		"string": {Type: rdb.String, Str: long},
		"list":   listOf("a", long),
		"set":    {Type: rdb.Set, Items: []string{"a", long}},
		"hash":   {Type: rdb.Hash, Fields: []rdb.Field{{Name: "a", Value: long}}},
		"zset":   {Type: rdb.ZSet, Scored: []rdb.Scored{{Member: long}}},
	} {
		c := open(t)
		c.Want("SET k v", "OK")
		before := c.Entries()
		got := c.Do("RESTORE", "k", "0", payload(v), "REPLACE").ErrorText()
		if !strings.HasSuffix(got, "max-value is 1024") {
			t.Errorf("RESTORE of a %s that is too long = %q; want a refusal with both sizes", typ, got)
		}
		c.Want("GET k", `"v"`)
		if c.Entries() != before {
			t.Errorf("RESTORE of a %s that is too long has left a batch", typ)
		}
	}
	// Some 80 KB that stand for more than anything may take.
	var bomb rdb.Value
	bomb.Type, bomb.Str = rdb.String, strings.Repeat("\x00", 130<<20)
	c := open(t)
	if got := c.Do("RESTORE", "k", "0", payload(bomb)).ErrorText(); !strings.Contains(got, "once it is unpacked") {
		t.Errorf("RESTORE of a large value compressed = %q; want a refusal", got)
	}
}

// Each encoding that Redis would have chosen, at both sides of its bounds.
func TestObjectEncoding(t *testing.T) {
	repeat := func(n int, elem func(int) string) []string {
		var out []string
		for i := range n {
			out = append(out, elem(i))
		}
		return out
	}
	number := func(i int) string { return fmt.Sprint(i) }
	hash := func(n int, val string) rdb.Value {
		v := rdb.Value{Type: rdb.Hash}
		for i := range n {
			v.Fields = append(v.Fields, rdb.Field{Name: number(i), Value: val})
		}
		return v
	}
	zset := func(n int, prefix string) rdb.Value {
		v := rdb.Value{Type: rdb.ZSet}
		for i := range n {
			v.Scored = append(v.Scored, rdb.Scored{Member: prefix + number(i), Score: float64(i)})
		}
		return v
	}
	x64 := strings.Repeat("x", 64)
	for _, tt := range []struct {
		want string
		v    rdb.Value
	}{
		{"quicklist", listOf("a")}, {"quicklist", listOf(repeat(10_000, number)...)},
		{"intset", rdb.Value{Type: rdb.Set, Items: repeat(512, number)}},
		{"hashtable", rdb.Value{Type: rdb.Set, Items: repeat(513, number)}},
		{"hashtable", rdb.Value{Type: rdb.Set, Items: []string{"1", "x"}}},
		{"listpack", hash(512, x64)}, {"hashtable", hash(513, "v")}, {"hashtable", hash(1, x64+"x")},
		{"listpack", zset(128, "m")}, {"skiplist", zset(129, "m")}, {"listpack", zset(1, x64[1:])},
		{"skiplist", zset(1, x64)},
	} {
		c := open(t)
		put(t, c, "k", tt.v)
		c.Want("OBJECT ENCODING k", fmt.Sprintf("%q", tt.want))
		c.Want("OBJECT REFCOUNT k", "(integer) 1")
		c.Want("OBJECT IDLETIME k", "(integer) 0")
		c.Want("COPY k l", "(integer) 1")
		c.Want("RENAME l m", "OK")
		if got := dumped(t, c, "m"); !reflect.DeepEqual(got, dumped(t, c, "k")) {
			t.Errorf("a copy of %s is another value", tt.want)
		}
	}
}

func TestSortEvents(t *testing.T) {
	for _, tt := range []struct {
		line, reply string
		events      []string
	}{
		{"SORT l", `["1" "2" "3"]`, nil},
		{"SORT l STORE d", "(integer) 3", []string{"sortstore d"}},
		{"SORT l STORE k", "(integer) 3", []string{"sortstore k"}},
		{"SORT none STORE k", "(integer) 0", []string{"del k"}},
		{"SORT none STORE d", "(integer) 0", nil},
		{"SORT l LIMIT 9 1 STORE l", "(integer) 0", []string{"del l"}},
		{"SORT k STORE l", "(error) WRONGTYPE Operation against a key holding the wrong kind of value", nil},
		{"SORT l BY b* STORE l", "(error) ERR One or more scores can't be converted into double", nil},
	} {
		c := open(t)
		put(t, c, "l", listOf("3", "1", "2"))
		c.Want("MSET k v b1 x", "OK")
		c.Events()
		before := c.Entries()
		c.Want(tt.line, tt.reply)
		if got := c.Events(); !reflect.DeepEqual(got, tt.events) {
			t.Errorf("%s: events %q; want %q", tt.line, got, tt.events)
		}
		if got, want := c.Entries()-before, min(1, len(tt.events)); got != want {
			t.Errorf("%s: %d batches; want %d", tt.line, got, want)
		}
	}
}

// Numbers are read as C does.
func TestSortScores(t *testing.T) {
	for _, tt := range []struct {
		elem string
		ok   bool
	}{
		{"", true}, {"0", true}, {"-0", true}, {"+1", true}, {"  \t1", true}, {"1e3", true}, {".5", true}, {"5.", true},
		{"inf", true}, {"-Infinity", true}, {"0x1F", true}, {"0x1.8p3", true}, {"1\x00junk", true}, {"\x00", true},
		{"0e-999", true}, {"nan", false}, {"1 ", false}, {" ", false}, {"x", false}, {"1_0", false}, {"0x", false},
		{"1e999", false}, {"1e-999", false}, {"-1e-310", false}, {"0x1p-1080", false}, {"--1", false},
	} {
		c := open(t)
		put(t, c, "l", listOf(tt.elem))
		if got := c.Line("SORT l"); got.IsError() == tt.ok {
			t.Errorf("SORT of %q = %s; want that to be a number: %v", tt.elem, got, tt.ok)
		}
	}
}
