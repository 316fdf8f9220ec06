//go:build !threads

package respd

import (
	"time"

	"ledge/respd/client"

	"golang.org/x/sys/unix"
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
	held     bool // by CLIENT PAUSE, in loop.held
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

	parked *client.Waiter // it waits for a key, and is owned by who serves it
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

// goesOn reports whether the connection is to be read and served: its replies
// have been sent, or others are to be made all the same.
func (c *conn) goesOn() bool {
	return c.link.writable || c.Unsent() == 0 || c.MayReadOn(client.Elapsed()-c.link.since)
}

// receive reads what has arrived, up to a bound. Events are edges: until a
// read comes back short there may be more. Once the end has been announced, it
// is read too: there will be no other edge for it.
func (l *loop) receive(c *conn) {
	k := &c.link
	if k.owned || k.dead || !k.readable || c.Session().Quit || l.draining || c.Killed() || !c.goesOn() {
		return
	}
	c.Compact()
	for most := c.MayReceive(); ; {
		free := c.Room(most)
		if len(free) == 0 {
			break
		}
		n, err := readNow(k.fd, free)
		if err == unix.EAGAIN {
			k.readable = false
			break
		}
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			k.eof, k.readable = true, false
			break
		}
		c.Received(n)
		if n < len(free) && !k.hup {
			k.readable = false
			break
		}
	}
	c.CountInput()
}

// serve runs a connection's commands as far as they go.
func (l *loop) serve(c *conn) {
	k := &c.link
	if k.parked != nil {
		l.attend(c)
	}
	if k.owned {
		switch {
		case k.gone || c.Killed():
			c.Release()
		case k.hup: // it may be there still for its last replies
			c.Unwait()
		}
	}
	if k.owned || k.dead {
		return
	}
	if c.Killed() {
		l.shut(c)
		return
	}
	if k.held {
		return
	}
	if k.sent > 0 || c.Unsent() >= client.StepOutput || c.Streaming() { // these first, or they pile up
		l.send(c)
	}
	if k.dead || !c.goesOn() {
		return
	}
	if !k.writable {
		k.put(c)
	}
	if c.Streaming() {
		k.owned = true
		l.behind.Go(c.RunStream)
		return
	}
	k.again = false
	what := c.Serve(&l.views)
	if c.Killed() { // its replies grew too long
		l.shut(c)
		return
	}
	switch what {
	case client.Propose:
		k.owned = true
		l.submit = append(l.submit, c)
	case client.Beside:
		if l.send(c); k.dead { // it may take long
			return
		}
		k.owned = true
		l.behind.Go(c.RunBeside)
	case client.Held:
		l.hold(c)
	case client.Flush:
		k.again = true
	case client.Idle:
		if k.eof {
			c.Session().Quit = true
		}
		if c.TooMuchInput() {
			l.shut(c)
			return
		}
		c.Slim()
		c.CountInput()
		if c.Hungry() {
			c.srv.shed()
		}
	}
}

// attend sees to a connection that waits for a key: it sends what was answered
// before, and ends the wait when the client has gone.
func (l *loop) attend(c *conn) {
	k := &c.link
	if k.dead || !k.parked.Hold() {
		return // it has been served: done follows
	}
	if !c.Killed() && !k.hup {
		l.send(c)
	}
	if !c.Killed() && !k.hup && !k.dead {
		k.parked.Unhold()
		return
	}
	k.parked.End()
	k.owned, k.parked = false, nil
	if k.dead {
		c.srv.forget(c)
		return
	}
	l.shut(c)
}

// send writes what the socket takes of the replies and the messages, and closes
// the connection once the last has gone. Messages wait in the mailbox, which has
// a bound, while there is much to send.
func (l *loop) send(c *conn) {
	k := &c.link
	if k.writable && c.Unsent() < client.StepOutput {
		c.CatchUp()
	}
	for k.writable && k.left(c) > 0 {
		n, err := writeNow(k.fd, k.first(c))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			k.writable = false
			k.since = client.Elapsed()
		case err != nil:
			l.shut(c)
			return
		default:
			k.took(c, n)
			c.Sent(n)
		}
	}
	n := k.left(c)
	if n == 0 {
		c.Emptied()
		k.sent = 0
	}
	c.SetTaken(k.waiting())
	if n == 0 && c.Session().Quit {
		l.shut(c)
		return
	}
	k.mailed = c.HasMail()
	if c.Streaming() {
		k.again = true
	}
	c.CountOutput(n)
	pending := 0
	if !c.Session().Authed {
		pending = k.pending()
	}
	if c.TooMuchOutput(n, pending) {
		l.shut(c)
	}
}

// shut closes a connection. Only the end of the loop closes one that somebody
// else owns.
func (l *loop) shut(c *conn) {
	k := &c.link
	if k.dead {
		return
	}
	k.dead = true
	delete(l.conns, int32(k.fd))
	unix.Close(k.fd) // leaves the epoll set by itself
	if k.owned {
		c.Release()
		c.srv.remove(c) // the session is its owner's
		return
	}
	c.srv.forget(c)
}

// hold puts a connection aside until CLIENT PAUSE is over. One whose client
// has gone meanwhile is closed: what was held back is not run for nobody.
func (l *loop) hold(c *conn) {
	if c.link.hup || c.link.eof {
		l.shut(c)
		return
	}
	c.link.held = true
	l.held = append(l.held, c)
}

// releaseHeld has the connections looked at again that CLIENT PAUSE holds.
func (l *loop) releaseHeld() {
	waiting := l.held
	l.held = nil
	for _, c := range waiting {
		c.link.held = false
		l.enlist(c)
	}
}

// pending is how much the kernel holds that the client has not taken.
func (k *link) pending() int {
	n, err := unix.IoctlGetInt(k.fd, unix.TIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// stall notes a connection that is not served because its client takes none of
// its replies, to be looked at when it may be served all the same or has to be
// closed.
func (l *loop) stall(c *conn) {
	if !c.link.stalled {
		c.link.stalled = true
		l.stalled = append(l.stalled, c)
	}
}

// releaseStalled looks after the connections whose clients take none of their
// replies. One that doesn't for too long is closed: it may be that it will not
// before it has sent all, which it never can.
func (l *loop) releaseStalled() {
	keep := l.stalled[:0]
	for _, c := range l.stalled {
		k := &c.link
		switch {
		case k.dead || k.owned || k.writable:
		case c.goesOn():
			l.enlist(c)
		case client.Elapsed()-k.since < l.srv.cfg.Stall:
			keep = append(keep, c)
			continue
		default:
			c.Stuck()
			l.shut(c)
		}
		k.stalled = false
	}
	clear(l.stalled[len(keep):])
	l.stalled = keep
}

// restStalled is how long it takes until one of the stalled connections is to be
// looked at.
func (l *loop) restStalled() time.Duration {
	for _, c := range l.stalled {
		if client.Elapsed()-c.link.since < client.PauseBeforeReadOn {
			return client.PauseBeforeReadOn / 4
		}
	}
	return max(client.PauseBeforeReadOn/4, min(time.Second, l.srv.cfg.Stall/4))
}
