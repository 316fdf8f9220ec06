package respd

import (
	"sync"
	"sync/atomic"
	"time"

	"ledge/respd/command"
	"ledge/respd/hub"
	"ledge/respd/resp"
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

func (l *PushLimit) setDefaults() {
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
// of the connection puts them behind its replies. Any goroutine may put some
// in, and never waits: one that has too many is closed to more.
type mailbox struct {
	size  atomic.Int64 // of bytes; lets the owner look without the lock
	proto int          // of bytes; the owner's, who changes it under mu

	mu    sync.Mutex
	bytes []byte    // mu
	since time.Time // when there came to be more than the soft bound; mu
	over  int       // how many there were when it was given up; mu
}

// put adds a message. It reports whether it is the first, which the owner does
// not know of, and whether it is one too many.
func (m *mailbox) put(msg *hub.Message, limit *PushLimit, clock func() time.Time) (first, over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.over > 0 {
		return false, false
	}
	b := msg.Bytes(m.proto)
	n := len(m.bytes) + len(b)
	if n > limit.Hard || n > limit.Soft && m.overstayed(limit, clock()) {
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

// take moves what there is behind out. What comes from here on is in proto.
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
func (c *conn) Push(m *hub.Message) {
	switch first, over := c.mail.put(m, &c.srv.cfg.PushLimit, c.srv.cfg.Clock); {
	case over:
		c.Kill()
	case first:
		c.srv.loop.poke(c)
	}
}

// catchUp puts the messages that have come behind the replies so far. Those
// must be settled: what comes before Settle may be cut off again.
func (c *conn) catchUp() {
	if c.stream != nil {
		return // they would come in the middle of a reply
	}
	if c.mail.size.Load() > 0 || c.mail.proto != c.sess.Proto {
		c.out = c.mail.take(c.out, c.sess.Proto)
		c.under.out = len(c.out)
	}
}

// runAlone runs a command on the session while nothing else of the connection
// is under way. Messages that have come go behind its reply, which may be older
// than they are, but for these: what UNSUBSCRIBE answers is the last that a
// client wants to hear of a channel, and Redis sends a client its own message
// before PUBLISH is answered. Only those of a channel that it has just subscribed
// to must not come before the client knows.
func (c *conn) runAlone() {
	f := c.cmd.spec.Flags
	early := f.Has(command.PubSub) || f.Has(command.Listening) // RESET leaves all
	val := c.call()
	if early && !c.sess.Joined || c.mail.proto != c.sess.Proto {
		c.catchUp()
	}
	c.reply(val)
	c.sess.Joined = false
	c.consume()
}

// isPush reports whether a reply is one that CLIENT REPLY does not keep back.
func isPush(v resp.Value) bool {
	return v.Kind() == resp.KindPush || v.Kind() == resp.KindSeries
}

// hush leaves those of a transaction's replies that CLIENT REPLY does not keep
// back.
func hush(vals []resp.Value) resp.Value {
	var left []resp.Value
	for _, v := range vals {
		if isPush(v) {
			left = append(left, v)
		}
	}
	if left == nil {
		return resp.None
	}
	return resp.Series(left...)
}

// Hub returns who subscribes to what.
func (s *Server) Hub() *hub.Hub { return s.cfg.Hub }

// bidFarewell ends a client's subscriptions, and says so if it did not read
// what it subscribed to.
func (s *Server) bidFarewell(c *conn) {
	s.cfg.Hub.Leave(&c.sess.Member)
	if n := c.mail.dropped(); n > 0 {
		s.cfg.Logger.Warn("client closed: it does not read the messages that it subscribes to",
			"client", c.sess.Addr, "bytes", n)
	}
}
