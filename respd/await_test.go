package respd_test

// Commands that wait beside the loop for something outside the state, as WAIT
// does for replicas: what ends such a wait, and what it must not hold up.

import (
	"testing"

	"ledge/respd"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// withHold adds HOLD, which waits until it is released.
func withHold(cfg *respd.Config) {
	cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
		Name: "hold", Arity: 1, Flags: command.Slow | command.Waits,
		Conn: func(s *command.Session, _ command.Args) resp.Value {
			if s.InExec {
				return resp.Int(-1)
			}
			<-s.Wait.Done()
			return resp.Int(0)
		},
	}})
}

// What was answered before is sent at once, and each way out ends the wait.
func TestHeldEnds(t *testing.T) {
	needsLoop(t)
	n := start(t, withHold)
	p := n.dial()
	hold := func() (c *client, id string) {
		c = n.dial()
		id = c.do("CLIENT ID")[len("(integer) "):]
		c.send(encode("PING", "HOLD", "ECHO behind"))
		c.expect("PONG")
		n.waiting(1)
		return c, id
	}
	c, id := hold()
	p.want("CLIENT UNBLOCK "+id, "(integer) 1")
	c.expect("(integer) 0", `"behind"`)
	p.want("CLIENT UNBLOCK "+id, "(integer) 0")

	c, id = hold()
	p.want("CLIENT UNBLOCK "+id+" ERROR", "(integer) 1")
	c.expect("(error) UNBLOCKED client unblocked via CLIENT UNBLOCK", `"behind"`)

	c, id = hold()
	p.want("CLIENT KILL ID "+id, "(integer) 1")
	c.closed()
	n.waiting(0)

	c, _ = hold()
	c.nc.Close()
	n.waiting(0)

	c, _ = hold()
	n.stop()
	c.expect("(integer) 0", `"behind"`)
	c.closed()
}

// In a transaction nobody waits.
func TestHeldInExec(t *testing.T) {
	n := start(t, withHold)
	c := n.dial()
	c.send(encode("MULTI", "SET a 1", "HOLD", "EXEC"))
	c.expect("OK", "QUEUED", "QUEUED", "[OK (integer) -1]")
}
