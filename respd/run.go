package respd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ledge/journal/fault"
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
	errTxFull resp.Error = "ERR transaction of more than 64 MiB of queued commands"
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
		if f.Has(command.NoMulti) || f.Has(command.Slow) && p.spec.Conn != nil {
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
	if n > bigRead && p.spec.Reach != nil {
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

// enqueue keeps the next command for EXEC.
func (c *conn) enqueue() {
	tx := &c.sess.Tx
	n := 0
	for _, a := range c.cmd.args {
		n += len(a) + 24
	}
	if tx.Bytes+n > maxQueuedBytes {
		c.turnAway(errTxFull)
		return
	}
	tx.Bytes += n
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

// runRead answers the next command from v. It returns false, and has done
// nothing, if the command is to be run by the writer after all.
func (c *conn) runRead(v *replay.View) bool {
	p := &c.cmd
	v.Select(c.sess.DB)
	val := p.spec.Read(v, p.args)
	if p.spec.Flags.Has(command.Scripted) && !v.Drafting() && val.ErrorText() == string(command.ErrLater) {
		return false
	}
	c.ran(p.spec, p.args, val.IsError())
	c.reply(val)
	val.Release()
	c.consume()
	return true
}

// runConn runs a command on the session.
func (c *conn) runConn() {
	c.reply(c.call())
	c.consume()
}

// call runs a command on the session and returns its reply.
func (c *conn) call() resp.Value {
	p := &c.cmd
	val := p.spec.Conn(&c.sess, p.args)
	c.ran(p.spec, p.args, val.IsError())
	return val
}

// runWrite evaluates the next command on d.
func (c *conn) runWrite(d *replay.Draft) {
	p := &c.cmd
	d.Select(c.sess.DB)
	m := d.Mark()
	val, err := p.spec.Write(d, p.args)
	if err == command.ErrWait {
		d.Undo(m)
		c.block()
		return
	}
	if err != nil {
		d.Undo(m)
		val = resp.FromError(err)
	} else {
		d.Seal()
	}
	c.ran(p.spec, p.args, val.IsError())
	c.reply(val)
	c.consume()
	c.srv.waiters.serve(d)
}

// execution is an EXEC whose last replies have to wait: commands about the
// server look at more than the draft, so they run once it is settled.
type execution struct {
	vals []resp.Value
	todo []int
	tx   command.Tx
}

// waits reports whether a command is one that runs late. PING has to wait
// behind others: how it answers depends on whether the client is subscribed.
func (x *execution) waits(spec *command.Spec) bool {
	f := spec.Flags
	return spec.Conn != nil && (!f.Has(command.Inline) || len(x.todo) > 0 && f.Has(command.Listening))
}

// runExec runs a transaction: on d if there is one, else on v. All of it
// becomes one journal entry. A command that fails leaves nothing; the others
// stand. It reports whether the reply is complete.
func (c *conn) runExec(v *replay.View, d *replay.Draft) (complete bool) {
	tx := c.sess.Tx
	spec, args := c.cmd.spec, c.cmd.args
	defer func() {
		c.sess.EndTx()
		c.consume()
	}()
	if tx.Broken {
		c.ran(spec, args, true)
		c.reply(resp.Err(errExecAbort))
		return true
	}
	if v.Dirty(tx.Watches) {
		c.ran(spec, args, false)
		c.reply(resp.NilArray)
		return true
	}
	x := &execution{vals: make([]resp.Value, len(tx.Queue)), tx: tx}
	for i, q := range tx.Queue {
		if x.waits(q.Spec) {
			x.todo = append(x.todo, i)
			continue
		}
		x.vals[i] = c.runQueued(q, v, d)
	}
	if d != nil {
		d.Seal()
		c.srv.waiters.serve(d)
	}
	c.ran(spec, args, false)
	if len(x.todo) > 0 {
		c.late = x
		return false
	}
	c.reply(resp.Array(x.vals...))
	return true
}

// runQueued runs one command of a transaction.
func (c *conn) runQueued(q command.Queued, v *replay.View, d *replay.Draft) resp.Value {
	var val resp.Value
	v.Select(c.sess.DB)
	switch {
	case q.Spec.Read != nil:
		val = q.Spec.Read(v, q.Args)
	case q.Spec.Write != nil:
		m := d.Mark()
		var err error
		if val, err = q.Spec.Write(d, q.Args); err != nil {
			d.Undo(m)
			if err != command.ErrWait { // in a transaction nobody waits
				val = resp.FromError(err)
			}
		}
	default:
		val = q.Spec.Conn(&c.sess, q.Args)
	}
	c.ran(q.Spec, q.Args, val.IsError())
	if val.Kind() == resp.KindNone {
		return resp.Nil // an element can't be left out
	}
	return val
}

// finishExec runs what waited for the outcome, with the state unlocked, and
// sends the transaction's reply.
func (c *conn) finishExec() {
	x := c.late
	c.late = nil
	c.sess.InExec = true
	for _, i := range x.todo {
		q := x.tx.Queue[i]
		x.vals[i] = q.Spec.Conn(&c.sess, q.Args)
		if x.vals[i].Kind() == resp.KindNone {
			x.vals[i] = resp.Nil
		}
		c.ran(q.Spec, q.Args, x.vals[i].IsError())
	}
	c.sess.InExec = false
	if c.sess.NoReply {
		c.reply(hush(x.vals))
	} else {
		c.reply(resp.Array(x.vals...))
	}
	c.sess.Joined = false
	c.catchUp()
}

// outcome says why serve stopped.
type outcome uint8

const (
	idle    outcome = iota // all input so far is done with
	propose                // the next command is for the writer
	beside                 // the next command is for a goroutine of its own
	held                   // CLIENT PAUSE holds the next command back
	flush                  // replies should be sent before going on
)

// views gives the loop one View for all the reads of a round.
type views struct {
	state *replay.State
	clock func() time.Time
	v     *replay.View
}

// open returns the round's view.
func (r *views) open() *replay.View {
	if r.v == nil {
		r.v = r.state.OpenView(r.clock())
	}
	return r.v
}

// close lets batches be applied.
func (r *views) close() {
	if r.v != nil {
		r.v.Close()
		r.v = nil
	}
}

// serve runs what has arrived as far as it goes without the writer.
func (c *conn) serve(r *views) outcome {
	c.tally.begin()
	defer c.count()
	for c.next() {
		what, err := c.judge()
		if what != refuse && c.paused(what) {
			return held
		}
		if what == read && c.big(r.open()) {
			what = slow
		}
		switch {
		case c.answer(what, err, r):
		case what == alone:
			r.close()
			c.runAlone()
		case what == slow:
			r.close()
			return beside
		default: // write, execWrite, a read that takes long
			c.save()
			c.steps = 0
			return propose
		}
		if len(c.out) > stepOutput {
			return flush
		}
	}
	return idle
}

// answer runs the next command if it needs no more than a view, and reports
// whether that is so.
func (c *conn) answer(what verdict, err error, r *views) bool {
	switch what {
	case refuse:
		c.turnAway(err)
	case queue:
		c.enqueue()
	case read:
		return c.runRead(r.open())
	case inline:
		c.runConn()
	case exec:
		if !c.runExec(r.open(), nil) {
			r.close()
			c.finishExec()
		}
	default:
		return false
	}
	return true
}

// paused reports whether CLIENT PAUSE holds the next command back.
func (c *conn) paused(what verdict) bool {
	if c.srv.pause.until.Load() == 0 {
		return false
	}
	w := what == write || what == execWrite || c.cmd.spec.Flags.Has(command.MayReplicate)
	if !w && (what == inline || what == alone) {
		return false
	}
	return c.srv.pause.holds(w, c.srv.cfg.Clock) > 0
}

// Step runs the next command on the draft. The writer calls it.
func (c *conn) Step(d *replay.Draft) bool {
	if c.steps == 0 {
		c.tally.begin()
	}
	c.steps++
	if !c.next() {
		return false
	}
	what, err := c.judge()
	if what != refuse && c.steps > 1 && c.paused(what) {
		return false
	}
	if what == read && c.big(&d.View) {
		what = slow
	}
	switch what {
	case refuse:
		c.turnAway(err)
	case queue:
		c.enqueue()
	case read:
		c.runRead(&d.View)
	case inline:
		c.runConn()
	case exec, execWrite:
		if !c.runExec(&d.View, d) {
			return false
		}
	case write:
		c.runWrite(d)
	case alone, slow:
		return false // the loop's; nothing of ours may be pending then
	}
	if c.wait != nil {
		return false
	}
	return c.at < len(c.in) && c.steps < stepCommands && len(c.out) < stepOutput
}

// Settle keeps the replies since the last Settle when the batch stands. When
// it does not, they are dropped, and the same commands run again with writes
// refused: what was read may have come from a draft that now never was. When
// nobody can tell, no answer is right, so the connection ends.
func (c *conn) Settle(err error) {
	if fault.Of(err) == fault.Fatal {
		c.leaveQueue()
		c.restore()
		c.sess.Quit = true
		return
	}
	if err != nil {
		end := c.at
		c.leaveQueue()
		c.restore()
		c.rerun(end, misconf(err))
		if fault.Of(err) != fault.Refused {
			c.srv.waiters.refuse(c.srv, misconf(err))
		}
	}
	c.tally.begin()
	if c.late != nil {
		c.finishExec()
	}
	c.save()
}

// rerun answers the commands in front of end without the writer.
func (c *conn) rerun(end int, cause error) {
	r := views{state: c.srv.cfg.State, clock: c.srv.cfg.Clock}
	defer r.close()
	for c.at < end && c.next() {
		what, err := c.judge()
		switch {
		case c.answer(what, err, &r):
		case what == write || what == execWrite || what == read:
			c.turnAway(cause)
		default: // never part of a proposal
			c.turnAway(errors.New("ERR the server lost its place"))
		}
	}
}

// runBeside runs the next command, a slow one, on a goroutine of its own.
func (c *conn) runBeside() {
	c.tally.begin()
	if c.cmd.spec.Read == nil {
		c.runConn()
	} else if c.cmd.spec.Flags.Has(command.Big) {
		v := c.srv.cfg.State.Pin(c.srv.cfg.Clock(), c.sess.DB, c.cmd.keys())
		c.runRead(v)
		v.Close()
	} else if err := c.srv.cfg.State.View(c.srv.cfg.Clock(), func(v *replay.View) error {
		c.runRead(v)
		return nil
	}); err != nil {
		c.turnAway(err)
	}
	c.Done()
}

// Done hands the connection back to the loop, or leaves it to who serves those
// that wait.
func (c *conn) Done() {
	c.count()
	c.saved.tx = command.Tx{}
	if !c.parked() {
		c.srv.loop.done(c)
	}
}
