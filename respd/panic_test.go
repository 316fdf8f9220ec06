package respd_test

// What clients see of a command that panics, wherever it runs: one error, with
// nothing of it left, and everything else as if it had not been sent.

import (
	"fmt"
	"strings"
	"testing"

	"ledge/journal/logtest"
	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/command/scripts"
	"ledge/respd/resp"
)

const (
	internal  = "(error) ERR internal error: the command has failed; the node's log says more"
	abandoned = "(error) ERR internal error: nothing was changed; the node's log says more"
)

// boom are commands that panic.
func boom() []*command.Spec {
	bug := func() { panic("a bug on purpose") }
	set := func(d *replay.Draft, key []byte) {
		if err := d.SetString(key, []byte("half"), 0); err != nil {
			panic(err)
		}
	}
	return []*command.Spec{
		{Name: "boomread", Arity: -1, Flags: command.ReadOnly,
			Read: func(*replay.View, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boombig", Arity: 2, Keys: command.OneKey, Flags: command.ReadOnly | command.Big,
			Read: func(*replay.View, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boomslow", Arity: 1, Flags: command.Slow | command.ReadOnly,
			Read: func(*replay.View, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boomreach", Arity: 2, Keys: command.OneKey, Flags: command.ReadOnly | command.Big,
			Read:  func(*replay.View, command.Args) resp.Value { return resp.OK },
			Reach: func(*replay.View, command.Args) int { bug(); return 0 }},
		{Name: "boomfits", Arity: -1, Flags: command.ReadOnly,
			Read: func(*replay.View, command.Args) resp.Value { return resp.OK },
			Fits: func(command.Args) bool { bug(); return true }},
		{Name: "boomwrite", Arity: 2, Keys: command.OneKey, Flags: command.Write,
			Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
				set(d, args[1])
				bug()
				return resp.OK, nil
			}},
		{Name: "boomtorn", Arity: 2, Keys: command.OneKey, Flags: command.Write,
			Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
				// A deadline for fields of a hash that isn't there is no effect
				// that a draft can take.
				return resp.OK, d.ExpireFields(args[1], 1<<50, [][]byte{[]byte("f")})
			}},
		{Name: "boominline", Arity: 1, Flags: command.Inline,
			Conn: func(*command.Session, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boomalone", Arity: 1,
			Conn: func(*command.Session, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boombeside", Arity: 1, Flags: command.Slow,
			Conn: func(*command.Session, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boomwaits", Arity: 1, Flags: command.Slow | command.Waits,
			Conn: func(*command.Session, command.Args) resp.Value { bug(); return resp.OK }},
		{Name: "boompop", Arity: 2, Keys: command.OneKey, Flags: command.Write | command.Blocking,
			Write: func(*replay.Draft, command.Args) (resp.Value, error) { return resp.NilArray, command.ErrWait },
			Block: func(*replay.View, command.Args) (command.Block, error) {
				return command.Block{Serve: func(d *replay.Draft, key []byte) (resp.Value, error) {
					set(d, []byte("served"))
					bug()
					return resp.OK, nil
				}}, nil
			}},
		{Name: "boomwait", Arity: 2, Keys: command.OneKey, Flags: command.Write | command.Blocking,
			Write: func(*replay.Draft, command.Args) (resp.Value, error) { return resp.NilArray, command.ErrWait },
			Block: func(*replay.View, command.Args) (command.Block, error) { bug(); return command.Block{}, nil }},
	}
}

// logTo has a server log into a buffer.
func logTo(l *logtest.Log) func(*respd.Config) {
	return func(cfg *respd.Config) { cfg.Logger = l.Logger() }
}

func withBoom(cfg *respd.Config) {
	cfg.Table = command.NewTable(respd.Commands().All(), boom())
}

// A command that panics is answered with one error wherever it runs, and what is
// before and after it in the pipeline is as ever.
func TestPanicAlone(t *testing.T) {
	var log logtest.Log
	n := start(t, withBoom, logTo(&log))
	c := n.dial()
	c.want("RPUSH big"+strings.Repeat(" x", 9000), "(integer) 9000")
	names := []string{"BOOMREAD", "BOOMREAD with arguments", "BOOMBIG big", "BOOMBIG small", "BOOMSLOW", "BOOMREACH big",
		"BOOMFITS", "BOOMWRITE half", "BOOMINLINE", "BOOMALONE", "BOOMBESIDE", "BOOMWAITS", "BOOMWAIT k"}
	for _, line := range names {
		c.want(line, internal)
		c.want("PING", "PONG")
		c.send(encode("SET a 1", "GET a", line, "INCR a", "GET a"))
		c.expect("OK", `"1"`, internal, "(integer) 2", `"2"`)
	}
	c.want("EXISTS half served", "(integer) 0")
	c.want("CLIENT REPLY ON", "OK")
	if got, want := n.srv.Stats().Panics.Load(), int64(2*len(names)); got != want {
		t.Errorf("%d panics are counted; want %d", got, want)
	}
	for _, want := range []string{"level=ERROR", "a command panicked: boomread", "a bug on purpose", "panic_test.go"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
}

// Writes of others in the group of a command that panics stand.
func TestPanicInGroup(t *testing.T) {
	const clients = 8
	n := start(t, withBoom)
	first, bad := n.dial(), n.dial()
	cs := make([]*client, clients)
	for i := range cs {
		cs[i] = n.dial()
		cs[i].want("PING", "PONG")
	}
	bad.want("PING", "PONG")
	release := n.journal.Hold()
	appends := n.journal.Appends()
	first.send(encode("SET first 1"))
	n.behind(appends)
	arrived := n.srv.Stats().NetIn.Load()
	send := func(c *client, lines ...string) {
		b := encode(lines...)
		c.send(b)
		arrived += int64(len(b))
	}
	for i, c := range cs {
		if i == clients/2 {
			send(bad, "SET good 1", "BOOMWRITE half", "SET better 1", "EXISTS half")
		}
		send(c, fmt.Sprintf("SET k%d 1", i), "INCR n")
	}
	until(t, "input", func() bool { return n.srv.Stats().NetIn.Load() == arrived })
	release()
	first.expect("OK")
	bad.expect("OK", internal, "OK", "(integer) 0")
	for _, c := range cs {
		c.expect("OK", "(integer) …")
	}
	first.want("EXISTS k0 k1 k2 k3 k4 k5 k6 k7 good better half", "(integer) 10")
	first.want("GET n", `"8"`)
}

// A panic in the midst of a change to the draft costs all that were drafted with
// it: each of their writes is answered with an error, and none of them stands.
func TestPanicVoidsGroup(t *testing.T) {
	n := start(t, withBoom)
	c := n.dial()
	c.want("SET a old", "OK")
	c.send(encode("SET a new", "GET a", "BOOMTORN k", "GET a", "SET b 1", "GET b"))
	c.expect(abandoned, `"old"`, abandoned, `"old"`, "OK", `"1"`)
	c.send(encode("MULTI", "SET c 1", "BOOMTORN k", "EXEC", "GET c"))
	c.expect("OK", "QUEUED", "QUEUED",
		"(error) EXECABORT Transaction discarded because of: internal error: …", "(nil)")
	c.want("SET a new", "OK")
	c.want("GET a", `"new"`)
	c.want("EXISTS a b c k", "(integer) 2")
}

// EXEC with a command that panics is one error, and nothing of it has changed
// anything; the next transaction is as ever.
func TestPanicInExec(t *testing.T) {
	n := start(t, withBoom)
	c := n.dial()
	c.want("SET a 0", "OK")
	c.want("RPUSH big"+strings.Repeat(" x", 9000), "(integer) 9000")
	for _, line := range []string{"BOOMREAD", "BOOMBIG big", "BOOMWRITE half", "BOOMINLINE"} {
		for _, only := range []bool{false, true} {
			cmds, wants := []string{"WATCH other", "MULTI"}, []string{"OK", "OK"}
			if !only {
				cmds, wants = append(cmds, "INCR a", "PUBLISH ch x"), append(wants, "QUEUED", "QUEUED")
			}
			cmds, wants = append(cmds, line, "PING", "EXEC", "GET a"),
				append(wants, "QUEUED", "QUEUED", internal, `"0"`)
			c.send(encode(cmds...))
			c.expect(wants...)
		}
	}
	c.send(encode("MULTI", "GET a", "EXEC"))
	c.expect("OK", "QUEUED", `["0"]`)
	c.want("EXISTS half", "(integer) 0")
}

// What runs only when a transaction is settled can't take it back any more: its
// writes stand, and the client hears that the rest has failed.
func TestPanicBehindExec(t *testing.T) {
	n := start(t, withBoom)
	c := n.dial()
	c.send(encode("MULTI", "SET a 1", "BOOMALONE", "EXEC", "GET a", "MULTI", "BOOMALONE", "EXEC", "PING"))
	c.expect("OK", "QUEUED", "QUEUED", internal, `"1"`, "OK", "QUEUED", internal, "PONG")
}

// stepped is done by the writer.
type stepped func()

func (f stepped) Step(*replay.Draft) bool { f(); return false }
func (stepped) Settle(error)              {}
func (stepped) Done()                     {}

// A script can't catch a command's panic: it ends, and nothing of it stays. Where
// the draft itself is half changed, the whole group goes.
func TestPanicInScript(t *testing.T) {
	engine := scripts.New(scripts.Config{})
	table := command.NewTable(respd.CommandsWith(engine).All(), boom())
	var writer *writer.Writer
	n := start(t, func(cfg *respd.Config) { cfg.Table, writer = table, cfg.Writer })
	// The writer runs scripts, so it is the one to be told of the server.
	if err := writer.Propose(t.Context(), stepped(func() { engine.Serve(table, n.srv) })); err != nil {
		t.Fatal(err)
	}
	c := n.dial()
	eval := func(code string) string {
		c.send(resp.AppendCommand(nil, "EVAL", code, "0"))
		return c.next()
	}
	for _, code := range []string{"local r = redis.pcall('boomwrite','half') return r.err",
		"return pcall(redis.call,'boomwrite','half')", "return coroutine.wrap(function() redis.pcall('boomwrite','half') end)()"} {
		if got := eval("redis.call('set','a','1') " + code); got != "(error) ERR internal error in a script" {
			t.Errorf("%s = %s; want the internal error, and no script that goes on", code, got)
		}
		c.want("EXISTS a half", "(integer) 0")
	}
	for _, line := range []string{"boomread", "boominline"} {
		if got := eval("redis.call('set','b','1') return redis.call('" + line + "')"); !like(got, "(error) ERR internal error…") {
			t.Errorf("a script that calls %s = %s; want the internal error", line, got)
		}
	}
	for _, code := range []string{"redis.pcall('boomtorn','k') return redis.call('set','c','1')",
		"pcall(redis.call,'boomtorn','k') return 1", "return redis.call('boomtorn','k')"} {
		if got := eval("redis.call('set','c','1') " + code); got != abandoned {
			t.Errorf("%s = %s; want %s", code, got, abandoned)
		}
		c.want("EXISTS b c k", "(integer) 0")
	}
	c.want("SET c 1", "OK")
}

// A blocked client whose command panics when it is served hears so; whoever has
// pushed, and others who wait, are not concerned.
func TestPanicInServing(t *testing.T) {
	n := start(t, withBoom)
	bad, good, pusher := n.dial(), n.dial(), n.dial()
	bad.send(encode("BOOMPOP list", "PING"))
	n.waiting(1)
	good.send(encode("BLPOP list 0", "PING"))
	n.waiting(2)
	pusher.send(encode("SET before 1", "RPUSH list x", "SET after 1"))
	pusher.expect("OK", "(integer) 1", "OK")
	bad.expect(internal, "PONG")
	good.expect(`["list" "x"]`, "PONG")
	pusher.want("EXISTS before after list served", "(integer) 2")
	bad.send(encode("MULTI", "BOOMPOP list", "EXEC"))
	bad.expect("OK", "QUEUED", "[(nil array)]")
}
