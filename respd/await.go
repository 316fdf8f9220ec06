package respd

import (
	"context"
	"errors"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// await is what a command beside the loop waits in, as SAVE does for the disk and
// WAIT for replicas. It ends when the client is killed or cut off, and with the
// server. What a client is blocked in (command.Waits) ends as well when the client
// has sent its last, is unblocked, or the node stops leading.
type await struct {
	ctx     context.Context
	end     context.CancelCauseFunc
	blocked bool
}

// errReleased ends a wait as if its time were up.
var errReleased = errors.New("the client waits no longer")

// prepare is called by who sends the next command to a goroutine of its own.
func (c *conn) prepare() {
	spec := c.cmd.spec
	if spec.Conn == nil {
		return // it reads what is there
	}
	w := &await{blocked: spec.Flags.Has(command.Waits)}
	w.ctx, w.end = context.WithCancelCause(context.Background())
	c.await.Store(w)
	if w.blocked {
		c.sess.Blocked.Store(true)
	}
}

// runWaiting runs a command that may wait.
func (c *conn) runWaiting(w *await) {
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
func (c *conn) over(w *await) {
	c.sess.DropContext()
	c.await.Store(nil)
	if w.blocked {
		c.sess.Blocked.Store(false)
	}
}

// release ends what a command beside the loop waits in, from any goroutine.
func (c *conn) release(cause error) {
	if w := c.await.Load(); w != nil {
		w.end(cause)
	}
}

// unblock ends the wait of a command that the client is blocked in beside the
// loop, from any goroutine, and reports whether there was one.
func (c *conn) unblock(cause error) bool {
	w := c.await.Load()
	if w == nil || !w.blocked {
		return false
	}
	w.end(cause)
	return true
}
