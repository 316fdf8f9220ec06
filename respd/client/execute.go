package client

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// runRead answers the next command from v. It returns false, and has done
// nothing, if the command is to be run by the writer after all.
func (c *Conn) runRead(v *replay.View) bool {
	p := &c.cmd
	v.Select(c.sess.DB)
	val := p.spec.Reads(p.args)(v, p.args)
	if p.spec.Flags.Has(command.Scripted) && !v.Drafting() && val.ErrorText() == string(command.ErrLater) {
		return false
	}
	if reachesHeld(p.spec, &val) {
		c.reaches()
		return false
	}
	c.ran(p.spec, p.args, val.IsError())
	c.reply(val)
	val.Release()
	c.consume()
	return true
}

// runConn runs a command on the session.
func (c *Conn) runConn() {
	c.reply(c.call())
	c.consume()
}

// call runs a command on the session and returns its reply.
func (c *Conn) call() resp.Value {
	p := &c.cmd
	val := p.spec.Conn(&c.sess, p.args)
	c.ran(p.spec, p.args, val.IsError())
	return val
}

// runWrite evaluates the next command on d.
func (c *Conn) runWrite(d *replay.Draft) {
	p := &c.cmd
	d.Select(c.sess.DB)
	m := d.Mark()
	c.under.mark = m
	val, err := p.spec.Write(d, p.args)
	if err == command.ErrWait {
		d.Undo(m)
		c.block(&d.View)
		return
	}
	if err != nil && c.needsHeld(err) {
		d.Undo(m)
		c.reaches()
		return
	}
	if err != nil {
		d.Undo(m)
		val = resp.FromError(err)
	} else {
		d.Seal(c.who())
	}
	c.ran(p.spec, p.args, val.IsError())
	c.reply(val)
	c.consume()
	c.shared.waiters.serve(d)
}

// runAlone runs a command on the session while nothing else of the connection
// is under way. Messages that have come go after its reply, which may be older
// than they are, but for these: what UNSUBSCRIBE answers is the last that a
// client wants to hear of a channel, and Redis sends a client its own message
// before PUBLISH is answered. Only those of a channel that it has just subscribed
// to must not come before the client knows.
func (c *Conn) runAlone() {
	f := c.cmd.spec.Flags
	by := c.cmd.by
	early := f.Has(command.PubSub) || f.Has(command.Listening) // RESET leaves all
	val := c.call()
	if early && !c.sess.Joined || c.mail.proto != c.sess.Proto {
		c.CatchUp()
	}
	c.reply(val)
	c.sess.Joined = false
	c.consume()
	c.leaveGoneChannels(by)
}
