package scripts_test

import (
	"testing"

	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/scripts"
	"ledge/respd/command/strs"
)

// open returns a client that has scripts beside strings and keys.
func open(t testing.TB) (*commandtest.Client, *scripts.Engine) {
	e := scripts.New(scripts.Config{})
	families := [][]*command.Spec{strs.Table(), keys.Table(), e.Table()}
	e.Serve(command.NewTable(families...), nil)
	return commandtest.Open(t, commandtest.Config{}, families...), e
}

func TestEval(t *testing.T) {
	c, _ := open(t)
	for _, step := range []struct{ script, want string }{
		{`return 1`, "(integer) 1"},
		{`return redis.call('SET', 'k', 'v')`, "OK"},
		{`return redis.call('GET', 'k')`, `"v"`},
		{`return 'x' .. 0.1*3 .. 1e15 .. 7`, `"x0.31e+157"`},
		{`return tostring(1/3)`, `"0.33333333333333"`},
		{`foo = 1`, ""},
		{`local x = nil; return x.y`, ""},
		{`return pcall(function() error({err='a b'}) end)`, ""},
		{`local c = coroutine.wrap(function(a) local b = coroutine.yield(a+1); return b*2 end); return {c(1), c(5)}`, ""},
		{`return string.format('%5.1f|%d|%s|%g|%-5s|%05d', 1.25, 3.7, 'x', 1e20, 'ab', 42)`, ""},
		{`return cjson.encode({1,2,{a='b/c'}})`, ""},
		{`return cjson.decode('{"a":[1,2,{"b":null}]}').a[2]`, ""},
		{`string.x = 1`, ""}, {`rawset(_G, 'x', 1)`, ""}, {`return math.random(1000)`, ""},
		{`return redis.call()`, ""}, {`error('x')`, ""}, {`error({})`, ""}, {`error()`, ""},
		{`return redis.call('nope')`, ""},
		{`return {string.byte('abc', 1, -1)}`, ""},
		{`local n = 0; for k in pairs(redis) do n = n + 1 end; return n`, ""},
		{`x =`, ""},
	} {
		got := c.Do("EVAL", step.script, "0").String()
		if step.want != "" && got != step.want {
			t.Errorf("%s = %s; want %s", step.script, got, step.want)
		} else if step.want == "" {
			t.Logf("%s = %s", step.script, got)
		}
	}
}
