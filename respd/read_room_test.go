package respd_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"ledge/replay"
	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Reads of much that wait for room beside the loop leave the line when their client has
// gone or was killed, and when the server stops, however long the read before them takes.
func TestReadRoomLine(t *testing.T) {
	needsLoop(t)
	t.Parallel()
	var ran atomic.Int64
	on := make(chan struct{})
	n := start(t, func(cfg *respd.Config) {
		cfg.Bound = 32 << 20 // so there is room for one
		cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
			Name: "linger", Arity: 1, Flags: command.Slow | command.ReadOnly,
			Read: func(*replay.View, command.Args) resp.Value {
				ran.Add(1)
				<-on
				return resp.OK
			},
		}})
	})
	p := n.dial()
	first := n.dial()
	first.send(encode("LINGER"))
	until(t, "the first has the room", func() bool { return ran.Load() == 1 })
	waiter := func() (c *client, id string) {
		c = n.dial()
		id = c.do("CLIENT ID")[len("(integer) "):]
		c.send(encode("PING", "LINGER", "ECHO after"))
		c.expect("PONG")
		return c, id
	}
	killed, id := waiter()
	p.want("CLIENT KILL ID "+id, "(integer) 1")
	killed.closed()
	lost, _ := waiter()
	lost.drop()
	until(t, "the lost client is forgotten", func() bool { return strings.Contains(p.do("INFO clients"), `connected_clients:2\r\n`) })

	// Had they kept their places, they would have run before this one.
	last, _ := waiter()
	on <- struct{}{}
	first.expect("OK")
	until(t, "the next has the room", func() bool { return ran.Load() == 2 })
	kept, _ := waiter()
	n.stop()
	kept.expect("(error) ERR the server stops, and this read had to wait for others", `"after"`)
	kept.closed()
	on <- struct{}{}
	last.expect("OK", `"after"`)
	last.closed()
	if got := ran.Load(); got != 2 {
		t.Errorf("%d reads have run; want the 2 whose clients stayed", got)
	}
}
