package respd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"ledge/journal/fault"
)

// The event loop serves descriptors and knows nothing of TLS. So a connection
// with TLS ends in a tunnel: a goroutine for each direction between the client
// and one end of a socket pair, whose other end the transport serves like any
// client's. Everything beyond that end, limits and bounds included, is as
// without TLS; in between there is no more than the pair's buffers.

// A tunnel copies by leastCopy bytes at first and, as they fill, by mostCopy at
// most, which is one record.
const (
	leastCopy = 2 << 10
	mostCopy  = 16 << 10
)

// ErrTLSListen is wrapped by Open's error if it is the address for clients with
// TLS that can't be had.
var ErrTLSListen = errors.New("listener for TLS")

// door takes clients with TLS. Its owner is Run, which waits for all that goes
// through it.
type door struct {
	srv *Server
	ln  net.Listener
	cfg *tls.Config

	gone sync.WaitGroup

	mu      sync.Mutex
	end     time.Time             // mu; set when the server stops: what lasts longer is cut off
	shaking map[net.Conn]struct{} // mu
	tunnels map[*tunnel]struct{}  // mu
}

// openDoor begins to listen for clients with TLS.
func openDoor(ctx context.Context, s *Server) (*door, error) {
	ln, err := plainListener.Listen(ctx, "tcp", s.cfg.TLSListen)
	if err != nil {
		return nil, fault.As(fault.Operator, "listen on "+s.cfg.TLSListen, fmt.Errorf("%w: %w", ErrTLSListen, err))
	}
	return &door{srv: s, ln: ln, cfg: s.cfg.TLS,
		shaking: make(map[net.Conn]struct{}), tunnels: make(map[*tunnel]struct{})}, nil
}

// welcome lets a client in once the handshake is over, for which it has a place
// already. It doesn't wait for that.
func (d *door) welcome(nc net.Conn) {
	if !d.srv.reserve() {
		nc.Close() // without TLS there is no way to say why
		return
	}
	d.srv.keepAsking(nc)
	d.srv.boundSocket(nc)
	d.mu.Lock()
	stopped := !d.end.IsZero()
	if !stopped {
		d.shaking[nc] = struct{}{}
		d.gone.Go(func() { d.admit(nc) })
	}
	d.mu.Unlock()
	if stopped {
		d.srv.giveUp()
		nc.Close()
	}
}

// admit sees a connection through, from the handshake until both sides are done.
func (d *door) admit(nc net.Conn) {
	tc := tls.Server(nc, d.cfg)
	text, err := "a client's handshake with TLS failed", d.shake(tc)
	if err == nil {
		text, err = "a client with TLS was turned away", d.join(tc)
	} else if !onlyLooked(err) {
		d.srv.shared.Stats.Handshakes.Add(1)
	}
	if err == nil {
		return
	}
	d.srv.giveUp()
	if !onlyLooked(err) {
		d.srv.log.Add(slog.LevelWarn, text, "client", nc.RemoteAddr().String(), "cause", err)
	}
	nc.Close()
}

// onlyLooked reports whether a client has gone before it said anything, or the
// server is stopping.
func onlyLooked(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) }

func (d *door) shake(tc *tls.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), d.srv.cfg.Handshake)
	defer cancel()
	err := tc.HandshakeContext(ctx)
	if ctx.Err() != nil {
		err = fmt.Errorf("no handshake within %s", d.srv.cfg.Handshake)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.shaking, tc.NetConn())
	return err
}

// join makes a client of a connection whose handshake is over, and returns when
// it is none any more. An error says that it hasn't become one.
func (d *door) join(tc *tls.Conn) error {
	near, far, err := socketPair()
	if err != nil {
		return err
	}
	d.srv.boundSocket(near)
	d.srv.boundSocket(far)
	t := &tunnel{client: tc, server: near, linger: d.srv.cfg.Drain}
	if !d.keep(t) {
		return errors.Join(net.ErrClosed, near.Close(), far.Close())
	}
	defer d.forget(t)
	d.srv.shared.Stats.Connections.Add(1)
	c := newConn(d.srv, tc)
	c.tunnel = t
	c.Session().TLS = true
	if err := d.srv.loop.add(c, far); err != nil {
		near.Close()
		far.Close()
		return err
	}
	var out sync.WaitGroup
	out.Go(t.outward)
	t.inward()
	out.Wait()
	return nil
}

// keep remembers a tunnel, unless the server stops.
func (d *door) keep(t *tunnel) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.end.IsZero() {
		return false
	}
	d.tunnels[t] = struct{}{}
	return true
}

func (d *door) forget(t *tunnel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.tunnels, t)
}

// shut stops taking clients. Those that are in have until end, which the first
// call says.
func (d *door) shut(end time.Time) {
	d.ln.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.end.IsZero() {
		d.end = end
	}
	for nc := range d.shaking {
		nc.Close()
	}
}

// wait returns when nothing is left of any client. The server has closed its
// side of them; what the clients haven't taken when the time is over they lose.
func (d *door) wait() {
	d.mu.Lock()
	cut := time.AfterFunc(time.Until(d.end), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for t := range d.tunnels {
			t.cut()
		}
	})
	d.mu.Unlock()
	d.gone.Wait()
	cut.Stop()
}

// tunnel joins a client with TLS to the descriptor that the transport serves.
type tunnel struct {
	client *tls.Conn
	server *net.UnixConn
	// linger is how long the client may take for what it has been sent, once the
	// server has closed its end.
	linger time.Duration
}

// outward takes replies to the client. When the server closes its end, the
// client is told, and both ends are closed.
func (t *tunnel) outward() {
	_, _ = carry(t.client, t.server) // the client has gone, or the server is done
	_ = t.client.Close()
	_ = t.server.Close()
}

// inward takes commands to the server. A client that ends its side in good order
// still gets its replies, and so does one that goes on sending when the server
// has closed its end; any other is gone.
func (t *tunnel) inward() {
	gone, done := carry(t.server, t.client)
	switch {
	case gone != nil:
		t.cut()
	case done == nil:
		_ = t.server.CloseWrite() // if the server is done, outward ends by itself
	}
}

// parted is told when the server has closed its end.
func (t *tunnel) parted() { _ = t.client.SetWriteDeadline(time.Now().Add(t.linger)) }

// cut closes both ends at once. Whoever reads or writes them fails.
func (t *tunnel) cut() {
	_ = t.client.NetConn().Close()
	_ = t.server.Close()
}

// carry copies until src ends, which is no error, or one of them fails, and
// tells which. An idle connection holds the buffer, so it grows only when it is
// filled.
func carry(dst io.Writer, src io.Reader) (from, to error) {
	buf := make([]byte, leastCopy)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return nil, err
			}
		}
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
		if n == len(buf) && n < mostCopy {
			buf = make([]byte, 2*n)
		}
	}
}

// socketPair returns the two ends of a stream within the process.
func socketPair() (near, far *net.UnixConn, err error) {
	syscall.ForkLock.RLock() // or a process that is begun just now gets the ends, too
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	near, err = unixConn(fds[0])
	far, err2 := unixConn(fds[1])
	if err = errors.Join(err, err2); err != nil {
		for _, c := range []*net.UnixConn{near, far} {
			if c != nil {
				c.Close()
			}
		}
		return nil, nil, err
	}
	return near, far, nil
}

// unixConn makes a connection of a descriptor, which is its own from here on.
func unixConn(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "tunnel")
	defer f.Close() // FileConn has made a copy
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}
