package respd

import (
	"cmp"
	"slices"
	"time"
)

// shed closes clients until input is within its bound: those first whose
// commands have been half here for the longest time. One is left, which has a
// bound of its own.
func (s *Server) shed() {
	bound := s.shared.InputBound()
	if s.shared.Stats.HeldIn.Load() <= bound {
		return
	}
	type half struct {
		c     *conn
		input int64
		since time.Duration
	}
	var halves []half
	var sum int64
	s.mu.Lock()
	for _, c := range s.conns {
		if c.Killed() {
			continue
		}
		n, since := c.Held()
		sum += n
		if since > 0 {
			halves = append(halves, half{c, n, since})
		}
	}
	s.mu.Unlock()
	if sum <= bound || len(halves) < 2 {
		return
	}
	slices.SortFunc(halves, func(a, b half) int { return cmp.Compare(a.since, b.since) })
	for _, h := range halves[:len(halves)-1] {
		if sum <= bound {
			return
		}
		sum -= h.input
		h.c.Evict(int(h.input))
	}
}
