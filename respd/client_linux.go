package respd

import "golang.org/x/sys/unix"

// link is what the loop keeps with each connection. Only the loop uses it.
type link struct {
	fd       int
	owned    bool // by somebody else: the writer, or a slow command
	readable bool // there may be more to read
	writable bool // the last write took all
	hup      bool // the end of the input has been announced
	eof      bool // the end of the input has been read
	again    bool // there is input to be served as soon as replies are sent
	held     bool // by CLIENT PAUSE, in loop.held
	dead     bool // closed
	queued   bool // in ready
	proposed bool // with the writer
	sent     int  // of conn.out

	parked *waiter // it waits for a key, and is owned by who serves it
}

// receive reads what has arrived, up to a bound. Events are edges: until a
// read comes back short there may be more. Once the end has been announced, it
// is read too: there will be no other edge for it.
func (l *loop) receive(c *conn) {
	k := &c.link
	if k.owned || k.dead || !k.readable || c.unsent() > 0 || c.sess.Quit || l.draining {
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
}

// serve runs a connection's commands as far as they go.
func (l *loop) serve(c *conn) {
	k := &c.link
	if k.parked != nil {
		l.attend(c)
	}
	if k.owned && (k.hup || c.killed.Load()) {
		c.release(errReleased)
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
	if k.sent > 0 || c.unsent() >= stepOutput { // these first, or they pile up
		l.send(c)
	}
	if k.dead || !k.writable && c.unsent() > 0 {
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
		if n := len(c.in) - c.at; n > c.srv.cfg.MaxInput+stepOutput {
			c.srv.cfg.Logger.Warn("client closed: one command is longer than the query buffer may be",
				"client", c.sess.Addr, "bytes", n)
			l.shut(c)
		}
		c.slim()
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
		n, err := writeNow(k.fd, c.out[k.sent:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			k.writable = false
		case err != nil:
			c.failure = err
			l.shut(c)
			return
		default:
			k.sent += n
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
	if c.mail.size.Load() > 0 {
		k.again = true
	}
	c.outLen.Store(int64(c.unsent()))
	if c.unsent() > c.srv.cfg.MaxOutput {
		c.srv.cfg.Logger.Warn("client closed: it does not read its replies",
			"client", c.sess.Addr, "bytes", c.unsent())
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
