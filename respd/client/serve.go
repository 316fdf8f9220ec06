package client

import (
	"time"

	"ledge/replay"
	"ledge/respd/command"
)

// Outcome says why Serve stopped.
type Outcome uint8

const (
	Idle    Outcome = iota // all input so far is done with
	Propose                // the next command is for the writer
	Beside                 // the next command is for a goroutine of its own
	Held                   // the next command is held back: see Parked, pause and crowds
	Flush                  // replies should be sent before going on
)

// Views gives a transport one View for all the reads of a round.
type Views struct {
	state *replay.State
	clock func() time.Time
	v     *replay.View
}

// NewViews returns views of what the connections of a server read from.
func NewViews(s *Shared) Views { return Views{state: s.State, clock: s.Clock} }

// open returns the round's view.
func (r *Views) open() *replay.View {
	if r.v == nil {
		r.v = r.state.OpenView(r.clock())
	}
	return r.v
}

// Close lets batches be applied.
func (r *Views) Close() {
	if r.v != nil {
		r.v.Close()
		r.v = nil
	}
}

// Serve runs what has arrived as far as it goes without the writer.
func (c *Conn) Serve(r *Views) Outcome {
	c.tally.begin()
	defer c.count()
	defer c.rescueInput()
	for c.next() {
		if what := c.serveNext(r); what != Idle {
			return what
		}
	}
	return Idle
}

// serveNext runs the next command if it can be run here. It returns Idle if
// there may be more.
func (c *Conn) serveNext(r *Views) Outcome {
	c.begin()
	defer c.rescue()
	if c.awaitsOwner() {
		return Held
	}
	what, err := c.judge()
	if err == errParked {
		return c.park()
	}
	if c.parking != (parking{}) {
		c.unpark()
	}
	if what != refuse && c.paused(what) {
		return Held
	}
	if what == read && c.big(r.open()) {
		what = slow
	}
	if what == exec {
		what = c.execWhere(r.open())
	}
	if (what == read || what == exec || what == execWrite) && c.shared.crowded() && c.crowds(r.open()) {
		return Held
	}
	switch {
	case c.answer(what, err, r):
	case c.parking.reached != nil:
		return c.park()
	case what == alone:
		r.Close()
		c.runAlone()
	case what == slow:
		r.Close()
		c.prepare()
		return Beside
	default: // write, execWrite, a read that takes long
		c.Save()
		c.steps = 0
		c.cmd.judged = what
		return Propose
	}
	if len(c.out) > StepOutput {
		return Flush
	}
	return Idle
}

// answer runs the next command if it needs no more than a view, and reports
// whether that is so.
func (c *Conn) answer(what verdict, err error, r *Views) bool {
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
			r.Close()
			c.finishExec()
		}
	default:
		return false
	}
	return true
}

// awaitsOwner reports whether the next command waits until it is known who serves its
// slot. What concerns the connection alone does not.
func (c *Conn) awaitsOwner() bool {
	return c.shared.owner.until.Load() != 0 && c.cmd.spec != nil && c.cmd.spec.Conn == nil &&
		c.shared.owner.holds(true, c.shared.Clock) > 0
}

// paused reports whether CLIENT PAUSE holds the next command back.
func (c *Conn) paused(what verdict) bool {
	if c.shared.pause.until.Load() == 0 {
		return false
	}
	f := c.cmd.spec.Flags
	w := what == write || what == execWrite || what == read && f.Has(command.Write) || f.Has(command.MayReplicate)
	if !w && (what == inline || what == alone) {
		return false
	}
	return c.shared.pause.holds(w, c.shared.Clock) > 0
}
