package lua

// The kinds of tokens. Those of one character are that character.
const (
	firstWord = 257 + iota
	tkBreak
	tkDo
	tkElse
	tkElseif
	tkEnd
	tkFalse
	tkFor
	tkFunction
	tkIf
	tkIn
	tkLocal
	tkNil
	tkNot
	tkOr
	tkRepeat
	tkReturn
	tkThen
	tkTrue
	tkUntil
	tkWhile
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkNumber
	tkName
	tkString
	tkEOS

	tkAnd    = firstWord
	lastWord = tkWhile
)

// tokenNames are the tokens as messages show them, from firstWord on.
var tokenNames = [...]string{
	"and", "break", "do", "else", "elseif", "end", "false", "for", "function",
	"if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true",
	"until", "while", "..", "...", "==", ">=", "<=", "~=", "<number>", "<name>",
	"<string>", "<eof>",
}

// words are the tokens that would be names otherwise.
var words = func() map[string]int {
	m := map[string]int{}
	for kind := firstWord; kind <= lastWord; kind++ {
		m[tokenNames[kind-firstWord]] = kind
	}
	return m
}()

// token is a token and what it says.
type token struct {
	kind int
	num  float64 // of tkNumber
	str  Value   // of tkName and tkString
}

// atEnd is the character after the last one.
const atEnd = -1

// scanner cuts a text into tokens.
type scanner struct {
	name string
	text string
	pos  int // of cur
	cur  int // the character that is looked at, or atEnd

	line     int   // of cur
	lastLine int   // of the token before tok
	tok      token // the token that is looked at
	ahead    token // the one after it, or tkEOS if it has not been read

	buf     []byte           // the token as it was read, for messages
	strings map[string]Value // each string once, whatever uses it
	err     error            // what is wrong with the text

	// read returns the next part of a text that is read part by part; all is
	// what it has returned, which text is, too.
	read func() (string, error)
	all  []byte
}

func (s *scanner) open(text, name string) {
	s.text, s.name = text, name
	s.line, s.lastLine = 1, 1
	s.ahead.kind = tkEOS
	s.strings = map[string]Value{}
	s.seek(0)
}

// seek makes the character at pos the one that is looked at.
func (s *scanner) seek(pos int) {
	if pos >= len(s.text) && !s.more() {
		s.pos, s.cur = len(s.text), atEnd
		return
	}
	s.pos, s.cur = pos, int(s.text[pos])
}

func (s *scanner) advance() { s.seek(s.pos + 1) }

// save keeps the character and goes on to the next.
func (s *scanner) save() {
	if s.cur != atEnd {
		s.buf = append(s.buf, byte(s.cur))
	}
	s.advance()
}

// saveIf is save if the character is one of a and b. A zero byte is taken for
// either: C's strchr finds it at the end of any set.
func (s *scanner) saveIf(a, b int) bool {
	if s.cur != a && s.cur != b && s.cur != 0 {
		return false
	}
	s.save()
	return true
}

// newline goes over the end of a line, which may be of two characters.
func (s *scanner) newline() {
	first := s.cur
	s.advance()
	if isNewline(s.cur) && s.cur != first {
		s.advance()
	}
	s.line++
}

// next goes on to the next token.
func (s *scanner) next() {
	s.lastLine = s.line
	if s.ahead.kind != tkEOS {
		s.tok, s.ahead.kind = s.ahead, tkEOS
		return
	}
	s.scan(&s.tok)
}

// look reads the token after the one that is looked at.
func (s *scanner) look() int {
	s.scan(&s.ahead)
	return s.ahead.kind
}

// scan reads a token into t.
func (s *scanner) scan(t *token) {
	s.buf = s.buf[:0]
	kind := s.scanToken(t)
	if s.err != nil {
		kind = tkEOS
	}
	t.kind = kind
}

func (s *scanner) scanToken(t *token) int {
	for {
		switch c := s.cur; {
		case c == atEnd:
			return tkEOS
		case isNewline(c):
			s.newline()
		case isSpace(c):
			s.advance()
		case c == '-':
			s.advance()
			if s.cur != '-' {
				return '-'
			}
			s.comment()
		case isLetter(c):
			return s.word(t)
		case isDecimal(c):
			return s.number(t)
		default:
			return s.sign(t)
		}
	}
}

// sign reads a token that begins with neither a letter nor a digit.
func (s *scanner) sign(t *token) int {
	c := s.cur
	switch c {
	case '[':
		level := s.bracket()
		switch {
		case level >= 0:
			s.longString(level, t)
			return tkString
		case level == -1:
			return '['
		}
		s.fail("invalid long string delimiter", tkString)
	case '=', '<', '>', '~':
		s.advance()
		if s.cur != '=' {
			return c
		}
		s.advance()
		return withEquals(c)
	case '"', '\'':
		s.quoted(t)
		return tkString
	case '.':
		s.save()
		switch {
		case s.saveIf('.', '.'):
			if s.saveIf('.', '.') {
				return tkDots
			}
			return tkConcat
		case isDecimal(s.cur):
			return s.number(t)
		}
		return '.'
	}
	s.advance()
	return c
}

// withEquals is the token of a character and "=".
func withEquals(c int) int {
	switch c {
	case '<':
		return tkLe
	case '>':
		return tkGe
	case '~':
		return tkNe
	}
	return tkEq
}

func (s *scanner) word(t *token) int {
	end := s.pos + 1
	for (end < len(s.text) || s.more()) && (isLetter(int(s.text[end])) || isDecimal(int(s.text[end]))) {
		end++
	}
	text := s.text[s.pos:end]
	s.buf = append(s.buf, text...)
	s.seek(end)
	if kind, ok := words[text]; ok {
		return kind
	}
	t.str = s.intern(s.buf)
	return tkName
}

// intern returns a string that shares no memory with the text, which may be
// large.
func (s *scanner) intern(b []byte) Value {
	v, ok := s.strings[string(b)]
	if !ok {
		v = Shared(string(b))
		s.strings[v.Str()] = v
	}
	return v
}

func isNewline(c int) bool { return c == '\n' || c == '\r' }
func isSpace(c int) bool   { return c == ' ' || c >= '\t' && c <= '\r' }
func isDecimal(c int) bool { return c >= '0' && c <= '9' }
func isLetter(c int) bool  { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
