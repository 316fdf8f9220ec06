package client

import (
	"time"

	"ledge/respd/command"
	"ledge/respd/stats"
)

// tally gathers the runs of one command, so that counting them takes a lock
// once and not each time.
type tally struct {
	spec  *command.Spec
	calls stats.Calls
	since time.Duration // by Elapsed
}

var processStart = time.Now()

// Elapsed is the time since the process began. It asks one clock where time.Now
// asks two, which each command would notice.
func Elapsed() time.Duration { return time.Since(processStart) }

// begin starts the clock for the commands that follow.
func (t *tally) begin() { t.since = Elapsed() }

// ran counts one command that has just been run.
func (c *Conn) ran(spec *command.Spec, args command.Args, failed bool) {
	t := &c.tally
	now := Elapsed()
	took := now - t.since
	t.since = now
	if t.spec != spec {
		c.count()
		t.spec = spec
	}
	t.calls.Calls++
	t.calls.Micros += took.Microseconds()
	t.calls.Took.Add(took)
	if failed {
		t.calls.Failed++
	}
	if !spec.Flags.Has(command.SkipSlowlog) && c.shared.Slowlog.Keeps(took) {
		c.shared.Slowlog.Add(spec.Shown(args), took, time.Now(), c.sess.Addr, c.sess.Facts().Name)
	}
}

// count hands the tally to the server's counters.
func (c *Conn) count() {
	waiting := c.sess.Tx.Bytes
	if c.wait != nil {
		waiting += c.wait.bytes
	}
	c.hold(&c.holds.tx, &c.shared.Stats.HeldTx, waiting)
	c.countKept()
	t := &c.tally
	if t.spec == nil {
		return
	}
	c.shared.Stats.Commands.Add(t.calls.Calls)
	c.shared.Stats.Count(t.spec, &t.calls)
	c.sess.LastCmd.Store(t.spec)
	c.sess.LastUsed.Store(time.Now().UnixMilli())
	t.spec, t.calls = nil, stats.Calls{}
}
