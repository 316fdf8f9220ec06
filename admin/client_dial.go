package admin

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ledge/journal/greeting"
)

// silence is how long a server may say nothing before it is looked whether it is another
// kind of server. A broker greets at once.
const silence = 300 * time.Millisecond

// dialer remembers why it couldn't connect: nats.go says no more than that there is no
// server, and waits for the greeting of one that never greets.
type dialer struct {
	ctx     context.Context // of Dial, which nats.go doesn't pass on
	timeout time.Duration
	err     error

	last  *listened
	look  sync.WaitGroup
	stop  []context.CancelFunc
	found atomic.Pointer[string] // what answers in place of a NATS server
}

// Dial connects, and looks beside that what is there if it says nothing.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	nd := net.Dialer{Timeout: d.timeout}
	conn, err := nd.DialContext(d.ctx, network, address)
	if d.err = err; err != nil {
		return nil, err
	}
	l := &listened{Conn: conn}
	d.last = l
	ctx, stop := context.WithTimeout(d.ctx, d.timeout)
	d.stop = append(d.stop, stop)
	d.look.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(silence):
		}
		if l.first.Load() != nil {
			return
		}
		other, err := nd.DialContext(ctx, network, address)
		if err != nil {
			return
		}
		defer other.Close()
		if found := greeting.Of(ctx, other); found != "" && l.first.Load() == nil {
			d.found.Store(&found)
			l.Close() // nobody need wait for its greeting
		}
	})
	return l, nil
}

// end ends looking, and returns what is there in place of a NATS server, "" if that isn't
// known or it is one.
func (d *dialer) end() string {
	for _, stop := range d.stop {
		stop()
	}
	d.look.Wait()
	if found := d.found.Load(); found != nil {
		return *found
	}
	if d.last != nil {
		if first := d.last.first.Load(); first != nil {
			return greeting.Words(*first)
		}
	}
	return ""
}

// listened is a connection that keeps what was heard first.
type listened struct {
	net.Conn
	first atomic.Pointer[[]byte] // nil is that nothing was
}

func (l *listened) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if n > 0 && l.first.Load() == nil {
		b := append([]byte(nil), p[:min(n, greeting.Enough)]...)
		l.first.Store(&b)
	}
	return n, err
}
