package respd_test

// Messages for a client that waits in a blocking command, and what a wait knows of
// the moment in which it began.

import (
	"testing"

	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// withAwait adds AWAIT, which waits until a key is there.
func withAwait(cfg *respd.Config) {
	there := func(d *replay.Draft, key []byte) (resp.Value, error) {
		if !d.Exists(key) {
			return resp.Nil, command.ErrWait
		}
		return resp.OK, nil
	}
	cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
		Name: "await", Arity: 2, Keys: command.OneKey, Flags: command.Write,
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) { return there(d, args[1]) },
		Block: func(*replay.View, command.Args) (command.Block, error) { return command.Block{Serve: there}, nil },
	}})
}

// A subscriber that waits for a key hears messages at once, and its reply comes
// after them.
func TestMessageWhileBlocked(t *testing.T) {
	needsLoop(t)
	n := start(t, withAwait)
	c, p := n.subscriber(3, "SUBSCRIBE ch"), n.dial()
	p.want("SET x 1", "OK")
	c.send(encode("PING", "AWAIT k", "PING"))
	c.expect("PONG")
	for _, text := range []string{"one", "two"} {
		p.want("PUBLISH ch "+text, "(integer) 1")
		c.expect(message(3, "message", "ch", text))
	}
	p.want("RENAME x k", "OK")
	c.expect("OK", "PONG")
}

// What a client was sent while it waited is not sent again when the group that
// would have served it fails.
func TestFailedWhileBlocked(t *testing.T) {
	needsLoop(t)
	n := start(t, withAwait)
	c, p := n.subscriber(3, "SUBSCRIBE ch"), n.dial()
	p.want("SET x 1", "OK")
	c.send(encode("PING", "AWAIT k", "ECHO behind"))
	c.expect("PONG")
	p.want("PUBLISH ch message", "(integer) 1")
	c.expect(message(3, "message", "ch", "message"))
	n.journal.FailNext(errFull)
	p.want("RENAME x k", misconf)
	c.expect(misconf, `"behind"`)
}
