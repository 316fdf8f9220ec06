//go:build !linux || threads

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
// way, for systems without epoll; the build tag threads takes it on Linux too,
// for tests. A client that goes away while CLIENT PAUSE
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

	parked atomic.Pointer[waiter] // the last wait for a key

	mu     sync.Mutex
	shelf  [][]byte      // mu; replies that are to be sent, by whoever flushes
	busy   bool          // mu; somebody flushes
	broken bool          // mu; nothing more can be sent
	since  time.Duration // mu; when the client last took anything, by elapsed
	moved  chan struct{} // has one place: something was sent
	unsent atomic.Int64  // bytes in shelf
}

// waiting is how many more bytes than those in conn.out are still to be sent.
func (k *link) waiting() int { return int(k.unsent.Load()) }

func newTransport(s *Server) (transport, error) {
	return &threads{srv: s, open: make(map[*conn]net.Conn), drain: make(chan struct{})}, nil
}

func (t *threads) add(c *conn, nc socket) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return net.ErrClosed
	}
	c.link.back, c.link.moved = make(chan struct{}, 1), make(chan struct{}, 1)
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
		if c.sess.Quit && !c.killed.Load() {
			t.settle(c)
		}
		nc.Close()
		t.srv.forget(c)
		t.mu.Lock()
		delete(t.open, c)
		t.mu.Unlock()
	}()
	for {
		c.compact()
		c.makeRoom()
		c.countInput()
		n, err := nc.Read(c.in[len(c.in):min(cap(c.in), len(c.in)+stepOutput)])
		c.in = c.in[:len(c.in)+n]
		c.traffic[0].Add(int64(n))
		t.srv.stats.NetIn.Add(int64(n))
		if err != nil && t.poked(c, nc, err) {
			err = nil
		}
		if !t.serve(c, nc) || c.tooMuchInput() {
			return
		}
		if err != nil {
			c.sess.Quit = true
			return
		}
		c.slim()
		c.countInput()
		if c.hungry {
			t.srv.shed()
		}
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
			if !t.streamed(c, nc) {
				return false
			}
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
			if !t.streamed(c, nc) {
				return false
			}
		case held:
			select {
			case <-time.After(10 * time.Millisecond):
			case <-t.drain:
			}
		}
	}
}

// streamed sends a reply that is made slice by slice, each when the one before
// it has been taken.
func (t *threads) streamed(c *conn, nc net.Conn) bool {
	for c.stream != nil {
		if !t.send(c, nc) {
			return false
		}
		c.runStream()
		<-c.link.back
	}
	return true
}

// send hands over all replies and messages, and waits while there are more of
// them than are made for a client that doesn't read. Messages that come meanwhile
// end the next read.
func (t *threads) send(c *conn, nc net.Conn) bool {
	k := &c.link
	if c.unsent() == len(c.out) || c.unsent() < stepOutput {
		c.catchUp()
	}
	if len(c.out) > 0 {
		k.mu.Lock()
		k.shelf = append(k.shelf, c.out)
		k.unsent.Add(int64(len(c.out)))
		c.out = nil
		start := !k.busy && !k.broken
		if start {
			k.busy, k.since = true, elapsed()
		}
		k.mu.Unlock()
		if start {
			t.gone.Go(func() { t.flush(c, nc) })
		}
	}
	c.countSent()
	return t.await(c)
}

// countSent counts the replies that wait to be sent. Those in conn.out are not
// among them: they are its owner's.
func (c *conn) countSent() {
	n := c.link.waiting()
	c.outLen.Store(int64(n))
	c.holds.count(&c.holds.out, &c.srv.stats.HeldOut, n)
}

// flush sends what is shelved until there is nothing left.
func (t *threads) flush(c *conn, nc net.Conn) {
	k := &c.link
	for {
		k.mu.Lock()
		if len(k.shelf) == 0 || k.broken {
			k.shelf, k.busy = nil, false
			k.mu.Unlock()
			c.countSent()
			k.tell()
			return
		}
		b := k.shelf[0]
		k.shelf = k.shelf[1:]
		k.mu.Unlock()
		for len(b) > 0 && !k.broken {
			n, err := nc.Write(b[:min(len(b), 64<<10)])
			b = b[n:]
			k.unsent.Add(-int64(n))
			c.traffic[1].Add(int64(n))
			t.srv.stats.NetOut.Add(int64(n))
			k.mu.Lock()
			k.since = elapsed()
			k.broken = err != nil
			k.mu.Unlock()
			k.tell()
		}
		c.countSent()
	}
}

// tell wakes the connection's goroutine if it waits for something to be sent.
func (k *link) tell() {
	select {
	case k.moved <- struct{}{}:
	default:
	}
}

// last returns when the client last took anything, and whether it can take more.
func (k *link) last() (since time.Duration, broken bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.since, k.broken
}

// await waits until commands may be served. It reports whether the connection
// goes on; one whose client takes nothing for too long doesn't.
func (t *threads) await(c *conn) bool {
	for {
		since, broken := c.link.last()
		if broken || c.killed.Load() {
			return false
		}
		idle := elapsed() - since
		if c.mayReadOn(idle) {
			return true
		}
		if idle > t.srv.cfg.Stall {
			c.expel(&t.srv.stats.OutputLimit, "it sends commands and takes no replies", c.unsent())
			return false
		}
		select {
		case <-c.link.moved:
		case <-time.After(pauseBeforeReadOn / 4):
		}
	}
}

// settle waits for a client's last replies to go.
func (t *threads) settle(c *conn) {
	for c.unsent() > 0 {
		if since, broken := c.link.last(); broken || c.killed.Load() || elapsed()-since > t.srv.cfg.Stall {
			return
		}
		select {
		case <-c.link.moved:
		case <-time.After(pauseBeforeReadOn / 4):
		}
	}
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
