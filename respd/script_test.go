package respd_test

// Scripts that take long, over real connections: who may do what meanwhile,
// how they end, and that they leave nothing.

import (
	"strings"
	"sync/atomic"
	"testing"

	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const endless = `"redis.call('SET','left','behind') while true do redis.call('INCR','n') end"`

// typist is a client that quotes as redis-cli does.
type typist struct{ *client }

// typed returns the command in a line.
func typed(t *testing.T, line string) []byte {
	t.Helper()
	p := resp.Parser{Authed: true}
	args, _, err := p.Next([]byte(line+"\r\n"), nil)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	var words []string
	for _, a := range args {
		words = append(words, string(a))
	}
	return resp.AppendCommand(nil, words...)
}

// want sends a line and compares its reply.
func (c typist) want(line, want string) {
	c.t.Helper()
	c.send(typed(c.t, line))
	if got := c.next(); !like(got, want) {
		c.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// busy starts a script that does not end, and returns a client beside it once
// writes are turned away.
func busy(t *testing.T, n *node, line string) (runner, other typist) {
	t.Helper()
	runner, other = typist{n.dial()}, typist{n.dial()}
	other.want("CONFIG SET busy-reply-threshold 20", "OK")
	runner.send(typed(t, line))
	until(t, "the script runs", func() bool {
		stats := other.do("FUNCTION STATS")
		return strings.HasPrefix(stats, "(error) BUSY") || strings.Contains(stats, "spin")
	})
	until(t, "writes turned away", func() bool { return strings.HasPrefix(other.do("SET a b"), "(error) BUSY ") })
	return runner, other
}

// A script in an endless loop can be killed after it has written. Others read
// meanwhile, and nothing of it is left.
func TestScriptKill(t *testing.T) {
	n := start(t)
	n.dial().want("SET before 1", "OK")
	runner, other := busy(t, n, "EVAL "+endless+" 0")
	other.want("GET before", `"1"`)
	other.want("GET left", "(nil)")
	other.want("PING", "PONG")
	other.want("EVAL 'return 1' 0", "(error) BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
	other.want("EVAL_RO \"return redis.call('GET','before')\" 0", `"1"`)
	other.want("FUNCTION KILL", "(error) BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")
	other.want("MULTI", "OK")
	other.want("SET a b", "QUEUED")
	other.want("EXEC", "(error) EXECABORT Transaction discarded because of: BUSY …")
	other.want("SCRIPT KILL", "OK")
	runner.expect("(error) ERR Script killed by user with SCRIPT KILL... script: …, on @user_script:1.")
	runner.want("EXISTS left n", "(integer) 0")
	other.want("SET a b", "OK")
	other.want("SCRIPT KILL", "(error) NOTBUSY No scripts in execution right now.")
	runner.want("EVAL 'return 7' 0", "(integer) 7")
}

// A writer that was waiting for the script's group to be over is turned away
// when the script turns out to take long.
func TestScriptBusyWaiting(t *testing.T) {
	needsLoop(t)
	n := start(t)
	runner, other, control := typist{n.dial()}, typist{n.dial()}, typist{n.dial()}
	control.want("CONFIG SET busy-reply-threshold 200", "OK")
	runner.send(typed(t, "EVAL 'while true do end' 0"))
	// The script is not pcall's to catch, and it runs before the writer comes.
	until(t, "the script runs", func() bool {
		return strings.HasPrefix(control.do("FUNCTION STATS"), "(error) BUSY")
	})
	other.send(encode("SET a b"))
	other.expect("(error) BUSY …")
	control.want("SCRIPT KILL", "OK")
	runner.expect("(error) ERR Script killed …")
}

// A script that reads for long goes on at the writer, where it can be killed.
func TestScriptKillReader(t *testing.T) {
	n := start(t)
	runner, other := busy(t, n, `EVAL_RO "while true do pcall(redis.call,'GET','k') end" 0`)
	other.want("SCRIPT KILL", "OK")
	runner.expect("(error) ERR Script killed …")
	// One that takes a while answers all the same.
	other.want("CONFIG SET busy-reply-threshold 5000", "OK")
	runner.want(`EVAL_RO "local n = 0 for i = 1,1000000 do n = n + 1 end return n" 0`, "(integer) 1000000")
	runner.want("MULTI", "OK")
	runner.want(`EVAL_RO "local n = 0 for i = 1,1000000 do n = n + 1 end return n" 0`, "QUEUED")
	runner.want("EXEC", "[(integer) 1000000]")
}

// Functions are killed with FUNCTION KILL alone.
func TestFunctionKill(t *testing.T) {
	n := start(t)
	typist{n.dial()}.want(`FUNCTION LOAD "#!lua name=l\nredis.register_function('spin', function() redis.call('SET','x','y') while true do end end)"`, `"l"`)
	runner, other := busy(t, n, "FCALL spin 0")
	other.want("SCRIPT KILL", "(error) BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.")
	other.want("FUNCTION KILL", "OK")
	runner.expect("(error) ERR Script killed …")
	runner.want("EXISTS x", "(integer) 0")
}

// Without a kill, a script ends when script-max-time is over, even if it
// catches errors, and one that takes too much memory ends by that.
func TestScriptLimits(t *testing.T) {
	n := start(t)
	c := typist{n.dial()}
	c.want("CONFIG SET script-max-time 50", "OK")
	c.want(`EVAL "redis.call('SET','a','b') while true do pcall(function() while true do end end) end" 0`,
		"(error) ERR Script ran for longer than script-max-time and was killed script: …")
	c.want(`EVAL "local co = coroutine.wrap(function() while true do end end) co()" 0`,
		"(error) ERR Script ran for longer than script-max-time and was killed script: …")
	c.want("CONFIG SET script-max-time 30000 script-max-memory 33554432", "OK")
	c.want(`EVAL "local t = {} while true do t[#t+1] = string.rep('x', 1000000) .. #t end" 0`,
		"(error) ERR Script took more memory than script-max-memory and was killed script: …")
	c.want(`EVAL "local s = 'x' while true do s = s .. s end" 0`, "(error) ERR …")
	c.want(`EVAL "local function f() return f() + 1 end f()" 0`, "(error) ERR …stack overflow…")
	c.want(`EVAL "return string.rep('x', 1e9)" 0`, "(error) ERR …resulting string too large…")
	c.want(`EVAL "return coroutine.wrap(function() coroutine.yield(5) end)()" 0`, "(integer) 5")
	c.want("EXISTS a", "(integer) 0")
}

// An error undoes what the script did; in a transaction, that and no more.
func TestScriptErrorLeavesNothing(t *testing.T) {
	n := start(t)
	c := typist{n.dial()}
	c.want(`EVAL "redis.call('SET','a','1') error('no')" 0`, "(error) ERR user_script:1: no script: …")
	c.want(`EVAL "return coroutine.wrap(function() coroutine.yield(5) end)()" 0`, "(integer) 5")
	c.want("EXISTS a", "(integer) 0")
	c.want("MULTI", "OK")
	c.want("SET b 1", "QUEUED")
	c.want(`EVAL "redis.call('SET','a','1') redis.call('nope')" 0`, "QUEUED")
	c.want(`EVAL "redis.call('SET','c','1') redis.pcall('nope')" 0`, "QUEUED")
	c.want("EXEC", "[OK (error) ERR Unknown Redis command called from script script: … (nil)]")
	c.want("EXISTS a b c", "(integer) 2")
}

// A script is refused by what its commands are, not by what it might call.
func TestScriptOutOfMemory(t *testing.T) {
	var full atomic.Bool
	n := start(t, func(cfg *respd.Config) { cfg.OutOfMemory = full.Load })
	c := typist{n.dial()}
	c.want("SET k v", "OK")
	full.Store(true)
	c.want(`EVAL "return redis.call('GET','k')" 0`, `"v"`)
	c.want(`EVAL "return redis.call('SET','k','w')" 0`, "(error) OOM command not allowed when used memory > 'maxmemory'. script: …")
	c.want(`EVAL "#!lua\nreturn redis.call('GET','k')" 0`, "(error) OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'")
	c.want(`EVAL "#!lua flags=allow-oom\nreturn redis.call('SET','k','w')" 0`, "OK")
	c.want(`EVAL "return redis.call('DEL','k')" 0`, "(integer) 1")
}

// Functions are there after a restart; the end of start checks the journal.
func TestFunctionsInTable(t *testing.T) {
	for _, name := range []string{"eval", "fcall_ro", "script|kill", "function|load"} {
		if s := respd.Commands().Find(name); s == nil || s.Flags.Has(command.Write) != (name == "function|load") {
			t.Errorf("%s: row %v; want one with the right flags", name, s)
		}
	}
}
