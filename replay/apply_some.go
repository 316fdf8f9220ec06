package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// ApplySome is Apply for a state that holds some keys only. The digest of such a state
// says nothing, so it is not checked what the batch was written on, nor that it is the
// next, and the state keeps its position.
//
// pick is called with each effect, in order, and has it applied by do, or another one
// in its place, or nothing. v shows what the state holds, then and after do. If pick
// fails, nothing of the batch has changed anything, and its error is returned.
func (s *State) ApplySome(
	c journal.Committed, pick func(v *View, op journal.Op, do func(journal.Op) error) error,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tables{s: s, ink: value.NewPen(&s.gen)}
	v, do := &View{s: s}, func(op journal.Op) error { return apply(&t, op, made{}) }
	for _, e := range c.Batch().Entries {
		for _, op := range e.Ops {
			if err := pick(v, op, do); err != nil {
				t.rollback()
				return err
			}
		}
	}
	return t.commit()
}
