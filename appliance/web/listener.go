package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// bounded is a listener that has so many connections at a time. When there are as many,
// room for another is made by closing the one that has asked nothing for longest: it
// is idle between two requests, or slow to send one. Where all are being answered the
// others wait in the system's queue, no longer than an answer may take.
type bounded struct {
	net.Listener
	most   int
	left   chan struct{} // has one place: a connection has been closed
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	open map[*placed]struct{} // mu
}

func newBounded(ln net.Listener, most int) *bounded {
	return &bounded{Listener: ln, most: most, left: make(chan struct{}, 1), closed: make(chan struct{}),
		open: make(map[*placed]struct{})}
}

// placed is a connection that has a place. Its fields belong to bounded.mu.
type placed struct {
	net.Conn
	at       *bounded
	since    time.Time // when it came, or its last answer ended
	answered int       // requests of it that are being answered
}

// Accept waits for a connection and then for a place.
func (b *bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	p := &placed{Conn: c, at: b, since: time.Now()}
	for !b.enter(p) {
		select {
		case <-b.left:
		case <-b.closed:
			c.Close()
			return nil, net.ErrClosed
		}
	}
	return p, nil
}

// enter takes a place for a connection, and makes room for it if there is need and
// somebody who is idle.
func (b *bounded) enter(p *placed) bool {
	b.mu.Lock()
	if len(b.open) < b.most {
		b.open[p] = struct{}{}
		b.mu.Unlock()
		return true
	}
	var longest *placed
	for c := range b.open {
		if c.answered == 0 && (longest == nil || c.since.Before(longest.since)) {
			longest = c
		}
	}
	b.mu.Unlock()
	if longest == nil {
		return false
	}
	longest.Close()
	return b.enter(p)
}

// Close ends waiting, too.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

// Close gives the place back, once.
func (p *placed) Close() error {
	b := p.at
	b.mu.Lock()
	_, had := b.open[p]
	delete(b.open, p)
	b.mu.Unlock()
	if had {
		select {
		case b.left <- struct{}{}:
		default:
		}
	}
	return p.Conn.Close()
}

// connKey is where a request's context has the connection that it came by.
type connKey struct{}

// withConn is a server's ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// answering notes of each request's connection that it is being answered.
func answering(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := r.Context().Value(connKey{}).(*placed); ok {
			p.note(1)
			defer p.note(-1)
		}
		h.ServeHTTP(w, r)
	})
}

func (p *placed) note(by int) {
	p.at.mu.Lock()
	defer p.at.mu.Unlock()
	p.answered += by
	p.since = time.Now()
}
