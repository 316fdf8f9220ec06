package client

import (
	"context"
	"errors"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// await is what a command beside the loop waits in, as SAVE does for the disk, WAIT for
// replicas and a read of much for its room. It ends when the client is killed or cut off, and with the
// server. What a client is blocked in (command.Waits) ends as well when the client
// has sent its last, is unblocked, or the node stops leading.
type await struct {
	ctx     context.Context
	end     context.CancelCauseFunc
	blocked bool
}

// errReleased ends a wait as if its time were up.
var errReleased = errors.New("the client waits no longer")

// errNoRoom is for a client that is there still when the server stops.
const errNoRoom resp.Error = "ERR the server stops, and this read had to wait for others"

// prepare is called by whoever sends the next command to a goroutine of its own.
func (c *Conn) prepare() {
	w := &await{blocked: c.cmd.spec.Flags.Has(command.Waits)}
	w.ctx, w.end = context.WithCancelCause(context.Background())
	c.await.Store(w)
	if w.blocked {
		c.sess.Blocked.Store(true)
	}
}

// runWaiting runs a command that may wait.
func (c *Conn) runWaiting(w *await) {
	c.sess.SetContext(w.ctx)
	val := c.call()
	c.over(w)
	if w.blocked {
		switch context.Cause(w.ctx) {
		case errUnblocked:
			val = resp.Err(errUnblocked)
		case errDemoted:
			val = resp.Err(errDemoted)
			c.sess.Quit = true
		}
	}
	w.end(nil)
	c.reply(val)
	c.consume()
}

// over is told that the command has returned.
func (c *Conn) over(w *await) {
	c.sess.DropContext()
	c.await.Store(nil)
	if w.blocked {
		c.sess.Blocked.Store(false)
	}
}

// Release ends what a command beside the loop waits in, as if its time were up,
// from any goroutine.
func (c *Conn) Release() { c.release(errReleased) }

// Unwait ends what the client is blocked in beside the loop, as if its time were
// up, from any goroutine.
func (c *Conn) Unwait() { c.unblock(errReleased) }

// release ends what a command beside the loop waits in, from any goroutine.
func (c *Conn) release(cause error) {
	if w := c.await.Load(); w != nil {
		w.end(cause)
	}
}

// unblock ends the wait of a command that the client is blocked in beside the
// loop, from any goroutine, and reports whether there was one.
func (c *Conn) unblock(cause error) bool {
	w := c.await.Load()
	if w == nil || !w.blocked {
		return false
	}
	w.end(cause)
	return true
}

// RunBeside runs the next command, a slow one, on a goroutine of its own.
func (c *Conn) RunBeside() {
	defer c.Done()
	c.tally.begin()
	c.begin()
	defer c.rescue()
	w := c.await.Load()
	if c.cmd.spec.Conn != nil && c.cmd.judged != exec {
		c.runWaiting(w)
		return
	}
	// A read of much takes memory for its reply before that is counted.
	weight := c.readWeight()
	err := c.shared.reads.enter(w.ctx, weight, c.shared.Buffers())
	c.await.Store(nil) // from here on it reads what is there
	w.end(nil)
	if err != nil {
		c.turnAway(errNoRoom)
		return
	}
	defer c.shared.reads.leave(weight)
	defer c.shared.spread()()
	if c.cmd.judged == exec {
		c.execPinned()
	} else if len(c.cmd.keys()) > 0 {
		c.runPinned()
	} else if err := c.shared.State.View(c.shared.Clock(), func(v *replay.View) error {
		c.runRead(v)
		return nil
	}); err != nil {
		c.turnAway(err)
	}
}

// runPinned runs a read on a view of its own, which a reply that is made slice by
// slice keeps until it has been sent. If the slot is not served any more, the loop judges
// the command again.
func (c *Conn) runPinned() {
	v := c.shared.State.Pin(c.shared.Clock(), c.sess.DB, c.cmd.keys())
	defer func() {
		if c.stream != nil {
			c.stream.view = v
		} else {
			v.Close()
		}
	}()
	if c.rerouted() == nil {
		c.runRead(v)
	}
}
