package client

import (
	"runtime"
	"time"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// reply appends a reply, unless the client asked for none.
func (c *Conn) reply(v resp.Value) {
	if v.Kind() == resp.KindNone {
		return
	}
	if v.IsError() {
		if v.ErrorText() == string(command.ErrTooLong) {
			c.tooMuchOutput(c.shared.mostOutput())
			return
		}
		c.shared.Stats.CountError(resp.Error(v.ErrorText()).Code())
	}
	if c.sess.NoReply && !isPush(v) {
		return
	}
	if c.sess.Skip > 0 {
		if c.sess.Skip--; !isPush(v) {
			return
		}
	}
	if s := v.Stream(); s != nil {
		c.beginStream(s)
		return
	}
	more := v.Size()
	if n := c.Unsent() + more; n > keepBuffer && n > c.shared.mostOutput() {
		c.tooMuchOutput(n)
		return
	}
	if more > keepBuffer || v.Kind() >= resp.KindArray {
		c.roomFor(more + 16)
	}
	c.out = resp.Append(c.out, v, c.sess.Proto)
	n := c.Unsent()
	if n > strangerOutput && !c.sess.Authed {
		c.Expel(&c.shared.Stats.OutputLimit, strangerClosed, n)
	}
	if n > keepBuffer { // what comes next has to know
		c.CountOutput(n)
	}
}

// tooMuchOutput closes a connection whose replies are longer than it may have
// unread.
func (c *Conn) tooMuchOutput(n int) {
	c.Expel(&c.shared.Stats.OutputLimit, "its replies are longer than it may have unread", n)
}

// roomFor sees to it that n bytes of replies find room without the buffer's
// growing step by step. Large buffers are the server's: most clients have their
// replies sent at once, so a few serve all.
func (c *Conn) roomFor(n int) {
	if cap(c.out)-len(c.out) >= n || len(c.out)+n < keepBuffer/4 {
		return
	}
	want := max(len(c.out)+n, 2*cap(c.out))
	b, _ := c.shared.buffers.Get().(*[]byte)
	if b == nil || cap(*b) < want {
		c.shared.collectFor(want)
		fresh := make([]byte, 0, max(want, 2*keepBuffer))
		b = &fresh
	}
	c.out = append((*b)[:0], c.out...)
}

// smallBuffers is how little clients may hold for collectFor to matter.
const smallBuffers = 16 << 20

// collectFor is told of a buffer that is about to be made. Where memory is small a few
// of them are as much as all of the data, and the collector, which works beside those
// who allocate, comes too late: 20 clients that read 3 MB each took 35 MiB more than
// lived, in a group of 64. So there is a collection for each so many bytes. It takes
// some milliseconds, since what there is to go over is small as well.
func (s *Shared) collectFor(n int) {
	most := s.Buffers()
	if most > smallBuffers || s.fresh.Add(int64(n)) < 2*most {
		return
	}
	s.fresh.Store(0)
	runtime.GC()
}

// Emptied is told that all replies have been sent.
func (c *Conn) Emptied() {
	c.out = c.out[:0]
	if cap(c.out) <= keepBuffer {
		return
	}
	c.shared.Reuse(c.out)
	c.out = nil
}

// Reuse keeps a large buffer for other replies, unless it is larger than most.
func (s *Shared) Reuse(b []byte) {
	if cap(b) > keepBuffer && cap(b) <= 4*StepOutput {
		s.buffers.Put(&b)
	}
}

// Output returns the replies that the transport has not taken. They are the
// connection's until TakeOutput or Emptied.
func (c *Conn) Output() []byte { return c.out }

// TakeOutput gives the replies so far to the transport, which may Reuse what held
// them.
func (c *Conn) TakeOutput() []byte {
	b := c.out
	c.out = nil
	return b
}

// SetTaken is told how many bytes of replies the transport still has to send,
// besides all of Output.
func (c *Conn) SetTaken(n int) {
	if c.taken.Load() != int64(n) {
		c.taken.Store(int64(n))
	}
}

// AddTaken changes what SetTaken says by n, for a transport that sends from several
// goroutines.
func (c *Conn) AddTaken(n int) { c.taken.Add(int64(n)) }

// Taken is what SetTaken and AddTaken have said.
func (c *Conn) Taken() int { return int(c.taken.Load()) }

// Sent counts bytes that the client has taken.
func (c *Conn) Sent(n int) {
	c.traffic[1].Add(int64(n))
	c.shared.Stats.NetOut.Add(int64(n))
}

// CountOutput counts the n bytes of replies that wait to be sent.
func (c *Conn) CountOutput(n int) {
	c.outLen.Store(int64(n))
	c.hold(&c.holds.out, &c.shared.Stats.HeldOut, n)
}

// HasMail reports whether there are messages for the client. Any goroutine may ask.
func (c *Conn) HasMail() bool { return c.mail.size.Load() > 0 }

// TooMuchOutput closes a connection that has n bytes of replies unread, if those
// are more than it may have, or more than Redis gives a client that has not
// authenticated. For such a client the pending bytes that the system holds count
// as well: they are memory, too.
func (c *Conn) TooMuchOutput(n, pending int) bool {
	switch {
	case !c.sess.Authed && n+pending > strangerOutput:
		c.Expel(&c.shared.Stats.OutputLimit, strangerClosed, n+pending)
	case n > c.shared.mostOutput():
		c.tooMuchOutput(n)
	default:
		return false
	}
	return true
}

// Unsent returns how many bytes of replies are still to be sent.
func (c *Conn) Unsent() int { return len(c.out) + int(c.taken.Load()) }

// MayReadOn reports whether commands are to be answered although earlier replies
// wait, of which the client has taken none for so long: it may be one that sends
// all before it reads.
func (c *Conn) MayReadOn(since time.Duration) bool {
	n := c.Unsent()
	switch {
	case n == 0:
		return true
	case c.stream != nil:
		return false
	case n < keepBuffer:
		return true
	case c.shared.crowded():
		return false
	case n < StepOutput:
		return true
	case since < PauseBeforeReadOn || n >= c.shared.mostOutput()/readOnShare:
		return false
	}
	return !c.shared.OutOfMemory()
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
