package replay

import (
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
)

// Empty reports whether there is nothing in the state: no keys and no functions.
func (s *State) Empty() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, db := range s.dbs {
		if db.dict.n > 0 {
			return false
		}
	}
	return s.cat.Len() == 0
}

// Become makes s hold what fresh holds, which is closed. Views see the one or
// the other. Every watched key counts as changed.
func (s *State) Become(fresh *State) error {
	s.drafting.Lock()
	defer s.drafting.Unlock()
	s.mu.Lock()
	old := s.dbs
	if len(old) != len(fresh.dbs) {
		s.mu.Unlock()
		return fault.As(fault.Operator, "put another state in place",
			fmt.Errorf("%d databases; this node has %d", len(fresh.dbs), len(old)))
	}
	for i := range old {
		s.watches.TouchAll(journal.DB(i), old[i].has, fresh.dbs[i].has)
	}
	s.dbs, s.pos, s.epoch = fresh.dbs, fresh.pos, fresh.epoch
	s.sayLocked()
	was := s.cat
	s.cat, s.custodyAt, s.shown = fresh.cat, fresh.custodyAt, fresh.shown
	s.custody.Store(fresh.custody.Load())
	s.settleMoves()
	s.gen.Store(max(s.gen.Load(), fresh.gen.Load()))
	s.noted.Store(fresh.noted.Load())
	s.mu.Unlock()
	fresh.mu.Lock()
	defer fresh.mu.Unlock()
	fresh.dbs, fresh.cat, fresh.closed = nil, was, true
	return was.Close()
}
