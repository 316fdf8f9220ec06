package respd

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// crowdPatience is how long reads of much wait for clients to take their replies
// before the client that holds most is closed.
const crowdPatience = time.Second

// leastShare is the part of what clients may make the server hold that one must hold
// to be closed because reads wait.
const leastShare = 32

// clientBytes is what is reckoned for each client of what bounds the process. One that
// is idle takes a third of that.
const clientBytes = 32 << 10

// relieve closes clients, from the one that makes the server hold most, until what is
// left is within the bound of all; or the one, if reads have waited for room for too
// long. What they hold goes when they are shut.
func (s *Server) relieve() {
	over := s.shared.Overfull()
	if !over && !s.shared.WaitedFor(crowdPatience) {
		return
	}
	s.shed() // half a command costs its client the least
	type holder struct {
		c     *conn
		bytes int64
	}
	var holders []holder
	var sum int64
	s.mu.Lock()
	for _, c := range s.conns {
		if n := c.Holds(); n > 0 && !c.Killed() {
			holders = append(holders, holder{c, n})
			sum += n
		}
	}
	s.mu.Unlock()
	slices.SortFunc(holders, func(a, b holder) int { return cmp.Compare(b.bytes, a.bytes) })
	for i, h := range holders {
		// What holds little is in nobody's way.
		if !over && (i > 0 || h.bytes < s.shared.Buffers()/leastShare) || over && sum <= s.shared.MostHeld() {
			return
		}
		sum -= h.bytes
		h.c.Burst(h.bytes)
	}
}

// SetBound says what the process may take, in bytes; 0 is any. What clients may make
// the server hold, what scripts and transactions may have, and how many clients there may
// be follow it.
func (s *Server) SetBound(bytes int64) {
	s.shared.SetBound(bytes)
	s.scripts.SetBound(bytes)
	s.shared.State.SetBound(bytes)
	places := int64(math.MaxInt64)
	if bytes > 0 {
		places = max(1, bytes/clientBytes)
	}
	s.placesFor.Store(places)
}
