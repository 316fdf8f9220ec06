package client

import (
	"ledge/replay"
	"ledge/respd/resp"
)

// streamSlice is how much of a long reply is made at a time. The rest is made
// when the client has taken that.
const streamSlice = 256 << 10

// stream is a reply that is longer than anybody wants to hold. It is made from
// a view that has pinned what it is made of, on a goroutine beside the loop, one
// slice after the other. Nothing else of the connection runs meanwhile.
type stream struct {
	*resp.Stream
	view *replay.View // to be closed at its end; nil for none
}

// begin has a reply made slice by slice.
func (c *Conn) beginStream(s *resp.Stream) {
	c.out = s.AppendStart(c.out, c.sess.Proto)
	c.stream = &stream{Stream: s}
}

// RunStream makes the next slice.
func (c *Conn) RunStream() {
	c.out = c.stream.Append(c.out, c.sess.Proto, len(c.out)+streamSlice)
	if c.stream.Left() == 0 || c.killed.Load() {
		c.endStream()
	}
	c.wire.Back()
}

// Streaming reports whether a reply is being made slice by slice.
func (c *Conn) Streaming() bool { return c.stream != nil }

// endStream lets go of what a stream is made of.
func (c *Conn) endStream() {
	if c.stream == nil {
		return
	}
	if v := c.stream.view; v != nil {
		v.Close()
	}
	c.stream = nil
}
