package client

import (
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/hub"
)

// PushLimit bounds the messages that wait for a client which does not read
// them. Past it the client is closed. Zero fields mean Redis's defaults.
type PushLimit struct {
	// Hard is the most bytes at any time; 0 is 32 MiB.
	Hard int
	// Soft is the most bytes for longer than SoftFor; 0 is 8 MiB and 60 s.
	Soft    int
	SoftFor time.Duration
}

// SetDefaults puts Redis's bounds where there are none.
func (l *PushLimit) SetDefaults() {
	if l.Hard == 0 {
		l.Hard = 32 << 20
	}
	if l.Soft == 0 {
		l.Soft = 8 << 20
	}
	if l.SoftFor == 0 {
		l.SoftFor = 60 * time.Second
	}
}

// mailbox holds messages for a client from when they are sent until the owner
// of the connection puts them after its replies. Any goroutine may put some
// in, and never waits: one that has too many is closed to more.
type mailbox struct {
	size  atomic.Int64 // of bytes; lets the owner look without the lock
	proto int          // of bytes; the owner's, which changes it under mu

	mu    sync.Mutex
	bytes []byte    // mu
	since time.Time // when there came to be more than the soft bound; mu
	over  int       // how many there were when it was given up; mu
}

// put adds a message. It reports whether it is the first, which the owner does
// not know of, and whether it is one too many.
func (m *mailbox) put(msg *hub.Message, limit *PushLimit, room int, clock func() time.Time) (first, over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over > 0 {
		return false, false
	}
	b := msg.Bytes(m.proto)
	n := len(m.bytes) + len(b)
	if n > limit.Hard || len(b) > room && n > keepBuffer || n > limit.Soft && m.overstayed(limit, clock()) {
		m.over, m.bytes = n, nil
		m.size.Store(0)
		return false, true
	}
	first = len(m.bytes) == 0
	m.bytes = append(m.bytes, b...)
	m.size.Store(int64(n))
	return first, false
}

// overstayed reports whether there have been more messages than the soft bound
// for too long. The caller holds mu.
func (m *mailbox) overstayed(limit *PushLimit, now time.Time) bool {
	if m.since.IsZero() {
		m.since = now
	}
	return now.Sub(m.since) > limit.SoftFor
}

// take moves what there is to the end of out. What comes from here on is in proto.
func (m *mailbox) take(out []byte, proto int) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(out) == 0 {
		out, m.bytes = m.bytes, out
	} else {
		out = append(out, m.bytes...)
	}
	if m.bytes = m.bytes[:0]; cap(m.bytes) > keepBuffer {
		m.bytes = nil
	}
	m.since, m.proto = time.Time{}, proto
	m.size.Store(0)
	return out
}

// dropped returns how many bytes there were when the mailbox was given up, 0
// if it was not.
func (m *mailbox) dropped() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.over
}

// Push sends a message to the client from any goroutine. It does not wait: a
// client that lets too many come together is closed.
func (c *Conn) Push(m *hub.Message) {
	// One message may go to very many. So what there is no room for is not taken, but
	// for a short one to a client that has none waiting.
	first, over := c.mail.put(m, &c.shared.Limits().Push, c.shared.roomForMail(), c.shared.Clock)
	c.countMail()
	switch {
	case over:
		c.Kill()
	case first:
		c.wire.Poke()
	}
}

// roomForMail is how much more the server may hold for clients.
func (s *Shared) roomForMail() int { return int(s.MostHeld() - s.Stats.Held()) }

// countMail counts the messages that wait. Those who put some in and the owner, who
// takes them out, may do it at the same time: whoever counts last looks once more.
func (c *Conn) countMail() {
	for n := int64(-1); n != c.mail.size.Load(); {
		n = c.mail.size.Load()
		c.hold(&c.holds.mail, &c.shared.Stats.HeldMail, int(n))
	}
}

// CatchUp puts the messages that have come after the replies so far. Those
// must be settled: what comes before Settle may be cut off again.
func (c *Conn) CatchUp() {
	if c.stream != nil {
		return // they would come in the middle of a reply
	}
	if c.mail.size.Load() > 0 || c.mail.proto != c.sess.Proto {
		c.out = c.mail.take(c.out, c.sess.Proto)
		c.under.out = len(c.out)
		c.countMail()
	}
}

// bidFarewell ends a client's subscriptions, and says so if it did not read
// what it subscribed to.
func (c *Conn) bidFarewell() {
	c.shared.Hub.Leave(&c.sess.Member)
	if n := c.mail.dropped(); n > 0 {
		c.shared.Logger.Warn("client closed: it does not read the messages that it subscribes to",
			"client", c.sess.Addr, "bytes", n)
	}
}
