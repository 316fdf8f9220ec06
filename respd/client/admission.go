package client

import (
	"fmt"
	"log/slog"
	"strings"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
	"ledge/respd/stats"
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

// judge decides about the next command. The loop calls it once for a command; the
// writer's goroutine, to which some time passes, asks again only what may have
// changed by then.
func (c *Conn) judge() (verdict, error) {
	if c.cmd.err != nil {
		return refuse, c.cmd.err
	}
	if err := c.refusal(); err != nil {
		return refuse, err
	}
	if c.queues() {
		return queue, nil
	}
	what := c.kind()
	if what == write || what == execWrite {
		if err := c.shared.Scripts.Busy(); err != nil {
			return refuse, err
		}
	}
	return what, nil
}

// judgeAgain is judge on the writer's goroutine. Of a command that the loop has
// judged it asks only whether its slot is still served and whether it may still be written.
func (c *Conn) judgeAgain() (verdict, error) {
	what := c.cmd.judged
	if what == refuse {
		return c.judge()
	}
	if err := c.rerouted(); err != nil {
		return refuse, err
	}
	d := c.demand()
	if err := c.checkMemory(d); err != nil {
		return refuse, err
	}
	if err := c.checkWrite(d); err != nil {
		return refuse, err
	}
	return what, nil
}

// refusal returns why the next command may not run, or nil. The checks are in
// Redis's order, since the first that objects words the error; but a node that
// shows no data, as it is loading them, says so of all else, writes too. They are short
// enough to be inlined, for they are made for each command.
func (c *Conn) refusal() error {
	if err := c.checkAuth(); err != nil {
		return err
	}
	if err := c.checkLoading(); err != nil {
		return err
	}
	if err := c.checkMulti(); err != nil {
		return err
	}
	if err := c.checkSlot(); err != nil {
		return err
	}
	d := c.demand()
	if err := c.checkMemory(d); err != nil {
		return err
	}
	if err := c.checkStale(); err != nil {
		return err
	}
	if err := c.checkWrite(d); err != nil {
		return err
	}
	if c.listens() {
		return resp.Error(fmt.Sprintf(errListening, c.cmd.spec.FullName()))
	}
	return nil
}

func (c *Conn) checkAuth() error {
	if !c.sess.Authed && !c.cmd.spec.Flags.Has(command.NoAuth) {
		return errNoAuth
	}
	return nil
}

// demand is what a command asks of the node, or EXEC for the commands that it is
// to run: to write, and to take memory and room in the journal. For what a script
// writes its commands answer.
func (c *Conn) demand() command.Flags {
	f := c.cmd.spec.Flags
	if c.sess.Tx.On && c.cmd.spec.Name == "exec" {
		f = flagsOf(c.sess.Tx.Queue)
	}
	return f & (command.Write | command.DenyOOM)
}

// flagsOf are the flags that any of the commands has.
func flagsOf(queue []command.Queued) (f command.Flags) {
	for _, q := range queue {
		f |= q.Spec.Flags
	}
	return f
}

func (c *Conn) checkMemory(demand command.Flags) error {
	if demand.Has(command.DenyOOM) && c.shared.OutOfMemory() {
		c.shared.shortOfMemory(c)
		return errOOM
	}
	return nil
}

// shortOfMemory counts and logs that a command was refused for want of memory.
func (s *Shared) shortOfMemory(c *Conn) {
	s.Stats.OOM.Add(1)
	s.Log.Add(slog.LevelWarn, "command refused: memory is short", "command", c.cmd.spec.FullName(), "client", c.sess.Addr)
}

func (c *Conn) checkWrite(demand command.Flags) error {
	if demand.Has(command.Write) {
		return c.shared.MayWrite(!demand.Has(command.DenyOOM))
	}
	return nil
}

// listens reports whether the client gets messages, among which it could not
// tell the command's reply from them.
func (c *Conn) listens() bool {
	return c.sess.Proto == resp.RESP2 && !c.cmd.spec.Flags.Has(command.Listening) && c.sess.Subscribed()
}

// checkLoading refuses what needs data that are still being loaded.
func (c *Conn) checkLoading() error {
	if c.shared.Replica.loading.Load() && !c.cmd.spec.Flags.Has(command.Loading) {
		return command.ErrLoading
	}
	return nil
}

// checkStale refuses to show data that are too old.
func (c *Conn) checkStale() error {
	if c.cmd.spec.Flags&(command.Stale|command.Loading) != 0 {
		return nil
	}
	return c.shared.Replica.refusesReads()
}

// checkMulti refuses what can't be part of a transaction.
func (c *Conn) checkMulti() error {
	if !c.queues() {
		return nil
	}
	spec := c.cmd.spec
	f := spec.Flags
	if f.Has(command.NoMulti) || f.Has(command.Slow) && spec.Conn != nil && !f.Has(command.Waits) && !spec.Brief {
		return errNoMulti
	}
	return nil
}

// queues reports whether the next command is for EXEC to run.
func (c *Conn) queues() bool { return c.sess.Tx.On && !c.cmd.spec.Flags.Has(command.Control) }

// kind says how a command that may run runs.
func (c *Conn) kind() verdict {
	spec := c.cmd.spec
	switch {
	case spec.Reading != nil && spec.Reads(c.cmd.args) != nil:
		return read
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

// big reports whether the next command, a read, has so much to read that it
// should not hold up the loop or the writer.
func (c *Conn) big(v *replay.View) bool {
	p := &c.cmd
	if !p.spec.Flags.Has(command.Big) {
		return false
	}
	v.Select(c.sess.DB)
	return p.spec.Looks(v, p.args) > command.BigRead
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
func (c *Conn) execKind() verdict {
	tx := &c.sess.Tx
	if tx.Broken {
		return exec
	}
	for _, q := range tx.Queue {
		if q.Spec.Write != nil && q.Spec.Reads(q.Args) == nil || q.Spec.Flags.Has(command.Scripted) {
			return execWrite
		}
	}
	return exec
}

// TurnAway answers the next command, a write that no writer has seen yet, because a
// script takes long.
func (c *Conn) TurnAway(busy error) { c.turnAway(busy) }

// turnAway answers the next command with an error. Inside MULTI that breaks
// the transaction, as Redis does.
func (c *Conn) turnAway(err error) {
	val := resp.FromError(err)
	spec := c.cmd.spec
	_, away := err.(redirect)
	if away {
		c.shared.Stats.CountRedirect(val.ErrorText())
	}
	if spec != nil {
		c.shared.Stats.Count(spec, &stats.Calls{Rejected: 1})
	}
	if spec != nil && spec.Name == "exec" {
		// Whatever keeps EXEC from running ends the transaction.
		c.sess.EndTx()
		if away {
			c.reply(val)
			c.consume()
			return
		}
		val = resp.Errf("EXECABORT Transaction discarded because of: %s",
			strings.TrimPrefix(val.ErrorText(), "ERR "))
	} else if c.sess.Tx.On {
		c.sess.Tx.Broken = true
	}
	c.reply(val)
	c.consume()
}
