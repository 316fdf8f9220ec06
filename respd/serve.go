package respd

import (
	"time"

	"ledge/replay"
	"ledge/respd/command"
)

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
	defer c.rescueInput()
	for c.next() {
		if what := c.serveNext(r); what != idle {
			return what
		}
	}
	return idle
}

// serveNext runs the next command if it can be run here. It returns idle if
// there may be more.
func (c *conn) serveNext(r *views) outcome {
	c.begin()
	defer c.rescue()
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
		c.prepare()
		return beside
	default: // write, execWrite, a read that takes long
		c.save()
		c.steps = 0
		c.cmd.judged = what
		return propose
	}
	if len(c.out) > stepOutput {
		return flush
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
