//go:build !threads

package respd

import (
	"time"

	"golang.org/x/sys/unix"
)

// link is what the loop keeps with each connection. Only the loop uses it.
type link struct {
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
	sent     int  // of the first of shelf, or of conn.out where that is empty

	// shelf is replies from before those in conn.out, for a client that does not
	// read while more are made: shelved bytes.
	shelf   [][]byte
	shelved int
	// since is when the client was last seen to take anything, by elapsed. It
	// means nothing while the last write took all.
	since time.Duration

	parked *waiter // it waits for a key, and is owned by who serves it
}

// waiting is how many more bytes than those in conn.out are still to be sent.
func (k *link) waiting() int { return k.shelved - k.sent }

// put shelves the replies so far when they are many, so that those to come find
// a buffer of their own: what has been sent of one goes only with all of it.
func (k *link) put(c *conn) {
	if len(c.out) < stepOutput/2 {
		return
	}
	k.shelf = append(k.shelf, c.out)
	k.shelved += len(c.out)
	c.out = nil
}

// first is what is to be sent next.
func (k *link) first(c *conn) []byte {
	if len(k.shelf) > 0 {
		return k.shelf[0][k.sent:]
	}
	return c.out[k.sent:]
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
	c.srv.reuse(b)
}

// goesOn reports whether the connection is to be read and served: its replies
// have been sent, or others are to be made all the same.
func (c *conn) goesOn() bool {
	return c.link.writable || c.unsent() == 0 || c.mayReadOn(elapsed()-c.link.since)
}

// receive reads what has arrived, up to a bound. Events are edges: until a
// read comes back short there may be more. Once the end has been announced, it
// is read too: there will be no other edge for it.
func (l *loop) receive(c *conn) {
	k := &c.link
	if k.owned || k.dead || !k.readable || c.sess.Quit || l.draining || c.killed.Load() || !c.goesOn() {
		return
	}
	c.compact()
	for most := c.mayReceive(); len(c.in) < most; {
		c.makeRoom()
		free := c.in[len(c.in):cap(c.in)]
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
			c.failure = err
			break
		}
		c.in = c.in[:len(c.in)+n]
		c.traffic[0].Add(int64(n))
		c.srv.stats.NetIn.Add(int64(n))
		if n < len(free) && !k.hup {
			k.readable = false
			break
		}
	}
	c.inLen.Store(int64(len(c.in)))
	c.countInput()
}

// serve runs a connection's commands as far as they go.
func (l *loop) serve(c *conn) {
	k := &c.link
	if k.parked != nil {
		l.attend(c)
	}
	if k.owned {
		switch {
		case k.gone || c.killed.Load():
			c.release(errReleased)
		case k.hup: // it may be there still for its last replies
			c.unblock(errReleased)
		}
	}
	if k.owned || k.dead {
		return
	}
	if c.killed.Load() {
		l.shut(c)
		return
	}
	if k.held {
		return
	}
	if k.sent > 0 || c.unsent() >= stepOutput || c.stream != nil { // these first, or they pile up
		l.send(c)
	}
	if k.dead || !c.goesOn() {
		return
	}
	if !k.writable {
		k.put(c)
	}
	if c.stream != nil {
		k.owned = true
		l.behind.Go(c.runStream)
		return
	}
	k.again = false
	what := c.serve(&l.views)
	if c.killed.Load() { // its replies grew too long
		l.shut(c)
		return
	}
	switch what {
	case propose:
		k.owned = true
		l.submit = append(l.submit, c)
	case beside:
		if l.send(c); k.dead { // it may take long
			return
		}
		k.owned = true
		l.behind.Go(c.runBeside)
	case held:
		l.hold(c)
	case flush:
		k.again = true
	case idle:
		if k.eof {
			c.sess.Quit = true
		}
		if c.tooMuchInput() {
			l.shut(c)
			return
		}
		c.slim()
		c.countInput()
		if c.hungry {
			c.srv.shed()
		}
	}
}

// attend sees to a connection that waits for a key: it sends what was answered
// before, and ends the wait when the client has gone.
func (l *loop) attend(c *conn) {
	k := &c.link
	if k.dead || !k.parked.hold() {
		return // it has been served: done follows
	}
	if !c.killed.Load() && !k.hup {
		l.send(c)
	}
	if !c.killed.Load() && !k.hup && !k.dead {
		k.parked.mu.Unlock()
		return
	}
	k.parked.end()
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
	if k.writable && c.unsent() < stepOutput {
		c.catchUp()
	}
	for k.writable && c.unsent() > 0 {
		n, err := writeNow(k.fd, k.first(c))
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			k.writable = false
			k.since = elapsed()
		case err != nil:
			c.failure = err
			l.shut(c)
			return
		default:
			k.took(c, n)
			c.traffic[1].Add(int64(n))
			c.srv.stats.NetOut.Add(int64(n))
		}
	}
	if c.unsent() == 0 {
		c.emptied()
		k.sent = 0
		if c.sess.Quit {
			l.shut(c)
			return
		}
	}
	k.mailed = c.mail.size.Load() > 0
	if c.stream != nil {
		k.again = true
	}
	c.countOutput()
	if !c.sess.Authed && k.tookMuch(c) {
		l.shut(c)
		return
	}
	if c.unsent() > c.srv.cfg.MaxOutput {
		c.tooMuchOutput(c.unsent())
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
		c.release(errReleased)
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

// countOutput counts the replies that wait to be sent.
func (c *conn) countOutput() {
	n := c.unsent()
	c.outLen.Store(int64(n))
	c.holds.count(&c.holds.out, &c.srv.stats.HeldOut, n)
}

// tookMuch closes a client that has not authenticated and takes no replies: what
// the kernel holds for it is memory, too.
func (k *link) tookMuch(c *conn) bool {
	n, err := unix.IoctlGetInt(k.fd, unix.TIOCOUTQ)
	if n += c.unsent(); err != nil || n <= strangerOutput {
		return false
	}
	c.expel(&c.srv.stats.OutputLimit, strangerClosed, n)
	return true
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
		case elapsed()-k.since < l.srv.cfg.Stall:
			keep = append(keep, c)
			continue
		default:
			c.expel(&l.srv.stats.OutputLimit, "it sends commands and takes no replies", c.unsent())
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
		if elapsed()-c.link.since < pauseBeforeReadOn {
			return pauseBeforeReadOn / 4
		}
	}
	return max(pauseBeforeReadOn/4, min(time.Second, l.srv.cfg.Stall/4))
}
