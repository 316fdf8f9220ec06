package client

import (
	"errors"

	"ledge/respd/resp"
)

// errDemoted is what a client that waits hears when the node stops leading. As
// with Redis, its connection is closed after that: what it waits for is to be had
// elsewhere.
const errDemoted resp.Error = "UNBLOCKED force unblock from blocking operation, " +
	"instance state changed (master -> replica?)"

// Demote ends the wait of every client that waits for a key, which only a leader
// can give it. The writer must refuse writes with reason by then. Conn.Demote is
// for each client besides.
func (s *Shared) Demote(reason error) {
	s.demoted.Store(&reason)
	for _, w := range s.waiters.all() {
		s.expel(w)
	}
}

// Demote ends what the client is blocked in beside the loop, as in WAIT for
// replicas, which only a leader has.
func (c *Conn) Demote() { c.unblock(errDemoted) }

// expel ends a client's wait for a key because the node does not lead any more.
func (s *Shared) expel(w *Waiter) {
	if w.Hold() {
		w.c.sess.Quit = true
		s.release(w, resp.Err(errDemoted))
	}
}

// follows reports whether the node has been demoted and has not led since. A
// client that begins to wait just then is not among those that Demote has found.
func (s *Shared) follows() bool {
	reason := s.demoted.Load()
	return reason != nil && errors.Is(s.Writer.Refusal(false), *reason)
}
