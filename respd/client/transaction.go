package client

import (
	"fmt"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// What a queued command takes besides its bytes: its place in the queue, which
// grows by up to a half of itself, and that of each argument.
const (
	queuedSize = 48
	argSize    = 24
)

// enqueue keeps the next command for EXEC.
func (c *Conn) enqueue() {
	tx := &c.sess.Tx
	n := 0
	for _, a := range c.cmd.args {
		n += len(a)
	}
	size := n + queuedSize + len(c.cmd.args)*argSize
	switch {
	case tx.Bytes+size > c.shared.mostQueued():
		c.turnAway(resp.Error(fmt.Sprintf(errTxFull, c.shared.mostQueued())))
		return
	case c.shared.Stats.HeldTx.Load()+int64(size) > c.shared.Buffers():
		c.turnAway(errTxsFull)
		return
	}
	tx.Bytes += size
	tx.Queue = append(tx.Queue, command.Queued{Spec: c.cmd.spec, Args: copyArgs(c.cmd.args, n)})
	c.sess.Queued.Store(int32(len(tx.Queue)))
	c.reply(resp.Queued)
	c.consume()
}

// copyArgs copies arguments into one block of memory.
func copyArgs(args command.Args, n int) command.Args {
	block := make([]byte, 0, n)
	out := make(command.Args, len(args))
	for i, a := range args {
		at := len(block)
		block = append(block, a...)
		out[i] = block[at:len(block):len(block)]
	}
	return out
}

// execution is an EXEC whose last replies have to wait: commands about the
// server look at more than the draft, so they run once it is settled.
type execution struct {
	vals []resp.Value
	todo []int
	tx   command.Tx
}

// waits reports whether a command is one that runs late. PING has to wait
// for others before it: how it answers depends on whether the client is subscribed.
func (x *execution) waits(spec *command.Spec) bool {
	f := spec.Flags
	return spec.Conn != nil && (!f.Has(command.Inline) || len(x.todo) > 0 && f.Has(command.Listening))
}

// runExec runs a transaction: on d if there is one, else on v. All of it
// becomes one journal entry. A command that fails leaves nothing; the others
// stand. It reports whether the reply is complete.
func (c *Conn) runExec(v *replay.View, d *replay.Draft) (complete bool) {
	tx := c.sess.Tx
	spec, args := c.cmd.spec, c.cmd.args
	parked := false
	defer func() {
		if !parked {
			c.sess.EndTx()
			c.consume()
		}
	}()
	if tx.Broken {
		c.ran(spec, args, true)
		c.reply(resp.Err(errExecAbort))
		return true
	}
	if v.Dirty(tx.Watches) || c.watchesGone(&tx) {
		c.ran(spec, args, false)
		c.reply(resp.NilArray)
		return true
	}
	if d != nil {
		c.under.mark = d.Mark()
	}
	x := &execution{vals: make([]resp.Value, len(tx.Queue)), tx: tx}
	before := c.settings()
	held := 0 // by the replies so far
	for i, q := range tx.Queue {
		if x.waits(q.Spec) {
			x.todo = append(x.todo, i)
			continue
		}
		if c.killed.Load() && q.Spec.Reads(q.Args) != nil {
			continue // nobody will read it; what is to be written is written all the same
		}
		if x.vals[i], parked = c.runQueued(q, v, d); parked {
			d.Undo(c.under.mark)
			c.restoreSettings(before)
			c.reaches()
			return true
		}
		if held += weight(x.vals[i]); held > c.shared.mostOutput() {
			c.tooMuchOutput(held)
			clear(x.vals[:i+1])
			held = 0
		}
	}
	if d != nil {
		d.Seal(c.who())
		c.shared.waiters.serve(d)
	}
	c.ran(spec, args, false)
	if len(x.todo) > 0 {
		c.late = x
		return false
	}
	c.replyExec(x)
	return true
}

// replyExec answers a transaction, unless its client is closed: then there may be
// replies that were not made.
func (c *Conn) replyExec(x *execution) {
	switch {
	case c.killed.Load():
	case c.sess.NoReply:
		c.reply(hush(x.vals))
	default:
		c.reply(resp.Array(x.vals...))
	}
}

// settings are what the commands that EXEC runs with the draft may change of the session.
type settings struct {
	db           journal.DB
	readsReplica bool
}

func (c *Conn) settings() settings { return settings{c.sess.DB, c.sess.ReadsReplica} }

// restoreSettings takes back what the commands of an EXEC have changed that is run again.
func (c *Conn) restoreSettings(s settings) {
	c.sess.Select(s.db)
	c.sess.ReadsReplica = s.readsReplica
}

// runQueued runs one command of a transaction. It reports whether that needs a slot which is
// held: then the transaction is to be taken back, and run again as a whole.
func (c *Conn) runQueued(q command.Queued, v *replay.View, d *replay.Draft) (val resp.Value, held bool) {
	c.under.spec = q.Spec
	v.Select(c.sess.DB)
	switch read := q.Spec.Reads(q.Args); {
	case read != nil:
		if val = read(v, q.Args); d != nil && reachesHeld(q.Spec, &val) {
			return val, true
		}
	case q.Spec.Write != nil:
		m := d.Mark()
		var err error
		if val, err = q.Spec.Write(d, q.Args); err != nil {
			if c.needsHeld(err) {
				return val, true
			}
			d.Undo(m)
			if err != command.ErrWait { // in a transaction nobody waits
				val = resp.FromError(err)
			}
		}
	default:
		val = q.Spec.Conn(&c.sess, q.Args)
	}
	c.ran(q.Spec, q.Args, val.IsError())
	if val.IsError() && val.ErrorText() == string(command.ErrTooLong) {
		c.tooMuchOutput(c.shared.mostOutput())
	}
	if val.Kind() == resp.KindNone {
		return resp.Nil, false // an element can't be left out
	}
	return val, false
}

// valueBytes is what an element of a reply takes that has not been encoded.
const valueBytes = 32

// weight is about how much memory a reply takes that has not been encoded, without
// what its elements have of their own.
func weight(v resp.Value) int { return len(v.Str()) + len(v.Elems())*valueBytes }

// finishExec runs what waited for the outcome, with the state unlocked, and
// sends the transaction's reply.
func (c *Conn) finishExec() {
	x := c.late
	c.late = nil
	c.sess.InExec = true
	for _, i := range x.todo {
		q := x.tx.Queue[i]
		c.under.spec = q.Spec
		x.vals[i] = q.Spec.Conn(&c.sess, q.Args)
		if x.vals[i].Kind() == resp.KindNone {
			x.vals[i] = resp.Nil
		}
		c.ran(q.Spec, q.Args, x.vals[i].IsError())
	}
	c.sess.InExec = false
	c.replyExec(x)
	c.sess.Joined = false
	c.CatchUp()
}
