//go:build !threads

package respd

import (
	"errors"
	"log/slog"
	"net"

	"golang.org/x/sys/unix"

	"ledge/respd/client"
)

// What other goroutines leave for the loop is put into lists under mu, which take
// empties at the beginning of a round. None of those who leave something waits for
// the loop, and the lists need no bound of their own: a connection is in each at most
// as often as it was handed out.

// add takes over a connection. The loop owns the descriptor from here on; nc is
// closed. The descriptor is a copy, because that of nc is watched by the runtime,
// which would be woken for each byte as well.
func (l *loop) add(c *conn, nc socket) error {
	raw, err := nc.SyscallConn()
	if err != nil {
		return err
	}
	fd := -1
	if cerr := raw.Control(func(f uintptr) {
		fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0)
	}); cerr != nil || err != nil {
		return errors.Join(cerr, err)
	}
	nc.Close()
	c.link.loop, c.link.fd = l, fd
	c.Session().FD = fd
	l.mu.Lock()
	closed := l.closed
	if !closed {
		// From here on it can be poked. Being in fresh already, it is registered
		// before it is looked at for that.
		l.srv.remember(c)
		l.fresh = append(l.fresh, c)
	}
	l.mu.Unlock()
	if closed {
		unix.Close(fd)
		return net.ErrClosed
	}
	l.wake()
	return nil
}

// parking is a client that has begun to wait for a key.
type parking struct {
	c *conn
	w *client.Waiter
}

// Back takes a connection back from the writer or from a slow command. The caller
// must not touch it any more.
func (c *conn) Back() {
	l := c.link.loop
	l.mu.Lock()
	l.back = append(l.back, c)
	l.mu.Unlock()
	l.wake()
}

// Park leaves a connection alone until Back, but for sending what has been
// answered and for seeing it go.
func (c *conn) Park(w *client.Waiter) {
	l := c.link.loop
	l.mu.Lock()
	l.parking = append(l.parking, parking{c, w})
	l.mu.Unlock()
	l.wake()
}

// Poke makes the loop look at a connection that was killed or has messages.
func (c *conn) Poke() {
	l := c.link.loop
	l.mu.Lock()
	l.poked = append(l.poked, c)
	l.mu.Unlock()
	l.wake()
}

// nudge makes the loop look at the writers that wait for a group.
func (l *loop) nudge() { l.wake() }

// turn has done called in the next round. One asks at a time: the watchdog.
func (l *loop) turn(done func()) {
	l.mu.Lock()
	l.turns = append(l.turns, done)
	l.mu.Unlock()
	l.wake()
}

// wake ends the loop's sleep, if it sleeps. Of several callers one does it: a wake
// is a system call when the poller has to be told.
func (l *loop) wake() {
	if l.sleeping.CompareAndSwap(true, false) {
		l.poll.wake()
	}
}

// take adopts new connections and those that others are done with.
func (l *loop) take() {
	l.mu.Lock()
	fresh, back, poked, parking := l.fresh, l.back, l.poked, l.parking
	l.fresh, l.back, l.poked, l.parking = nil, nil, nil, nil
	turns := l.turns
	l.turns = nil
	l.mu.Unlock()
	for _, done := range turns {
		done()
	}
	// Fresh connections come first: one that was also poked has to be in conns by
	// then. Parked ones come before those that are back: a waiter may have been
	// served before the loop has seen that it was parked.
	for _, c := range fresh {
		l.register(c)
	}
	landed := 0
	land := func(c *conn) {
		if c.link.proposed {
			c.link.proposed = false
			landed++
		}
		l.enlist(c)
	}
	for _, p := range parking {
		p.c.link.parked = p.w
		land(p.c)
	}
	for _, c := range back {
		c.link.owned, c.link.parked = false, nil
		land(c)
	}
	l.gather.back(landed, len(l.submit))
	for _, c := range poked {
		l.enlist(c)
	}
}

// register has the poller watch a connection. What was sent before that makes no
// edge, so it is taken to be readable.
func (l *loop) register(c *conn) {
	k := &c.link
	k.readable, k.writable = true, true
	l.conns[int32(k.fd)] = c
	if err := l.poll.add(k.fd); err != nil {
		l.srv.log.Add(slog.LevelWarn, "client closed: it can't be watched", "client", c.Session().Addr, "cause", err)
		l.shut(c)
		return
	}
	l.enlist(c)
}
