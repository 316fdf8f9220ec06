package scripts_test

import (
	"strings"
	"testing"
	"time"

	"ledge/journal/logtest"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/command/commandtest"
	"ledge/respd/command/keys"
	"ledge/respd/command/scripts"
	"ledge/respd/command/strs"
	"ledge/respd/resp"
)

// with returns a client of scripts that may call these commands, too.
func with(t *testing.T, cfg scripts.Config, more ...*command.Spec) (*commandtest.Client, *scripts.Engine) {
	e := scripts.New(cfg)
	families := [][]*command.Spec{strs.Table(), keys.Table(), e.Table(), more}
	e.Serve(command.NewTable(families...), nil)
	return commandtest.Open(t, commandtest.Config{}, families...), e
}

// A fault of ours in a script is one error to whoever sent it: what the script
// did is undone, the log has the stack, and the next script finds a clean state.
func TestInternalError(t *testing.T) {
	var log logtest.Log
	boom := &command.Spec{Name: "boom", Arity: -1, Flags: command.Write, Group: "string", Since: "1.0.0",
		Summary: "Fail.", Write: func(_ *replay.Draft, args command.Args) (resp.Value, error) {
			var none []int
			return resp.Int(int64(none[len(args)])), nil
		}}
	c, _ := with(t, scripts.Config{Logger: log.Logger()}, boom)
	for _, script := range []string{
		`redis.call('SET','k','v') redis.call('boom')`,
		`redis.call('SET','k','v') return pcall(redis.call,'boom')`,
		`redis.call('SET','k','v') return coroutine.wrap(function() redis.pcall('boom') end)()`,
		`redis.call('SET','k','v') table.sort({1,2},function() redis.call('boom') end)`,
	} {
		if got, want := c.Do("EVAL", script, "0").String(), "(error) ERR internal error in a script"; got != want {
			t.Errorf("%s = %s; want %s", script, got, want)
		}
		c.Want("EXISTS k", "(integer) 0")
		c.Want("EVAL 'return tostring(KEYS[1])' 0", `"nil"`)
	}
	for _, want := range []string{"level=ERROR", "index out of range", "internal_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log: %s\nwant %q in it", log.String(), want)
		}
	}
}

// A script counts as busy once it has run for long, also while it is inside of
// one call that never asks whether it may go on.
func TestBusyInOneCall(t *testing.T) {
	var log logtest.Log
	entered, leave := make(chan struct{}), make(chan struct{})
	wait := &command.Spec{Name: "hang", Arity: -1, Flags: command.Write, Group: "string", Since: "1.0.0",
		Summary: "Wait.", Write: func(*replay.Draft, command.Args) (resp.Value, error) {
			entered <- struct{}{}
			<-leave
			return resp.OK, nil
		}}
	told := make(chan struct{}, 1)
	c, e := with(t, scripts.Config{Logger: log.Logger(),
		Busy: func() { told <- struct{}{} }}, wait)
	for _, p := range e.Params() {
		if p.Name == "busy-reply-threshold" {
			if err := p.Set("20", true); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 3 {
		done := make(chan string)
		go func() { done <- c.Do("EVAL", "return redis.call('hang')", "0").String() }()
		<-entered
		select {
		case <-told:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody was told that a script runs for long")
		}
		if e.Busy() == nil || !strings.Contains(log.String(), "slow script") {
			t.Errorf("Busy() = %v, log %q; want BUSY and a WARN", e.Busy(), log.String())
		}
		leave <- struct{}{}
		if got := <-done; got != "OK" {
			t.Errorf("hang = %s; want OK", got)
		}
		if err := e.Busy(); err != nil {
			t.Errorf("Busy() = %v after the script; want nil", err)
		}
	}
}

// A reply counts as part of the script: here it would be of 2^40 elements.
func TestLargeReply(t *testing.T) {
	c, e := with(t, scripts.Config{})
	for _, p := range e.Params() {
		if p.Name == "script-max-memory" {
			if err := p.Set("8388608", true); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, script := range []string{
		`local t = {} for i = 1, 40 do t = {t, t} end return t`,
		`local s = string.rep('x', 1e6) local t = {} for i = 1, 1000 do t[i] = s end return t`,
		`redis.setresp(3) local t = {} for i = 1, 40 do t = {map = {a = t, b = t}} end return t`,
		`local t = {} for i = 1, 2e4 do t[i] = {} end return {t, t, t, t, t, t, t, t}`,
	} {
		want := "(error) ERR Script took more memory than script-max-memory and was killed"
		if got := c.Do("EVAL", script, "0").String(); got != want {
			t.Errorf("%s = %.100s; want %s", script, got, want)
		}
	}
	c.Want("EVAL 'return {1,2}' 0", "[(integer) 1 (integer) 2]")
}
