package client

import (
	"log/slog"
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
	// PauseBeforeReadOn is how long a client has to have taken nothing before
	// more than StepOutput is made for it: one that reads, only slowly, has its
	// replies when it reads for them and costs no memory.
	PauseBeforeReadOn = 100 * time.Millisecond
)

// holding is what one connection has been counted for.
type holding struct {
	in, out, tx atomic.Int64
	gone        atomic.Bool
	// half is when the command began to arrive that is not all here, by Elapsed;
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

// LeaveSums takes a connection that ends out of the sums. It may be called twice.
func (c *Conn) LeaveSums() {
	h, st := &c.holds, c.shared.Stats
	h.gone.Store(true)
	st.HeldIn.Add(-h.in.Swap(0))
	st.HeldOut.Add(-h.out.Swap(0))
	st.HeldTx.Add(-h.tx.Swap(0))
}

// Held returns the bytes of input that the connection is counted for, and since
// when a command has been half here, by Elapsed; 0 is none. Any goroutine may ask.
func (c *Conn) Held() (input int64, half time.Duration) {
	return c.holds.in.Load(), time.Duration(c.holds.half.Load())
}

// Evict closes a connection, from any goroutine, for the input that it has half
// sent.
func (c *Conn) Evict(bytes int) {
	c.Expel(&c.shared.Stats.Evicted, "half of a command takes memory that others need", bytes)
	c.wire.Poke()
}

// Stuck closes a connection whose client has taken nothing for too long.
func (c *Conn) Stuck() {
	c.Expel(&c.shared.Stats.OutputLimit, "it sends commands and takes no replies", c.Unsent())
}

// InputBound is how much input all clients may have unserved. While memory is
// short it is less.
func (s *Shared) InputBound() int64 {
	if s.OutOfMemory() {
		return int64(s.Limits().MaxBuffers / shortShare)
	}
	return int64(s.Limits().MaxBuffers)
}

// Expel closes a connection for what it makes the server hold. Whoever owns it
// has to see to that it is looked at.
func (c *Conn) Expel(counter *atomic.Int64, why string, bytes int) {
	if c.killed.Swap(true) {
		return
	}
	counter.Add(1)
	c.shared.Log.Add(slog.LevelWarn, "client closed: "+why, "client", c.sess.Addr, "bytes", bytes)
}
