//go:build !threads

package respd

import (
	"time"

	"golang.org/x/sys/unix"

	"ledge/respd/client"
)

// link is what the loop keeps with each connection. Only the loop uses it.
type link struct {
	loop     *loop
	fd       int
	owned    bool // by somebody else: the writer, or a slow command
	readable bool // there may be more to read
	writable bool // the last write took all
	hup      bool // the end of the input has been announced
	gone     bool // nothing can be sent any more
	eof      bool // the end of the input has been read
	again    bool // there is input to be served as soon as replies are sent
	held     bool // its next command is, in loop.held or loop.parked
	dead     bool // closed
	queued   bool // in ready
	proposed bool // with the writer
	stalled  bool // in loop.stalled
	mailed   bool // there are messages to be sent
	sent     int  // of the first of shelf, or of Output where that is empty

	// shelf is replies from before those in Output, for a client that does not
	// read while more are made: shelved bytes.
	shelf   [][]byte
	shelved int
	// since is when the client was last seen to take anything, by elapsed. It
	// means nothing while the last write took all.
	since time.Duration

	parked *client.Waiter // it waits for a key, and whoever serves it owns it
}

// waiting is how many more bytes than those of the connection's Output are still to
// be sent. It is less than nothing when some of those have been.
func (k *link) waiting() int { return k.shelved - k.sent }

// left is how many bytes are still to be sent.
func (k *link) left(c *conn) int { return len(c.Output()) + k.waiting() }

// put shelves the replies so far when they are many, so that those to come find
// a buffer of their own: what has been sent of one goes only with all of it.
func (k *link) put(c *conn) {
	if len(c.Output()) < client.StepOutput/2 {
		return
	}
	b := c.TakeOutput()
	k.shelf = append(k.shelf, b)
	k.shelved += len(b)
	c.SetTaken(k.waiting())
}

// first is what is to be sent next.
func (k *link) first(c *conn) []byte {
	if len(k.shelf) > 0 {
		return k.shelf[0][k.sent:]
	}
	return c.Output()[k.sent:]
}

// took is told that n bytes of first have been sent.
func (k *link) took(c *conn, n int) {
	k.sent += n
	if len(k.shelf) == 0 || k.sent < len(k.shelf[0]) {
		return
	}
	b := k.shelf[0]
	k.shelved -= len(b)
	k.shelf[0], k.sent = nil, 0
	if k.shelf = k.shelf[1:]; len(k.shelf) == 0 {
		k.shelf = nil
	}
	c.srv.shared.Reuse(b)
}

// pending is how much the kernel holds that the client has not taken.
func (k *link) pending() int {
	n, err := unix.IoctlGetInt(k.fd, unix.TIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}
