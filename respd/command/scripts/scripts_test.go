package scripts_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/scripts"
	"ledge/respd/command/strs"
)

// open returns a client that has scripts beside strings and keys.
func open(t testing.TB) *commandtest.Client {
	e := scripts.New(scripts.Config{})
	families := [][]*command.Spec{strs.Table(), keys.Table(), e.Table()}
	e.Serve(command.NewTable(families...), nil)
	return commandtest.Open(t, commandtest.Config{}, families...)
}

// What compat's scripts don't compare: where Redis is not to be followed, and
// what must not get from one script to the next.
func TestEval(t *testing.T) {
	c := open(t)
	for _, step := range []struct{ script, want string }{
		{`return redis.call('SET', 'k', 'v')`, "OK"},
		{`redis.call('SET', 'k', 'w') error('no')`, "…user_script:1: no script: …"},
		{`return redis.call('GET', 'k')`, `"v"`},
		{`error({})`, "…ERR unknown error script: …"}, // redis-server 7.0.15 ends here
		{`error()`, "…ERR nil script: …"},
		{`local x = nil; return x.y`, "…attempt to index local 'x' (a nil value) script: …"},
		{`return 1 + nil`, "…attempt to perform arithmetic on a nil value script: …"},
		{`return 'a' .. nil`, "…attempt to concatenate a nil value script: …"},
		{`return redis.register_function()`, "…attempt to call field 'register_function' (a nil value) script: …"},
		{`x = = 1`, "(error) ERR Error compiling script (new function): user_script:1: …"},
		{`return type(os.clock()) .. type(os.time)`, `"numbernil"`},
		{`cjson.encode_max_depth(1) return 1`, "(integer) 1"},
		{`return cjson.encode({{{1}}})`, `"[[[1]]]"`},
		{`math.randomseed(1) return math.random(1000)`, "(integer) 42"},
		{`return pcall(setmetatable, redis, {}) and 1 or 2`, "(integer) 2"},
		{`getmetatable(_G).__index = function() return 'got it' end`, "…Attempt to modify a readonly table script: …"},
		{`getmetatable('').__index = {}`, "…Attempt to modify a readonly table script: …"},
		{`getmetatable('').__add = function() return 1 end`, "…Attempt to modify a readonly table script: …"},
		{`return nothing`, "…nonexistent global variable 'nothing'…"},
		{`return pcall(table.insert, redis, 1) and 1 or 2`, "(integer) 2"},
		{`table.insert(ARGV, 'x') return #ARGV`, "(integer) 1"},
		{`return #ARGV`, "(integer) 0"},
		{`local n = 0; for k in pairs(_G) do n = n + 1 end; return n > 20 and next(_G) ~= nil`, "(integer) 1"},
	} {
		got := c.Do("EVAL", step.script, "0").String()
		if !like(got, step.want) {
			t.Errorf("%s = %.200s; want %s", step.script, got, step.want)
		}
	}
}

// A table that holds itself becomes a reply of bounded depth.
func TestEndlessReply(t *testing.T) {
	v := open(t).Do("EVAL", "local t = {}; t[1] = t; return t", "0")
	for len(v.Elems()) > 0 {
		v = v.Elems()[0]
	}
	if got, want := v.ErrorText(), "ERR reached lua stack limit"; got != want {
		t.Errorf("innermost reply = %q; want %q", got, want)
	}
}

// like compares; "…" stands for any text.
func like(got, want string) bool {
	for i, part := range strings.Split(want, "…") {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return got == "" || strings.HasSuffix(want, "…")
}

// packed is FUNCTION DUMP of redis-server 7.0.15, with a compressed library.
const packed = "f5c3405940e11f23216c7561206e616d653d7061636b65640a72656469732e7265676973746572105f66756e6374696f6e2827616161272c20e0000f08292072657475726e204018e02300052720656e6429e0116702626262e040670164290a008fc656bc74d7feda"

// A dump is Redis's, and Redis's is read.
func TestDump(t *testing.T) {
	c := open(t)
	b, err := hex.DecodeString(packed)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Do("FUNCTION", "RESTORE", string(b)).String(); got != "OK" {
		t.Fatalf("RESTORE = %s; want OK", got)
	}
	c.Want("FCALL bbb 0", `"`+strings.Repeat("a", 47)+`"`)
	own := c.Do("FUNCTION", "DUMP").Str()
	for _, step := range []struct{ policy, want string }{
		{"APPEND", "(error) ERR Library packed already exists"},
		{"REPLACE", "OK"},
		{"FLUSH", "OK"},
		{"never", "(error) ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."},
	} {
		if got := c.Do("FUNCTION", "RESTORE", own, step.policy).String(); got != step.want {
			t.Errorf("RESTORE %s = %s; want %s", step.policy, got, step.want)
		}
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 1
		if got := c.Do("FUNCTION", "RESTORE", string(bad), "FLUSH"); !got.IsError() {
			t.Errorf("RESTORE with byte %d changed = %s; want an error", i, got)
		}
	}
	c.Want("FCALL aaa 0", `"`+strings.Repeat("a", 47)+`"`)
	if got := c.Do("FUNCTION", "DUMP").Str(); got != own {
		t.Errorf("DUMP = %x after all that; want %x", got, own)
	}
}

// Functions are found whatever their case, so a library can't have two that differ in
// that alone: chance would say which is called. redis-server 7.0.15 ends here.
func TestFunctionCase(t *testing.T) {
	c := open(t)
	got := c.Do("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function('f', function() return 1 end) "+
		"redis.register_function('F', function() return 2 end)").String()
	if want := "(error) ERR Function f already exists"; got != want {
		t.Errorf("FUNCTION LOAD = %s; want %s", got, want)
	}
	c.Want("FCALL f 0", "(error) ERR Function not found")
}

// A library keeps its local variables between calls, and a script's are its
// own; a function of a library that was replaced is gone.
func TestLibrary(t *testing.T) {
	c := open(t)
	load := func(code string) { c.Do("FUNCTION", "LOAD", "REPLACE", "#!lua name=l\n"+code) }
	load(`local n = 0 redis.register_function('count', function() n = n + 1 return n end)`)
	c.Want("FCALL count 0", "(integer) 1")
	c.Want("FCALL count 0", "(integer) 2")
	load(`redis.register_function('other', function() return 'x' end)`)
	c.Want("FCALL count 0", "(error) ERR Function not found")
	c.Want("FCALL OTHER 0", `"x"`)
	before := c.Entries()
	c.Want("FUNCTION DELETE none", "(error) ERR Library not found")
	c.Want("FUNCTION STATS", `{"running_script" (nil) "engines" {"LUA" {"libraries_count" (integer) 1 "functions_count" (integer) 1}}}`)
	c.Want("FUNCTION FLUSH", "OK")
	c.Want("FUNCTION FLUSH", "OK")
	if got := c.Entries() - before; got != 1 {
		t.Errorf("%d entries; want 1, of the FLUSH that had something to remove", got)
	}
}
