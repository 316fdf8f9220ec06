package respd

import (
	"errors"

	"ledge/respd/resp"
)

// errDemoted is what a client that waits hears when the node stops leading. As
// with Redis, its connection is closed after that: what it waits for is to be had
// elsewhere.
const errDemoted resp.Error = "UNBLOCKED force unblock from blocking operation, " +
	"instance state changed (master -> replica?)"

// Demote ends the wait of every client that waits: for a key, which only a
// leader can give it, or for replicas, which only a leader has. The writer must
// refuse writes with reason by then, and the node say that it follows.
func (s *Server) Demote(reason error) {
	s.demoted.Store(&reason)
	for _, w := range s.waiters.all() {
		s.expel(w)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.unblock(errDemoted)
	}
}

// expel ends a client's wait for a key because the node does not lead any more.
func (s *Server) expel(w *waiter) {
	if w.hold() {
		w.c.sess.Quit = true
		s.release(w, resp.Err(errDemoted))
	}
}

// follows reports whether the node has been demoted and has not led since. One
// who begins to wait just then is not among those whom Demote has found.
func (s *Server) follows() bool {
	reason := s.demoted.Load()
	return reason != nil && errors.Is(s.cfg.Writer.Refusal(false), *reason)
}
