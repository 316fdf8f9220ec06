package respd

import (
	"context"
	"errors"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// await is the wait of a command for something outside the state: WAIT's for
// replicas. It ends when its client has gone or is unblocked, and with the
// server.
type await struct {
	ctx context.Context
	end context.CancelCauseFunc
}

// errReleased ends a wait as if its time were up.
var errReleased = errors.New("the client waits no longer")

// prepare is called by who sends the next command to a goroutine of its own.
func (c *conn) prepare() {
	if !c.cmd.spec.Flags.Has(command.Waits) {
		return
	}
	w := &await{}
	w.ctx, w.end = context.WithCancelCause(context.Background())
	c.await.Store(w)
	c.sess.Blocked.Store(true)
}

// runWaiting runs a command that waits.
func (c *conn) runWaiting(w *await) {
	c.sess.Wait = w.ctx
	val := c.call()
	c.sess.Wait = nil
	c.await.Store(nil)
	c.sess.Blocked.Store(false)
	switch context.Cause(w.ctx) {
	case errUnblocked:
		val = resp.Err(errUnblocked)
	case errDemoted:
		val = resp.Err(errDemoted)
		c.sess.Quit = true
	}
	w.end(nil)
	c.reply(val)
	c.consume()
}

// release ends the wait of a command beside the loop, if there is one, from any
// goroutine, and reports whether there was.
func (c *conn) release(cause error) bool {
	w := c.await.Load()
	if w == nil {
		return false
	}
	w.end(cause)
	return true
}
