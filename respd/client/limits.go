package client

import (
	"log/slog"
	"time"
)

// Limits are what one client may make the server hold, and for how long one may be idle.
// What all together may, which is less than one's where memory is small, is Buffers. One
// that has been handed out does not change: SetLimits puts another in its place.
type Limits struct {
	// MaxOutput bounds the replies that one connection has not read yet.
	MaxOutput int
	// SoftOutput bounds those that it has not read for longer than SoftFor; 0 is none.
	SoftOutput int
	SoftFor    time.Duration
	// Push bounds the messages that one connection has not read yet.
	Push PushLimit
	// Idle is how long a client may neither send nor take anything; 0 is for ever.
	Idle time.Duration
}

// Limits returns what clients may have at present.
func (s *Shared) Limits() *Limits { return s.limits.Load() }

// SetLimits changes what clients may have, from any goroutine. What is past a bound
// that was lowered is found when more comes, or by Rest.
func (s *Shared) SetLimits(l Limits) { s.limits.Store(&l) }

// activity is what changes whenever a client sends, takes or has run something.
type activity struct{ in, out, used int64 }

func (c *Conn) activity() activity {
	return activity{c.traffic[0].Load(), c.traffic[1].Load(), c.sess.LastUsed.Load()}
}

// watched is what whoever looks after all connections remembers of one. It belongs to
// that goroutine.
type watched struct {
	last  activity
	since time.Duration // when that was seen first, by Elapsed
	full  time.Duration // since when there is more output than the soft bound; 0 is not
}

// Rest looks at what a client does at a time, by Elapsed. One that has been idle for
// too long is to be closed by its owner, who is poked: nobody else knows whether a
// command of its waits. One goroutine calls it, now and then.
//
// As in Redis, a client that waits in a blocking command or for messages is not idle;
// one in MULTI is, and so is one that doesn't take its replies.
func (c *Conn) Rest(now time.Duration) {
	l, w := c.shared.Limits(), &c.watched
	busy := c.sess.Blocked.Load() || c.sess.Subscribed()
	switch a := c.activity(); {
	case w.since == 0 && !busy: // it may have been idle before anybody looked
		w.last, w.since = a, max(1, now-c.shared.Clock().Sub(time.UnixMilli(a.used)))
	case busy || a != w.last:
		w.last, w.since = a, now
	}
	if l.Idle > 0 && now-w.since > l.Idle {
		rested := w.last
		c.rested.Store(&rested)
		c.wire.Poke()
	}
	switch n := int(c.outLen.Load()); {
	case l.SoftOutput == 0 || n <= l.SoftOutput || c.sess.Subscribed():
		w.full = 0
	case w.full == 0:
		w.full = now
	case now-w.full > l.SoftFor:
		c.Expel(&c.shared.Stats.OutputLimit, "it has had many replies unread for too long", n)
		c.wire.Poke()
	}
}

// Rested reports whether the client is to be closed because it has been idle for too
// long, and logs it. Its owner calls it when nothing of the client's waits to be done.
func (c *Conn) Rested() bool {
	if c.rested.Load() == nil { // as a rule, and a swap has to wait for the memory
		return false
	}
	r := c.rested.Swap(nil)
	if r == nil || *r != c.activity() || c.sess.Blocked.Load() || c.sess.Subscribed() || c.stream != nil {
		return false
	}
	if !c.killed.Swap(true) {
		c.shared.Stats.Idle.Add(1)
		c.shared.Log.Add(slog.LevelInfo, "client closed: it was idle for longer than timeout", "client", c.sess.Addr)
	}
	return true
}
