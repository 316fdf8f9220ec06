package lua

import (
	"fmt"
	"strings"
)

// SyntaxError is what is wrong with a chunk, worded as Lua words it.
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string { return e.Text }

// Compile turns a chunk into code. name is as in lua_load: "@file", "=name", or
// the text itself. Errors are *SyntaxError.
//
// It goes over the text once. What it takes is linear in the length of the text,
// and how deep the text may nest is bounded.
func Compile(text, name string) (*Proto, error) { return compile(text, name, 0) }

// Compile is Compile for a script that compiles a text: the calls that it is
// nested in count as levels of the text.
func (L *Thread) Compile(text, name string) (*Proto, error) { return compile(text, name, L.nested) }

// compile is Compile from within depth calls that nest like C's: the deeper
// they are, the less deep the text may nest.
func compile(text, name string, depth int) (*Proto, error) {
	p := &parser{depth: depth, vars: map[string]*variable{}}
	p.scanner.open(text, name)
	return p.whole()
}

// whole compiles the text as a function.
func (p *parser) whole() (*Proto, error) {
	f := p.openFunction(0)
	f.proto.IsVararg = true
	p.next()
	p.chunk()
	p.check(tkEOS)
	p.closeFunction()
	if p.err != nil {
		return nil, p.err
	}
	return f.proto, nil
}

// idSize is how long a chunk's name may be in messages, with a byte for C's end
// of a string.
const (
	idSize     = 60
	syntaxSize = 80 // in what is said of a text that is no Lua
)

// ChunkID is a chunk's name as messages show it: "user_script" for
// "@user_script", `[string "x"]` for a text.
func ChunkID(name string) string { return chunkID(name, idSize) }

func chunkID(name string, size int) string {
	// Names are C strings.
	if i := strings.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	switch {
	case strings.HasPrefix(name, "="):
		name = name[1:]
		return name[:min(len(name), size-1)]
	case strings.HasPrefix(name, "@"):
		room := size - len(" '...' \x00")
		name = name[1:]
		if len(name) > room {
			return "..." + name[len(name)-room:]
		}
		return name
	}
	room := size - len(" [string \"...\"] \x00")
	line := name
	if i := strings.IndexAny(line, "\n\r"); i >= 0 {
		line = line[:i]
	}
	line = line[:min(len(line), room)]
	if len(line) < len(name) {
		line += "..."
	}
	return `[string "` + line + `"]`
}

// fail notes what is wrong and where. near is the token to name, or 0. The first
// error stays. After it there is nothing more to read, so that the parser comes
// to its end by itself; what code is made until then is thrown away.
func (s *scanner) fail(text string, near int) {
	if s.err != nil {
		return
	}
	text = fmt.Sprintf("%s:%d: %s", chunkID(s.name, syntaxSize), s.line, text)
	if near != 0 {
		text += " near '" + s.nearText(near) + "'"
	}
	s.failPlain(text)
}

// failPlain is fail for what Lua reports without a place.
func (s *scanner) failPlain(text string) {
	if s.err == nil {
		s.err = &SyntaxError{text}
	}
	s.pos, s.cur = len(s.text), atEnd
	s.tok, s.ahead = token{kind: tkEOS}, token{kind: tkEOS}
}

// syntaxError is fail at the token that is being looked at.
func (s *scanner) syntaxError(text string) { s.fail(text, s.tok.kind) }

// nearText is a token as messages show it: what was read of a name, a string or
// a number, up to a zero byte.
func (s *scanner) nearText(kind int) string {
	switch kind {
	case tkName, tkString, tkNumber:
		text, _, _ := strings.Cut(string(s.buf), "\x00")
		return text
	}
	return tokenName(kind)
}

func tokenName(kind int) string {
	switch {
	case kind >= firstWord:
		return tokenNames[kind-firstWord]
	case kind < ' ' || kind == 0x7f:
		return fmt.Sprintf("char(%d)", kind)
	}
	return string([]byte{byte(kind)})
}
