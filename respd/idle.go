package respd

import (
	"context"
	"net"
	"time"

	"ledge/respd/client"
)

// Clients are looked at each watchEvery at least while there is something to look for,
// and a few times in a span that is shorter than a second. So one that is idle is
// closed up to that much late.
const (
	watchEvery  = time.Second
	watchAtMost = 10 * time.Millisecond
	watchShare  = 4
)

// lookEvery returns how often all clients are looked at; 0 is never.
func lookEvery(l *Limits) time.Duration {
	if l.Idle == 0 && l.SoftOutput == 0 {
		return 0
	}
	every := watchEvery
	if l.Idle != 0 {
		every = min(every, l.Idle/watchShare)
	}
	if l.SoftOutput != 0 {
		every = min(every, l.SoftFor/watchShare)
	}
	return max(every, watchAtMost)
}

// SetLimits changes what clients may have, those that are connected as well.
func (s *Server) SetLimits(l Limits) {
	s.shared.SetLimits(l)
	select {
	case s.limited <- struct{}{}:
	default:
	}
}

// Limits returns what clients may have.
func (s *Server) Limits() Limits { return *s.shared.Limits() }

// watchClients looks at all clients now and then, until ctx ends: whether one is idle
// for too long, or has many replies unread. Without such a limit it sleeps.
func (s *Server) watchClients(ctx context.Context) {
	t := time.NewTimer(watchEvery)
	defer t.Stop()
	for {
		var tick <-chan time.Time
		if every := lookEvery(s.shared.Limits()); every != 0 {
			t.Reset(every)
			tick = t.C
		}
		select {
		case <-tick:
		case <-s.limited:
			continue
		case <-ctx.Done():
			return
		}
		now := client.Elapsed()
		for _, c := range s.all() {
			c.Rest(now)
		}
	}
}

// all returns the connections of all clients.
func (s *Server) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*conn, 0, len(s.conns))
	for _, c := range s.conns {
		list = append(list, c)
	}
	return list
}

// keepAliveTries is how often a client is asked in vain before it counts as gone, a
// third of the silence apart. It is what Redis does.
const keepAliveTries = 3

// SetKeepAlive changes how long a connection is silent before the kernel asks whether
// the client is there, for clients that come from here on; 0 is never.
func (s *Server) SetKeepAlive(d time.Duration) { s.keepAlive.Store(int64(d)) }

// keepAsking has the kernel ask a client now and then whether it is there.
func (s *Server) keepAsking(nc net.Conn) {
	tc, ok := nc.(*net.TCPConn)
	d := time.Duration(s.keepAlive.Load())
	if !ok || d <= 0 {
		return
	}
	// A socket that can't be told so serves as well.
	_ = tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: d,
		Interval: max(time.Second, d/keepAliveTries), Count: keepAliveTries})
}
