//go:build !linux || threads

package respd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/client"
)

// threads serves each connection on a goroutine of its own. It is the plain way, for
// systems without epoll; the build tag threads takes it on Linux too, for tests.
//
// That goroutine (handle) reads, serves, and waits in Back's channel while the writer
// or a slow command has the connection. It hands replies to a second one (flush), which
// lives while there is anything to send, so that a client which sends all before it
// reads is served on within the bounds, as by the loop. What others want of the first
// is told by deadlines in the past, which end its read.
//
// What it lacks beside the loop: writers of several connections are not gathered, and
// a client that goes away while CLIENT PAUSE holds its command, or while it waits for a
// key, is noticed only when that ends.
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
	threads *threads
	back    chan struct{} // the writer or a slow command is done

	parked atomic.Pointer[client.Waiter] // the last wait for a key

	mu     sync.Mutex
	shelf  [][]byte      // mu; replies that are to be sent, by whoever flushes
	busy   bool          // mu; somebody flushes
	broken bool          // mu; nothing more can be sent
	since  time.Duration // mu; when the client last took anything, by elapsed
	moved  chan struct{} // has one place: something was sent
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
	c.link.threads = t
	c.link.back, c.link.moved = make(chan struct{}, 1), make(chan struct{}, 1)
	t.open[c] = nc
	t.srv.remember(c)
	t.gone.Go(func() { t.handle(c, nc) })
	return nil
}

// Back has the connection's goroutine go on.
func (c *conn) Back() { c.link.back <- struct{}{} }

// Park sends what has been answered before a client began to wait for a key.
// That a client has gone while it waits is noticed when it is served.
func (c *conn) Park(w *client.Waiter) {
	t := c.link.threads
	c.link.parked.Store(w)
	t.gone.Go(func() {
		t.mu.Lock()
		nc := t.open[c]
		t.mu.Unlock()
		if nc != nil && w.Hold() {
			t.send(c, nc)
			w.Unhold()
		}
	})
}

// nudge does nothing: writers don't wait for a group here.
func (t *threads) nudge() {}

// turn finds nobody who serves all clients, so nothing that hangs for all of them.
func (t *threads) turn(done func()) { done() }

