package client

import (
	"ledge/journal"
	"ledge/respd/command"
)

// saved is what a rerun after a failed append goes back to.
type saved struct {
	at, out int
	db      journal.DB
	proto   int
	noReply bool
	skip    int
	tx      command.Tx
}

// Save marks the point that a rerun goes back to: everything before it is
// settled.
func (c *Conn) Save() {
	s := &c.sess
	c.saved = saved{at: c.at, out: len(c.out), db: s.DB, proto: s.Proto,
		noReply: s.NoReply, skip: s.Skip, tx: s.Tx}
}

// restore goes back to the point that save marked.
func (c *Conn) restore() {
	s := &c.sess
	c.at, c.out = c.saved.at, c.out[:c.saved.out]
	c.cmd = parsed{}
	c.parser.Reset()
	s.Select(c.saved.db)
	s.SetProto(c.saved.proto)
	s.NoReply, s.Skip, s.Tx = c.saved.noReply, c.saved.skip, c.saved.tx
	s.Quit = false // or it would have proposed nothing
	s.Queued.Store(-1)
	if s.Tx.On {
		s.Queued.Store(int32(len(s.Tx.Queue)))
	}
	s.Watching.Store(int32(len(s.Tx.Watches)))
	c.late = nil
}
