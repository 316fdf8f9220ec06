//go:build !threads

package respd

import (
	"time"

	"ledge/respd/client"
)

// Three kinds of connections are neither in ready nor owned by others: those whose next
// command is held back, by CLIENT PAUSE or until there is room for its reply; those whose
// next command waits for a slot that moves (loop_parked_linux.go); and those that are not
// served because their clients take none of their replies. The loop looks after all of them
// when it sleeps no longer than mostSleep says.

// hold puts a connection aside until what holds its next command is over. One whose client
// has gone meanwhile is closed: what was held back is not run for nobody.
func (l *loop) hold(c *conn) {
	if c.link.hup || c.link.eof {
		l.shut(c)
		return
	}
	if by, until := c.Parked(); by != nil {
		l.parked.add(c, by, until)
		return
	}
	l.setAside(c)
}

// setAside has a connection looked at again in the next round, which need not begin
// at once.
func (l *loop) setAside(c *conn) {
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
