package client

import (
	"sync/atomic"
	"time"
)

// pause is CLIENT PAUSE: until when commands are held back, and which.
type pause struct {
	until atomic.Int64 // Unix nanoseconds; 0 is not paused
	all   atomic.Bool  // all commands, not only writes
}

// Pause holds back commands of all clients until then: all commands, or only
// writes. Where two pauses overlap, the later end and the stricter kind hold.
// The zero time ends all of it.
func (s *Shared) Pause(until time.Time, all bool) {
	p := &s.pause
	if until.IsZero() {
		p.until.Store(0)
		p.all.Store(false)
		return
	}
	now := s.Clock().UnixNano()
	paused := p.until.Load() > now
	p.all.Store(all || paused && p.all.Load())
	p.until.Store(max(until.UnixNano(), p.until.Load()))
}

// AwaitOwner holds back what concerns data until then: a cluster's slots change their
// leader, and where a command would be sent may not lead yet, or no more. The zero time ends it.
func (s *Shared) AwaitOwner(until time.Time) {
	if until.IsZero() {
		s.owner.until.Store(0)
		return
	}
	s.owner.until.Store(until.UnixNano())
}

// holds reports how long a command has to wait; 0 is not at all.
func (p *pause) holds(write bool, now func() time.Time) time.Duration {
	until := p.until.Load()
	if until == 0 || !write && !p.all.Load() {
		return 0
	}
	left := time.Duration(until - now().UnixNano())
	if left <= 0 {
		p.until.CompareAndSwap(until, 0)
		return 0
	}
	return left
}
