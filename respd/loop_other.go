//go:build !linux

package respd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/resp"
)

// threads serves each connection on a goroutine of its own. It is the plain
// way, for systems without epoll. A client that goes away while CLIENT PAUSE
// holds its command is noticed when the pause ends.
type threads struct {
	srv *Server

	mu     sync.Mutex
	closed bool               // mu
	open   map[*conn]net.Conn // mu
	gone   sync.WaitGroup
	drain  chan struct{}
}

// link is what threads keeps with each connection.
type link struct {
	back chan struct{} // the writer or a slow command is done
	sent int

	parked atomic.Pointer[waiter] // the last wait for a key
}

func newTransport(s *Server) (transport, error) {
	return &threads{srv: s, open: make(map[*conn]net.Conn), drain: make(chan struct{})}, nil
}

func (t *threads) add(c *conn, nc socket) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return net.ErrClosed
	}
	c.link.back = make(chan struct{}, 1)
	t.open[c] = nc
	t.srv.remember(c)
	t.gone.Go(func() { t.handle(c, nc) })
	return nil
}

func (t *threads) done(c *conn) { c.link.back <- struct{}{} }

// park sends what has been answered before a client began to wait for a key.
// That a client has gone while it waits is noticed when it is served.
func (t *threads) park(c *conn, w *waiter) {
	c.link.parked.Store(w)
	t.gone.Go(func() {
		t.mu.Lock()
		nc := t.open[c]
		t.mu.Unlock()
		if nc != nil && w.hold() {
			t.send(c, nc)
			w.mu.Unlock()
		}
	})
}

// nudge does nothing: writers don't wait for a group here.
func (t *threads) nudge() {}

// poke ends a blocked read, and a blocked write if the connection was killed;
// handle looks after it then.
func (t *threads) poke(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	nc := t.open[c]
	switch {
	case nc == nil:
	case c.killed.Load():
		_ = nc.SetDeadline(time.Unix(1, 0))
		c.leave()
	default:
		_ = nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// leave ends the wait, if there is one, of a client that is closed.
func (c *conn) leave() {
	c.release(errReleased)
	if w := c.link.parked.Load(); w != nil {
		c.srv.unblock(w, resp.Nil)
	}
}

// poked reports whether a read was ended by poke, for messages, and not by the
// client's or the server's end. The next read waits again.
func (t *threads) poked(c *conn, nc net.Conn, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) || t.closed || c.killed.Load() {
		return false
	}
	return nc.SetReadDeadline(time.Time{}) == nil
}

func (t *threads) handle(c *conn, nc net.Conn) {
	defer func() {
		nc.Close()
		t.srv.forget(c)
		t.mu.Lock()
		delete(t.open, c)
		t.mu.Unlock()
	}()
	for {
		c.compact()
		c.makeRoom()
		n, err := nc.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+n]
		c.traffic[0].Add(int64(n))
		t.srv.stats.NetIn.Add(int64(n))
		if err != nil && t.poked(c, nc, err) {
			err = nil
		}
		if !t.serve(c, nc) || err != nil || len(c.in)-c.at > t.srv.cfg.MaxInput+stepOutput {
			return
		}
		c.slim()
	}
}

// serve runs all commands that have arrived and sends the replies. It reports
// whether the connection goes on.
func (t *threads) serve(c *conn, nc net.Conn) bool {
	r := views{state: t.srv.cfg.State, clock: t.srv.cfg.Clock}
	for {
		what := c.serve(&r)
		r.close()
		if c.killed.Load() {
			return false
		}
		if (what != propose || c.unsent() >= stepOutput) && !t.send(c, nc) {
			return false
		}
		switch what {
		case idle:
			return !c.sess.Quit
		case propose:
			c.save() // what was sent just now can't be taken back
			if err := t.srv.cfg.Writer.Submit(c); err != nil {
				c.turnAway(misconf(err))
			} else {
				<-c.link.back
			}
		case beside:
			c.runBeside()
			<-c.link.back
		case held:
			select {
			case <-time.After(10 * time.Millisecond):
			case <-t.drain:
			}
		}
	}
}

// send writes all replies and messages. Messages that come meanwhile end the
// next read.
func (t *threads) send(c *conn, nc net.Conn) bool {
	c.catchUp()
	if len(c.out) == 0 {
		return true
	}
	n, err := nc.Write(c.out)
	c.traffic[1].Add(int64(n))
	t.srv.stats.NetOut.Add(int64(n))
	c.emptied()
	return err == nil
}

func (t *threads) run(ctx context.Context, grace time.Duration) error {
	<-ctx.Done()
	t.srv.Pause(time.Time{}, false)
	t.mu.Lock()
	t.closed = true
	close(t.drain)
	for c, nc := range t.open {
		c.leave()
		_ = nc.SetReadDeadline(time.Unix(1, 0))
		_ = nc.SetWriteDeadline(time.Now().Add(grace))
	}
	t.mu.Unlock()
	ended := make(chan struct{})
	go func() { t.gone.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-time.After(grace):
	}
	return t.cutOff()
}

// cutOff closes the connections that are left.
func (t *threads) cutOff() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.open)
	for c, nc := range t.open {
		c.killed.Store(true)
		nc.Close()
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d clients were cut off: their last replies did not go out in time", n)
}

func (t *threads) close() error { return nil }
