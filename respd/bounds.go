package respd

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// strangerClosed is why a client was closed.
const strangerClosed = "it has not authenticated and does not read its replies"

// What clients make the server hold is bounded for each of them and for all
// together. Three things are counted: input, unread replies, and what waits for
// EXEC. Each may take MaxBuffers in all, and counts in the memory of the process
// besides.

const (
	// strangerOutput bounds the unread replies of a client that has not
	// authenticated, and strangerInput how much is read of it at a time. Both
	// are Redis's: a reply buffer, a KiB beyond it, and one read.
	strangerOutput = 16<<10 + 1<<10
	strangerInput  = 16 << 10
	// readOnShare is the part of MaxOutput up to which commands are answered for
	// a client that does not read.
	readOnShare = 4
	// shortShare is the part of MaxBuffers that input may take while memory is
	// short.
	shortShare = 4
	// pauseBeforeReadOn is how long a client has to have taken nothing before
	// more than stepOutput is made for it: one that reads, only slowly, has its
	// replies when it reads for them and costs no memory.
	pauseBeforeReadOn = 100 * time.Millisecond
)

// holding is what one connection has been counted for.
type holding struct {
	in, out, tx atomic.Int64
	gone        atomic.Bool
	// half is when the command began to arrive that is not all here, by elapsed;
	// 0 is none.
	half atomic.Int64
}

// count sets one of the connection's figures to n, and changes the sum by the
// difference.
func (h *holding) count(mine, sum *atomic.Int64, n int) {
	if int64(n) == mine.Load() {
		return
	}
	sum.Add(int64(n) - mine.Swap(int64(n)))
	if h.gone.Load() { // leave may have been before
		sum.Add(-mine.Swap(0))
	}
}

// leaveSums takes a connection that ends out of the sums. It may be called twice.
func (c *conn) leaveSums() {
	h, st := &c.holds, c.srv.stats
	h.gone.Store(true)
	st.HeldIn.Add(-h.in.Swap(0))
	st.HeldOut.Add(-h.out.Swap(0))
	st.HeldTx.Add(-h.tx.Swap(0))
}

// countInput counts what the connection's input takes, and remembers since when
// a command has been half here.
func (c *conn) countInput() {
	n := c.parser.Held()
	if cap(c.in) > firstBuffer {
		n += cap(c.in)
	}
	c.holds.count(&c.holds.in, &c.srv.stats.HeldIn, n)
	switch {
	case !c.hungry:
		c.holds.half.Store(0)
	case c.at > 0 || c.holds.half.Load() == 0: // the one before it has run meanwhile
		c.holds.half.Store(int64(elapsed()))
	}
}

// inputBound is how much input all clients may have unserved. While memory is
// short it is less.
func (s *Server) inputBound() int64 {
	if s.cfg.OutOfMemory() {
		return int64(s.cfg.MaxBuffers / shortShare)
	}
	return int64(s.cfg.MaxBuffers)
}

// shed closes clients until input is within its bound: those first whose
// commands have been half here for the longest time. One is left, which has a
// bound of its own.
func (s *Server) shed() {
	bound := s.inputBound()
	if s.stats.HeldIn.Load() <= bound {
		return
	}
	var halves []*conn
	var sum int64
	s.mu.Lock()
	for _, c := range s.conns {
		if c.killed.Load() {
			continue
		}
		sum += c.holds.in.Load()
		if c.holds.half.Load() > 0 {
			halves = append(halves, c)
		}
	}
	s.mu.Unlock()
	if sum <= bound || len(halves) < 2 {
		return
	}
	slices.SortFunc(halves, func(a, b *conn) int { return int(a.holds.half.Load() - b.holds.half.Load()) })
	for _, c := range halves[:len(halves)-1] {
		if sum <= bound {
			return
		}
		n := c.holds.in.Load()
		sum -= n
		c.expel(&s.stats.Evicted, "half of a command takes memory that others need", int(n))
		s.loop.poke(c)
	}
}

// tooMuchInput closes a connection whose command is longer than any may be.
func (c *conn) tooMuchInput() bool {
	n := len(c.in) - c.at
	if n <= c.srv.cfg.MaxInput+stepOutput {
		return false
	}
	c.expel(&c.srv.stats.InputLimit, "one command is longer than the query buffer may be", n)
	return true
}

// mayReadOn reports whether commands are to be answered although earlier replies
// wait, of which the client has taken none for so long: it may be one that sends
// all before it reads.
func (c *conn) mayReadOn(since time.Duration) bool {
	n := c.unsent()
	switch {
	case n == 0:
		return true
	case c.stream != nil:
		return false
	case n < stepOutput:
		return true
	case since < pauseBeforeReadOn || n >= c.srv.cfg.MaxOutput/readOnShare:
		return false
	}
	return c.srv.stats.HeldOut.Load() < int64(c.srv.cfg.MaxBuffers) && !c.srv.cfg.OutOfMemory()
}

// expel closes a connection for what it makes the server hold. Whoever owns it
// has to see to that it is looked at.
func (c *conn) expel(counter *atomic.Int64, why string, bytes int) {
	if c.killed.Swap(true) {
		return
	}
	counter.Add(1)
	c.srv.log.Add(slog.LevelWarn, "client closed: "+why, "client", c.sess.Addr, "bytes", bytes)
}
