//go:build !threads

package respd

import (
	"golang.org/x/sys/unix"

	"ledge/respd/client"
)

// goesOn reports whether the connection is to be read and served: its replies
// have been sent, or others are to be made all the same.
func (c *conn) goesOn() bool {
	return c.link.writable || c.Unsent() == 0 || c.MayReadOn(client.Elapsed()-c.link.since)
}

// What a round does with one connection: receive, serve, send, in this order. Each of
// them may close it, so whoever calls one looks at link.dead, and at link.owned, before
// the next.

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
		// A short read has taken all there was: the next edge will tell of more. That
		// spares the read which would say so, one system call in two.
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
	// A client that waits for a key may be served at any moment. attend takes its lock,
	// and finds out whether the wait is still on.
	if k.parked != nil {
		l.attend(c)
	}
	if k.owned {
		k.tellOwner(c)
	}
	// Nothing below may touch a connection that somebody else owns.
	if k.owned || k.dead {
		return
	}
	if c.Killed() {
		l.shut(c)
		return
	}
	if k.held {
		if by, _ := c.Parked(); by != nil && (k.hup || k.eof) {
			l.shut(c)
		}
		return
	}
	if !l.makeWay(c) {
		if !k.dead && c.Rested() {
			l.shut(c)
		}
		return
	}
	// The next slice of a long reply comes before any other command.
	if c.Streaming() {
		k.owned = true
		l.beside.Go(c.RunStream)
		return
	}
	k.again = false
	if l.srv.shared.Overfull() { // until those that hold too much have been shut
		l.setAside(c)
		return
	}
	what := c.Serve(&l.views)
	if c.Killed() { // its replies grew too long
		l.shut(c)
		return
	}
	if l.srv.shared.Overfull() { // what the client takes at once is held no longer
		if what != client.Propose {
			l.send(c)
		}
		l.srv.relieve()
		if k.dead {
			return
		}
	}
	l.goOn(c, what)
}

// tellOwner ends the wait of a command that runs beside the loop, as far as what has
// become of its client ends it.
func (k *link) tellOwner(c *conn) {
	switch {
	case k.gone || c.Killed():
		c.Release()
	case k.hup: // it may be there still for its last replies
		c.Unwait()
	}
}

// makeWay sends the replies that are left before more are made, or they pile up, and
// reports whether more may be made.
func (l *loop) makeWay(c *conn) bool {
	k := &c.link
	if k.sent > 0 || c.Unsent() >= client.StepOutput || c.Streaming() {
		l.send(c)
	}
	if k.dead || !c.goesOn() {
		return false
	}
	if !k.writable {
		k.put(c)
	}
	return true
}

// goOn takes a connection whose serving has stopped to whoever owns it next.
func (l *loop) goOn(c *conn, why client.Outcome) {
	k := &c.link
	switch why {
	case client.Propose:
		// It is the writer's from here on, although it is told of it later, together
		// with others.
		k.owned = true
		c.CountInput() // with the places of its arguments
		l.submit = append(l.submit, c)
	case client.Beside:
		if l.send(c); k.dead { // it may take long
			return
		}
		k.owned = true
		l.beside.Go(c.RunBeside)
	case client.Held:
		l.hold(c)
	case client.Flush:
		k.again = true
	case client.Idle:
		l.rest(c)
	}
}

// rest is for a connection that has nothing more to be served: it ends if its input
// has, or is made small.
func (l *loop) rest(c *conn) {
	if c.link.eof {
		c.Session().Quit = true
	}
	if c.TooMuchInput() || c.Rested() {
		l.shut(c)
		return
	}
	c.Slim()
	c.CountInput()
	if c.Hungry() {
		c.srv.shed()
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
		c.CatchUp() // so messages go out with the replies, in one write
	}
	for k.writable && k.left(c) > 0 {
		n, err := writeNow(k.fd, k.first(c))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			k.writable = false // until an edge says otherwise
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
	if n == 0 { // the buffer can be used again, or given back if it has grown large
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
	delete(l.conns, int32(k.fd)) // the number may be another client's soon
	unix.Close(k.fd)             // leaves the epoll set by itself
	if k.owned {
		c.Release()
		c.srv.remove(c) // the session is its owner's
		return
	}
	c.srv.forget(c)
}
