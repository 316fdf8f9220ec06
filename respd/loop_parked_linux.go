//go:build !threads

package respd

import (
	"time"

	"ledge/replay/cluster"
	"ledge/respd/client"
)

// parked are the connections whose next command waits for a slot that is moving. There may be
// very many, and other clients are served meanwhile, so they are looked at all at once: when
// there is another map, or one of them has waited for as long as it may.
type parked struct {
	conns []*conn
	by    *cluster.Map  // the map by which all of them wait; nil if there are several
	until time.Duration // when the first of them has waited too long, by client.Elapsed
}

// add has a connection wait for another map than this one.
func (p *parked) add(c *conn, by *cluster.Map, until time.Duration) {
	if len(p.conns) == 0 {
		p.by, p.until = by, until
	}
	if by != p.by {
		p.by = nil
	}
	p.until = min(p.until, until)
	c.link.held = true
	p.conns = append(p.conns, c)
}

// over reports whether they are to be looked at again.
func (p *parked) over(s *Server) bool {
	return len(p.conns) > 0 && (s.Cluster() != p.by || client.Elapsed() >= p.until)
}

// release has the loop serve them again if that may lead somewhere.
func (p *parked) release(l *loop) {
	if !p.over(l.srv) {
		return
	}
	waiting := p.conns
	*p = parked{}
	for _, c := range waiting {
		c.link.held = false
		l.enlist(c)
	}
}
