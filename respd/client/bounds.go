package client

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// strangerClosed is why a client was closed.
const strangerClosed = "it has not authenticated and does not read its replies"

// What clients make the server hold is bounded for each of them and for all
// together. Four things are counted together: input, unread replies, what waits for EXEC, and
// messages of what clients subscribe to. Each may take Buffers in all, and all of them
// half as much again (Overfull); it counts in the memory of the process besides. Where
// one client may have more than that by the bounds of its own, Buffers is its bound as
// well.
//
// A read of much waits while what is held already leaves no room for its reply
// (crowds). What clients subscribe to and watch stays for as long as they like, so it is
// counted apart from that: SUBSCRIBE and WATCH are refused where all of it would take
// more than Buffers. What is past the bound all the same, as nobody can tell how long each
// reply will be, costs the clients that hold most their connections (relieve, in package respd).

const (
	// strangerOutput bounds the unread replies of a client that has not
	// authenticated, and strangerInput how much is read of it at a time. Both
	// are Redis's: a reply buffer, a KiB beyond it, and one read.
	strangerOutput = 16<<10 + 1<<10
	strangerInput  = 16 << 10
	// readOnShare is the part of MaxOutput up to which commands are answered for
	// a client that does not read.
	readOnShare = 4
	// buffersShare is the part of what bounds the process that clients may make it
	// hold. The rest is for data.
	buffersShare = 8
	// argBytes is what is reckoned for each argument of a command that is here in part.
	argBytes = 64
	// shortShare is the part of Buffers that input may take while memory is
	// short.
	shortShare = 4
	// PauseBeforeReadOn is how long a client has to have taken nothing before
	// more than StepOutput is made for it: one that reads, only slowly, has its
	// replies when it reads for them and costs no memory.
	PauseBeforeReadOn = 100 * time.Millisecond
)

// holding is what one connection has been counted for.
type holding struct {
	in, out, tx, mail atomic.Int64
	kept              atomic.Int64
	gone              atomic.Bool
	// half is when the command began to arrive that is not all here, by Elapsed;
	// 0 is none.
	half atomic.Int64
}

// hold sets one of the connection's figures to n, and changes the sum by the
// difference.
func (c *Conn) hold(mine, sum *atomic.Int64, n int) {
	if int64(n) == mine.Load() {
		return
	}
	st := c.shared.Stats
	st.Hold(sum, int64(n)-mine.Swap(int64(n)))
	if c.holds.gone.Load() { // leave may have been before
		st.Hold(sum, -mine.Swap(0))
	}
}

// LeaveSums takes a connection that ends out of the sums. It may be called twice.
func (c *Conn) LeaveSums() {
	h, st := &c.holds, c.shared.Stats
	h.gone.Store(true)
	st.Hold(&st.HeldIn, -h.in.Swap(0))
	st.Hold(&st.HeldOut, -h.out.Swap(0))
	st.Hold(&st.HeldTx, -h.tx.Swap(0))
	st.Hold(&st.HeldMail, -h.mail.Swap(0))
	st.HeldKept.Add(-h.kept.Swap(0))
}

// countKept counts what the client subscribes to and watches. The caller is the
// connection's owner.
func (c *Conn) countKept() {
	kept := &c.shared.Stats.HeldKept
	if n := c.sess.Bytes.Load() + int64(c.sess.Tx.Watched); n != c.holds.kept.Load() {
		kept.Add(n - c.holds.kept.Swap(n))
		if c.holds.gone.Load() { // LeaveSums may have been before
			kept.Add(-c.holds.kept.Swap(0))
		}
	}
}

// HasRoom reports whether the server may hold so many bytes more for what clients
// subscribe to and watch. The caller is the connection's owner.
func (c *Conn) HasRoom(bytes int) bool {
	c.countKept()
	return c.shared.Stats.HeldKept.Load()+int64(bytes) <= c.shared.Buffers()
}

// Holds returns what the connection is counted for in all, in bytes. Any goroutine may
// ask.
func (c *Conn) Holds() int64 {
	h := &c.holds
	return h.in.Load() + h.out.Load() + h.tx.Load() + h.mail.Load()
}

// SetBound says what the process may take, in bytes; 0 is any.
func (s *Shared) SetBound(bytes int64) {
	most := int64(s.MaxBuffers)
	if bytes > 0 {
		most = min(most, bytes/buffersShare)
	}
	s.most.Store(most)
}

// Buffers is how much all clients together may make the server hold, in bytes.
func (s *Shared) Buffers() int64 { return s.most.Load() }

// MostInput, and the two after it, are what one client may have of each kind.
func (s *Shared) MostInput() int  { return min(s.MaxInput, int(s.Buffers())) }
func (s *Shared) mostOutput() int { return min(s.Limits().MaxOutput, int(s.Buffers())) }
func (s *Shared) mostQueued() int { return min(s.MaxQueued, int(s.Buffers())) }

// crowded reports whether clients make the server hold so much that those wait whose
// replies are long.
func (s *Shared) crowded() bool { return s.Stats.Held() > s.Buffers()/2 }

// Overfull reports whether clients make the server hold more than they may.
func (s *Shared) Overfull() bool { return s.Stats.Held() > s.MostHeld() }

// MostHeld is how much that is.
func (s *Shared) MostHeld() int64 { return s.Buffers() + s.Buffers()/2 }

// WaitedFor reports whether a read has waited for room for so long, since it was last
// said that one has.
func (s *Shared) WaitedFor(d time.Duration) bool {
	since := s.waits.Load()
	if since == 0 { // as a rule, and the clock costs more
		return false
	}
	now := Elapsed()
	if now-time.Duration(since) < d {
		return false
	}
	return s.waits.CompareAndSwap(since, 0) && now-time.Duration(s.waited.Load()) < PauseBeforeReadOn
}

// Burst closes a connection, from any goroutine, because clients hold too much and it
// holds most.
func (c *Conn) Burst(bytes int64) {
	c.Expel(&c.shared.Stats.Evicted, "clients hold more than they may together, and it most", int(bytes))
	c.wire.Poke()
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
		return s.Buffers() / shortShare
	}
	return s.Buffers()
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
