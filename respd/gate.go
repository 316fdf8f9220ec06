package respd

import "sync/atomic"

// Gate refuses commands for what goes on outside of the server: too few
// replicas, or a leader that has not been heard of for too long. It may be set
// from any goroutine, and is looked at for each command.
type Gate struct{ reads, writes atomic.Pointer[error] }

// Set has commands that read data refused with reads, and those that write with
// writes; nil refuses none.
func (g *Gate) Set(reads, writes error) {
	set := func(p *atomic.Pointer[error], err error) {
		if err == nil {
			p.Store(nil)
		} else {
			p.Store(&err)
		}
	}
	set(&g.reads, reads)
	set(&g.writes, writes)
}

// Closed reports whether anything is refused.
func (g *Gate) Closed() bool { return g.reads.Load() != nil || g.writes.Load() != nil }

func (g *Gate) refuses(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}
