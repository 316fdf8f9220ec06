package respd_test

// Commands that wait beside the loop for something outside the state, as WAIT
// does for replicas: what ends such a wait, and what it must not hold up.

import (
	"sync/atomic"
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
			<-s.Context().Done()
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

// What a command works on ends with its client and with a stop, but not because a
// client has sent its last, nor because blocked clients are let go.
func TestTaskEnds(t *testing.T) {
	needsLoop(t)
	var begun, ended atomic.Int64
	n := start(t, func(cfg *respd.Config) {
		cfg.Table = command.NewTable(respd.Commands().All(), []*command.Spec{{
			Name: "task", Arity: 1, Flags: command.Slow | command.NoMulti,
			Conn: func(s *command.Session, _ command.Args) resp.Value {
				begun.Add(1)
				<-s.Context().Done()
				ended.Add(1)
				return resp.Err("ERR the task was ended")
			},
		}})
	})
	p := n.dial()
	task := func() (c *client, id string) {
		c = n.dial()
		id = c.do("CLIENT ID")[len("(integer) "):]
		before := begun.Load()
		c.send(encode("TASK"))
		until(t, "task", func() bool { return begun.Load() == before+1 })
		return c, id
	}
	c, id := task()
	p.want("CLIENT UNBLOCK "+id, "(integer) 0")
	n.waiting(0)
	p.want("CLIENT KILL ID "+id, "(integer) 1")
	c.closed()
	until(t, "end of the killed client's task", func() bool { return ended.Load() == 1 })

	c, _ = task()
	c.drop()
	until(t, "end of the lost client's task", func() bool { return ended.Load() == 2 })

	c, _ = task()
	if err := c.nc.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	p.want("PING", "PONG") // the loop has been round
	if got := ended.Load(); got != 2 {
		t.Errorf("%d tasks have ended; want 2: a client may send its last and wait for the answer", got)
	}
	n.stop()
	c.expect("(error) ERR the task was ended")
	c.closed()
}
