package client

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// A command that panics, wherever it runs, is a bug. It ends neither the process
// nor its connection: what it did is taken back, its client gets one error, and
// the log has the stack. What can't be taken back by itself is left to the writer,
// which refuses the whole group, and what can't be trusted any more ends the node
// as everything Fatal does.

// errInternal answers a command that has panicked.
const errInternal resp.Error = "ERR internal error: the command has failed; the node's log says more"

// underway is the command that runs: what there is to go back to.
type underway struct {
	spec *command.Spec // nil if it is none
	end  int           // where it ends in the input
	out  int           // where its reply begins in the output
	// mark is where it began to write, if it has.
	mark replay.Mark
}

// begin is told that the next command, which is parsed, is about to run.
func (c *Conn) begin() {
	u := &c.under
	u.spec, u.end, u.out, u.mark = c.cmd.spec, c.at+c.cmd.size, len(c.out), replay.Mark{}
}

// rescue is deferred around a command that is not part of a draft.
func (c *Conn) rescue() {
	if p := recover(); p != nil {
		c.mishap(p)
	}
}

// rescueStep is deferred around a command that may be part of a draft. If what it
// did can't be taken back by itself, the panic goes on to the writer; the client
// is then answered when its proposal is settled.
func (c *Conn) rescueStep(d *replay.Draft) {
	p := recover()
	if p == nil {
		return
	}
	u := &c.under
	if !d.Abandon(u.mark) {
		c.at, c.cmd = u.end, parsed{} // it is among those that run again, without the writer
		c.shared.Panicked(u.spec, p)
		panic(p)
	}
	c.mishap(p)
}

// rescueInput is deferred around all that the loop does with a connection's input.
// What panics outside of any command is the reading of it, of which no command
// can be found any more: the connection ends.
func (c *Conn) rescueInput() {
	if p := recover(); p != nil {
		c.shared.Panicked(nil, p)
		c.killed.Store(true)
	}
}

// mishap ends the command under way, which has panicked, with one error.
func (c *Conn) mishap(p any) {
	u := &c.under
	c.shared.Panicked(u.spec, p)
	c.at, c.out, c.cmd = u.end, c.out[:min(u.out, len(c.out))], parsed{}
	c.parser.Reset()
	c.late = nil
	c.endStream()
	c.sess.InExec, c.sess.Joined = false, false
	if w := c.await.Load(); w != nil {
		c.over(w)
		w.end(nil)
	}
	if u.spec != nil && u.spec.Name == "exec" {
		c.sess.EndTx()
	} else if c.sess.Tx.On {
		c.sess.Tx.Broken = true
	}
	c.reply(resp.Err(errInternal))
}

// resolve finds what the arguments call.
func (c *Conn) resolve(args command.Args, size int) {
	c.cmd = parsed{ok: true, err: errInternal, args: args, size: size}
	defer func() {
		if p := recover(); p != nil {
			c.shared.Panicked(nil, p)
		}
	}()
	c.cmd.spec, c.cmd.err = c.shared.Table.Resolve(args)
}

// attempt serves a waiter with a key. A panic is an error for the waiter alone,
// not for whoever gave the key something.
func (w *Waiter) attempt(d *replay.Draft, m replay.Mark, key []byte) (val resp.Value, err error) {
	spec := w.c.cmd.spec
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if !d.Abandon(m) {
			panic(p)
		}
		w.c.shared.Panicked(spec, p)
		val, err = resp.Value{}, errInternal
	}()
	return w.serveKey(d, key)
}
