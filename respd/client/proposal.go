package client

import (
	"errors"

	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/writer"
	"ledge/respd/command"
)

// Step runs the next command on the draft. The writer calls it.
func (c *Conn) Step(d *replay.Draft) bool {
	if c.steps == 0 {
		c.tally.begin()
	}
	c.steps++
	if !c.next() {
		return false
	}
	c.begin()
	defer c.rescueStep(d)
	if c.awaitsOwner() {
		return false // it came to the writer as the leader changed, and waits with the others
	}
	what, err := c.judgeAgain()
	if err == errParked {
		return false
	}
	if what != refuse && c.steps > 1 && c.paused(what) {
		return false
	}
	if what == read && c.big(&d.View) {
		what = slow
	}
	if what == exec && c.steps > 1 {
		if what = c.execWhere(&d.View); what == execWrite {
			what = exec // it is where that runs
		}
	}
	if c.steps > 1 && (what == read || what == exec || what == execWrite) && c.shared.crowded() && c.crowds(&d.View) {
		return false
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
	if c.wait != nil || c.parking.reached != nil {
		return false
	}
	return c.at < len(c.in) && c.steps < stepCommands && len(c.out) < StepOutput
}

// Settle keeps the replies since the last Settle when the batch stands. When
// it does not, they are dropped, and the same commands run again with writes
// refused: what was read may have come from a draft that now never was. When
// nobody can tell, no answer is right, so the connection ends.
func (c *Conn) Settle(err error) {
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
		if fault.Of(err) == fault.Refused && c.shared.owner.holds(true, c.shared.Clock) > 0 {
			c.Save()
			return // as in Step
		}
		c.rerun(end, misconf(err))
		var s *writer.Suspension
		if fault.Of(err) != fault.Refused && !(errors.As(err, &s) && s.InDoubt) {
			c.shared.waiters.refuse(c.shared, misconf(err))
		}
	}
	c.tally.begin()
	if c.late != nil {
		c.finishLate()
	}
	c.Save()
}

// finishLate finishes an EXEC that is settled.
func (c *Conn) finishLate() {
	c.begin()
	defer c.rescue()
	c.finishExec()
}

// rerun answers the commands before end without the writer.
func (c *Conn) rerun(end int, cause error) {
	r := NewViews(c.shared)
	defer r.Close()
	for c.at < end && c.next() && c.rerunNext(cause, &r) {
	}
}

// rerunNext reports whether the next command has been answered: one that is to be parked is
// the loop's, with all that follow it.
func (c *Conn) rerunNext(cause error, r *Views) (answered bool) {
	c.begin()
	defer c.rescue()
	what, err := c.judge()
	switch {
	case err == errParked:
		return false
	case c.answer(what, err, r):
	case what == write || what == execWrite || what == read:
		c.turnAway(cause)
	default: // never part of a proposal
		c.turnAway(errors.New("ERR the server lost its place"))
	}
	return true
}

// Done hands the connection back to the loop, or leaves it to whoever serves those
// that wait.
func (c *Conn) Done() {
	c.count()
	c.saved.tx = command.Tx{}
	if !c.parked() {
		c.wire.Back()
	}
}
