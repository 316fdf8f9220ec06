package lua

import "strings"

// comment goes over a comment, from its second dash on.
func (s *scanner) comment() {
	s.advance()
	if s.cur == '[' {
		level := s.bracket()
		s.buf = s.buf[:0]
		if level >= 0 {
			s.longString(level, nil)
			s.buf = s.buf[:0]
			return
		}
	}
	for s.cur != atEnd && !isNewline(s.cur) {
		if i := strings.IndexAny(s.text[s.pos:], "\r\n"); i >= 0 {
			s.seek(s.pos + i)
		} else {
			s.seek(len(s.text))
		}
	}
}

// bracket reads "[==" or "]==" and returns how many "=" there are if the same
// bracket follows, which it leaves, and else less than 0: -1 if there are none.
func (s *scanner) bracket() int {
	first, n := s.cur, 0
	s.save()
	for s.cur == '=' {
		s.save()
		n++
	}
	if s.cur == first {
		return n
	}
	return -n - 1
}

// longString reads a string in brackets of a level, from the second bracket on;
// it is a comment if t is nil.
func (s *scanner) longString(level int, t *token) {
	s.save()
	if isNewline(s.cur) {
		s.newline()
	}
	for {
		switch {
		case s.cur == atEnd && t == nil:
			s.fail("unfinished long comment", tkEOS)
			return
		case s.cur == atEnd:
			s.fail("unfinished long string", tkEOS)
			return
		case s.cur == ']':
			if s.bracket() != level {
				continue
			}
			s.save()
			if t != nil {
				t.str = s.intern(s.buf[level+2 : len(s.buf)-level-2])
			}
			return
		case isNewline(s.cur):
			s.buf = append(s.buf, '\n')
			s.newline()
		default:
			s.run("]\r\n")
		}
		if t == nil {
			s.buf = s.buf[:0]
		}
	}
}

// run saves everything up to one of the characters in ends.
func (s *scanner) run(ends string) {
	rest := s.text[s.pos:]
	if i := strings.IndexAny(rest, ends); i >= 0 {
		rest = rest[:i]
	}
	s.buf = append(s.buf, rest...)
	s.seek(s.pos + len(rest))
}

// quoted reads a string in quotes.
func (s *scanner) quoted(t *token) {
	quote := s.cur
	ends := "\"\\\r\n"
	if quote == '\'' {
		ends = "'\\\r\n"
	}
	s.save()
	for s.cur != quote {
		switch {
		case s.cur == atEnd:
			s.fail("unfinished string", tkEOS)
			return
		case isNewline(s.cur):
			s.fail("unfinished string", tkString)
			return
		case s.cur == '\\':
			s.advance()
			if !s.escape() {
				return
			}
		default:
			s.run(ends)
		}
	}
	s.save()
	t.str = s.intern(s.buf[1 : len(s.buf)-1])
}

// escapes are what stands for a character that has a letter of its own.
var escapes = map[int]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// escape reads what follows a backslash, and reports false if it is wrong.
func (s *scanner) escape() bool {
	if c, ok := escapes[s.cur]; ok {
		s.buf = append(s.buf, c)
		s.advance()
		return true
	}
	switch {
	case s.cur == atEnd: // quoted reports it
	case isNewline(s.cur):
		s.buf = append(s.buf, '\n')
		s.newline()
	case !isDecimal(s.cur):
		s.save()
	default:
		c := 0
		for i := 0; i < 3 && isDecimal(s.cur); i++ {
			c = 10*c + s.cur - '0'
			s.advance()
		}
		if c > 255 {
			s.fail("escape sequence too large", tkString)
			return false
		}
		s.buf = append(s.buf, byte(c))
	}
	return true
}

// number reads a number, from its first digit on; a dot before it is in the
// buffer. More is taken for a part of it than can be, so that "3x" is no number
// and not a number and a name.
func (s *scanner) number(t *token) int {
	for isDecimal(s.cur) || s.cur == '.' {
		s.save()
	}
	if s.saveIf('e', 'E') {
		s.saveIf('+', '-')
	}
	for isLetter(s.cur) || isDecimal(s.cur) {
		s.save()
	}
	text, _, _ := strings.Cut(string(s.buf), "\x00")
	n, ok := ParseNumber(text)
	if !ok {
		s.fail("malformed number", tkNumber)
	}
	t.num = n
	return tkNumber
}
