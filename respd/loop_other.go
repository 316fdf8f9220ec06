//go:build !linux

package respd

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// threads serves each connection on a goroutine of its own. It is the plain
// way, for systems without epoll.
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
}

func newTransport(s *Server) (transport, error) {
	return &threads{srv: s, open: make(map[*conn]net.Conn), drain: make(chan struct{})}, nil
}

func (t *threads) add(c *conn, nc *net.TCPConn) error {
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

// poke ends a blocked read; handle looks at killed then.
func (t *threads) poke(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if nc := t.open[c]; nc != nil {
		_ = nc.SetReadDeadline(time.Unix(1, 0))
	}
}

func (t *threads) handle(c *conn, nc net.Conn) {
	defer func() {
		nc.Close()
		t.srv.forget(c)
		t.mu.Lock()
		delete(t.open, c)
		t.mu.Unlock()
	}()
	for !c.killed.Load() && !c.sess.Quit {
		c.compact()
		c.makeRoom()
		n, err := nc.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+n]
		ok := t.serve(c, nc)
		c.slim()
		if !ok || err != nil || len(c.in) > c.srv.cfg.MaxInput+stepOutput {
			return
		}
	}
}

// serve runs all commands that have arrived and sends the replies.
func (t *threads) serve(c *conn, nc net.Conn) bool {
	r := views{state: t.srv.cfg.State, clock: t.srv.cfg.Clock}
	for {
		what := c.serve(&r)
		r.close()
		switch what {
		case propose:
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
		if c.killed.Load() {
			return false
		}
		if what == idle || len(c.out) > stepOutput {
			if _, err := nc.Write(c.out); err != nil {
				return false
			}
			c.out = c.out[:0]
		}
		if what == idle {
			return !c.sess.Quit
		}
	}
}

func (t *threads) run(ctx context.Context, grace time.Duration) error {
	<-ctx.Done()
	t.srv.Pause(time.Time{}, false)
	t.mu.Lock()
	t.closed = true
	close(t.drain)
	for _, nc := range t.open {
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
		return errors.New("clients were cut off: they did not take their last replies in time")
	}
}

func (t *threads) close() error { return nil }
