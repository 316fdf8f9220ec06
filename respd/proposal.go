package respd

import (
	"errors"

	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// Step runs the next command on the draft. The writer calls it.
func (c *conn) Step(d *replay.Draft) bool {
	if c.steps == 0 {
		c.tally.begin()
	}
	c.steps++
	if !c.next() {
		return false
	}
	c.begin()
	defer c.rescueStep(d)
	what, err := c.judgeAgain()
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
		var s *writer.Suspension
		if fault.Of(err) != fault.Refused && !(errors.As(err, &s) && s.InDoubt) {
			c.srv.waiters.refuse(c.srv, misconf(err))
		}
	}
	c.tally.begin()
	if c.late != nil {
		c.finishLate()
	}
	c.save()
}

// finishLate finishes an EXEC that is settled.
func (c *conn) finishLate() {
	c.begin()
	defer c.rescue()
	c.finishExec()
}

// rerun answers the commands in front of end without the writer.
func (c *conn) rerun(end int, cause error) {
	r := views{state: c.srv.cfg.State, clock: c.srv.cfg.Clock}
	defer r.close()
	for c.at < end && c.next() {
		c.rerunNext(cause, &r)
	}
}

func (c *conn) rerunNext(cause error, r *views) {
	c.begin()
	defer c.rescue()
	what, err := c.judge()
	switch {
	case c.answer(what, err, r):
	case what == write || what == execWrite || what == read:
		c.turnAway(cause)
	default: // never part of a proposal
		c.turnAway(errors.New("ERR the server lost its place"))
	}
}

// runBeside runs the next command, a slow one, on a goroutine of its own.
func (c *conn) runBeside() {
	defer c.Done()
	c.tally.begin()
	c.begin()
	defer c.rescue()
	if w := c.await.Load(); w != nil {
		c.runWaiting(w)
	} else if c.cmd.spec.Read == nil {
		c.runConn()
	} else if c.cmd.spec.Flags.Has(command.Big) {
		c.runPinned()
	} else if err := c.srv.cfg.State.View(c.srv.cfg.Clock(), func(v *replay.View) error {
		c.runRead(v)
		return nil
	}); err != nil {
		c.turnAway(err)
	}
}

// runPinned runs a read on a view of its own, which a reply that is made slice by
// slice keeps until it has been sent.
func (c *conn) runPinned() {
	v := c.srv.cfg.State.Pin(c.srv.cfg.Clock(), c.sess.DB, c.cmd.keys())
	defer func() {
		if c.stream != nil {
			c.stream.view = v
		} else {
			v.Close()
		}
	}()
	c.runRead(v)
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
