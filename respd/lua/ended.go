package lua

// ending notes where a run was when it was ended by what no pcall catches. L has
// not let go of its calls yet.
func (s *State) ending(L *Thread) {
	if s.dead == nil || s.endedAt.ok {
		return
	}
	for level := 0; level <= 2 && !s.endedAt.ok; level++ {
		at := &s.endedAt
		at.source, at.line, at.ok = L.Place(level)
	}
}

// place is the chunk and the line of some code.
type place struct {
	source string
	line   int
	ok     bool
}

// EndedAt returns the chunk name and the line of the code that ran when a run
// was ended by what Check said or by its memory.
func (s *State) EndedAt() (source string, line int, ok bool) {
	return s.endedAt.source, s.endedAt.line, s.endedAt.ok
}
