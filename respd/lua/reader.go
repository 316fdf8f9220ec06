package lua

import "unsafe"

// CompileReader is Compile for a text that comes part by part: read returns the
// next part, which is not asked for before the compiler has come to it, and ""
// at the end. What read fails with is returned as it is.
func CompileReader(read func() (string, error), name string) (*Proto, error) {
	p := &parser{vars: map[string]*variable{}}
	// As in Lua 5.1, the text may begin with an empty part.
	first, err := read()
	if err != nil {
		return nil, err
	}
	p.read, p.all = read, []byte(first)
	p.scanner.open(first, name)
	return p.whole()
}

// more appends the next part to the text, and reports whether there is one.
func (s *scanner) more() bool {
	if s.read == nil || s.err != nil {
		return false
	}
	part, err := s.read()
	if err != nil {
		s.err = err
	}
	if part == "" || err != nil {
		s.read = nil
		return false
	}
	// Parts of the text that are in use stay as they are: appending changes
	// nothing before the end.
	s.all = append(s.all, part...)
	s.text = unsafe.String(unsafe.SliceData(s.all), len(s.all))
	return true
}
