package respd

import (
	"fmt"
	"slices"
	"strings"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Redis's texts for commands that are turned away before they run.
const (
	errNoAuth    resp.Error = "NOAUTH Authentication required."
	errOOM       resp.Error = "OOM command not allowed when used memory > 'maxmemory'."
	errNoMulti   resp.Error = "ERR Command not allowed inside a transaction"
	errExecAbort resp.Error = "EXECABORT Transaction discarded because of previous errors."
	errListening            = "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / " +
		"PING / QUIT / RESET are allowed in this context"
	errTxFull             = "ERR transaction of more than %d bytes of queued commands"
	errTxsFull resp.Error = "ERR the transactions of all clients together have too many queued commands"
)

// verdict says what to do with the next command.
type verdict uint8

const (
	refuse    verdict = iota // answer with an error
	queue                    // keep it for EXEC
	read                     // answer from a View
	inline                   // a Conn command that may run anywhere
	alone                    // a Conn command that needs the state unlocked
	slow                     // anything that runs beside the loop
	write                    // for the writer
	exec                     // EXEC of only reads: from a View
	execWrite                // EXEC for the writer
)

// judge decides about the next command, in the order in which Redis checks.
func (c *conn) judge() (verdict, error) {
	p, s := &c.cmd, &c.sess
	if p.err != nil {
		return refuse, p.err
	}
	f := p.spec.Flags
	if !s.Authed && !f.Has(command.NoAuth) {
		return refuse, errNoAuth
	}
	if c.needsMemory() && c.srv.cfg.OutOfMemory() {
		return refuse, errOOM
	}
	if gate := c.srv.cfg.Replica; !f.Has(command.Stale) && !f.Has(command.Loading) {
		if err := gate.refuses(&gate.reads); err != nil {
			return refuse, err
		}
	}
	if writes(p.spec) {
		if err := c.srv.suspended(!f.Has(command.DenyOOM)); err != nil {
			return refuse, err
		}
	}
	if s.Proto == resp.RESP2 && !f.Has(command.Listening) && s.Subscribed() {
		return refuse, resp.Error(fmt.Sprintf(errListening, p.spec.FullName()))
	}
	if s.Tx.On && !f.Has(command.Control) {
		if f.Has(command.NoMulti) || f.Has(command.Slow) && p.spec.Conn != nil && !f.Has(command.Waits) {
			return refuse, errNoMulti
		}
		return queue, nil
	}
	what := c.kind()
	if what == write || what == execWrite {
		if err := c.srv.scripts.Busy(); err != nil {
			return refuse, err
		}
	}
	if what == execWrite && slices.ContainsFunc(s.Tx.Queue, func(q command.Queued) bool { return writes(q.Spec) }) {
		if err := c.srv.suspended(!c.needsMemory()); err != nil {
			return refuse, err
		}
	}
	return what, nil
}

// writes reports whether a command writes by itself. What a script writes, its
// commands answer for.
func writes(s *command.Spec) bool {
	return s.Write != nil && !s.Flags.Has(command.Scripted)
}

// needsMemory reports whether the next command, or any that EXEC would run, is
// one to refuse when memory is short.
func (c *conn) needsMemory() bool {
	spec := c.cmd.spec
	if spec.Flags.Has(command.DenyOOM) {
		return true
	}
	return c.sess.Tx.On && spec.Name == "exec" &&
		slices.ContainsFunc(c.sess.Tx.Queue, func(q command.Queued) bool {
			return q.Spec.Flags.Has(command.DenyOOM)
		})
}

// kind says how a command that may run runs.
func (c *conn) kind() verdict {
	spec := c.cmd.spec
	switch {
	case spec.Write != nil:
		return write
	case c.sess.Tx.On && spec.Name == "exec":
		return c.execKind()
	case spec.Flags.Has(command.Slow):
		return slow
	case spec.Read != nil:
		return read
	case spec.Flags.Has(command.Inline):
		return inline
	}
	return alone
}

// bigRead is how much a command may have to read on the event loop.
const bigRead = 8192

// big reports whether the next command, a read, has so much to read that it
// should not hold up the loop or the writer.
func (c *conn) big(v *replay.View) bool {
	p, n := &c.cmd, 0
	if !p.spec.Flags.Has(command.Big) {
		return false
	}
	v.Select(c.sess.DB)
	for _, i := range p.spec.KeysOf(p.args) {
		n += v.Weight(p.args[i])
	}
	if p.spec.Reach != nil && (n > bigRead || p.spec.Flags.Has(command.Repeats)) {
		n = p.spec.Reach(v, p.args)
	}
	return n > bigRead
}

// keys returns the keys of the next command.
func (p *parsed) keys() [][]byte {
	var keys [][]byte
	for _, i := range p.spec.KeysOf(p.args) {
		keys = append(keys, p.args[i])
	}
	return keys
}

// execKind says whether EXEC has anything to write.
func (c *conn) execKind() verdict {
	tx := &c.sess.Tx
	if tx.Broken {
		return exec
	}
	for _, q := range tx.Queue {
		if q.Spec.Write != nil || q.Spec.Flags.Has(command.Scripted) {
			return execWrite
		}
	}
	return exec
}

// turnAway answers the next command with an error. Inside MULTI that breaks
// the transaction, as Redis does.
func (c *conn) turnAway(err error) {
	val := resp.FromError(err)
	spec := c.cmd.spec
	if spec != nil {
		c.srv.stats.Count(spec, command.Calls{Rejected: 1})
	}
	if spec != nil && spec.Name == "exec" {
		// Whatever keeps EXEC from running ends the transaction.
		c.sess.EndTx()
		val = resp.Errf("EXECABORT Transaction discarded because of: %s",
			strings.TrimPrefix(val.ErrorText(), "ERR "))
	} else if c.sess.Tx.On {
		c.sess.Tx.Broken = true
	}
	c.reply(val)
	c.consume()
}

// What a queued command takes besides its bytes: its place in the queue, which
// grows by up to a half of itself, and that of each argument.
const (
	queuedSize = 48
	argSize    = 24
)

// enqueue keeps the next command for EXEC.
func (c *conn) enqueue() {
	tx := &c.sess.Tx
	n := 0
	for _, a := range c.cmd.args {
		n += len(a)
	}
	size := n + queuedSize + len(c.cmd.args)*argSize
	switch {
	case tx.Bytes+size > c.srv.cfg.MaxQueued:
		c.turnAway(resp.Error(fmt.Sprintf(errTxFull, c.srv.cfg.MaxQueued)))
		return
	case c.srv.stats.HeldTx.Load()+int64(size) > int64(c.srv.cfg.MaxBuffers):
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