// Poke ends a blocked read, and a blocked write if the connection was killed;
// handle looks after it then.
func (c *conn) Poke() {
	t := c.link.threads
	t.mu.Lock()
	defer t.mu.Unlock()
	nc := t.open[c]
	switch {
	case nc == nil:
	case c.Killed(): // a write that its client doesn't take must end, too
		_ = nc.SetDeadline(time.Unix(1, 0))
		c.leave()
	default:
		_ = nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// leave ends the wait, if there is one, of a client that is closed.
func (c *conn) leave() {
	c.Release()
	if w := c.link.parked.Load(); w != nil {
		w.Leave()
	}
}

// poked reports whether a read was ended by poke, for messages, and not by the
// client's or the server's end. The next read waits again.
func (t *threads) poked(c *conn, nc net.Conn, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) || t.closed || c.Killed() {
		return false
	}
	return nc.SetReadDeadline(time.Time{}) == nil
}

// handle serves one connection until it ends, and is the only one to close it.
func (t *threads) handle(c *conn, nc net.Conn) {
	defer func() {
		if c.Session().Quit && !c.Killed() {
			t.settle(c)
		}
		nc.Close()
		t.srv.forget(c)
		t.mu.Lock()
		delete(t.open, c)
		t.mu.Unlock()
	}()
	for {
		c.Compact()
		free := c.Room(math.MaxInt)
		c.CountInput()
		n, err := nc.Read(free[:min(len(free), client.StepOutput)])
		c.Received(n)
		// A read that was only to be interrupted has still to be served: there may be
		// messages to send.
		if err != nil && t.poked(c, nc, err) {
			err = nil
		}
		if !t.serve(c, nc) || c.TooMuchInput() || c.Rested() {
			return
		}
		if err != nil { // what had come before the end has been answered
			c.Session().Quit = true
			return
		}
		c.Slim()
		c.CountInput()
		if c.Hungry() {
			t.srv.shed()
		}
	}
}

// serve runs all commands that have arrived and sends the replies. It reports
// whether the connection goes on.
func (t *threads) serve(c *conn, nc net.Conn) bool {
	r := client.NewViews(t.srv.shared)
	for {
		what := c.Serve(&r)
		r.Close()
		if c.Killed() {
			return false
		}
		if (what != client.Propose || c.Unsent() >= client.StepOutput) && !t.send(c, nc) {
			return false
		}
		switch what {
		case client.Idle:
			if !t.streamed(c, nc) {
				return false
			}
			return !c.Session().Quit
		case client.Propose:
			c.Save() // what was sent just now can't be taken back
			if err := t.srv.cfg.Writer.Submit(&c.Conn); err != nil {
				c.Refuse(err)
			} else {
				<-c.link.back
			}
		case client.Beside:
			c.RunBeside()
			<-c.link.back
			if !t.streamed(c, nc) {
				return false
			}
		case client.Held: // nothing announces its end
			every := 10 * time.Millisecond
			if by, _ := c.Parked(); by != nil {
				every = 2 * time.Millisecond
			}
			select {
			case <-time.After(every):
			case <-t.drain:
			}
		}
	}
}

// streamed sends a reply that is made slice by slice, each when the one before
// it has been taken.
func (t *threads) streamed(c *conn, nc net.Conn) bool {
	for c.Streaming() {
		if !t.send(c, nc) {
			return false
		}
		c.RunStream()
		<-c.link.back
	}
	return true
}

// send hands over all replies and messages, and waits while there are more of
// them than are made for a client that doesn't read. Messages that come meanwhile
// end the next read.
func (t *threads) send(c *conn, nc net.Conn) bool {
	k := &c.link
	if c.Taken() == 0 || c.Unsent() < client.StepOutput {
		c.CatchUp()
	}
	if len(c.Output()) > 0 {
		b := c.TakeOutput()
		k.mu.Lock()
		k.shelf = append(k.shelf, b)
		c.AddTaken(len(b))
		start := !k.busy && !k.broken
		if start {
			k.busy, k.since = true, client.Elapsed()
		}
		k.mu.Unlock()
		if start {
			t.gone.Go(func() { t.flush(c, nc) })
		}
	}
	c.countSent()
	t.srv.relieve()
	return t.await(c)
}

// countSent counts the replies that wait to be sent. The connection's Output is not
// among them: it is its owner's.
func (c *conn) countSent() { c.CountOutput(c.Taken()) }

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
		// Only this goroutine takes from the shelf, so the lock need not be held while
		// the client takes its time.
		b := k.shelf[0]
		k.shelf = k.shelf[1:]
		k.mu.Unlock()
		for len(b) > 0 && !k.broken {
			n, err := nc.Write(b[:min(len(b), 64<<10)])
			b = b[n:]
			c.AddTaken(-n)
			c.Sent(n)
			k.mu.Lock()
			k.since = client.Elapsed()
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
		if broken || c.Killed() || c.Unsent() > 0 && c.Rested() {
			return false
		}
		idle := client.Elapsed() - since
		if c.MayReadOn(idle) {
			return true
		}
		if idle > t.srv.cfg.Stall {
			c.Stuck()
			return false
		}
		select {
		case <-c.link.moved:
		case <-time.After(client.PauseBeforeReadOn / 4):
		}
	}
}

// settle waits for a client's last replies to go.
func (t *threads) settle(c *conn) {
	for c.Unsent() > 0 {
		if since, broken := c.link.last(); broken || c.Killed() || client.Elapsed()-since > t.srv.cfg.Stall {
			return
		}
		select {
		case <-c.link.moved:
		case <-time.After(client.PauseBeforeReadOn / 4):
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
		c.Doom()
		nc.Close()
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d clients were cut off: their last replies did not go out in time", n)
}

func (t *threads) close() error { return nil }
