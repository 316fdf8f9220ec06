package resp

import "bytes"

// errQuotes is the one way in which an inline command can be wrong.
const errQuotes ProtocolError = "Protocol error: unbalanced quotes in request"

// inline parses a command typed by hand, as over telnet: a line of words,
// which may be quoted.
func (p *Parser) inline(buf []byte, args [][]byte) ([][]byte, int, error) {
	line, found := p.line(buf, '\n', 0)
	if !found {
		return args, 0, p.tooLong(buf, "too big inline request")
	}
	n := len(line) + 1
	p.Reset()
	out, ok := SplitWords(args, bytes.TrimSuffix(line, []byte{'\r'}))
	if !ok {
		return args[:0], 0, errQuotes
	}
	return out, n, nil
}

// SplitWords appends the words of line to args, by the rules of Redis's
// sdssplitargs. It reports false if a quote isn't closed, or if something
// other than a space follows the closing one.
func SplitWords(args [][]byte, line []byte) ([][]byte, bool) {
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		start := i
		for i < len(line) && !endsWord(line[i]) {
			i++
		}
		word := line[start:i:i]
		if i < len(line) && isQuote(line[i]) {
			rest, n, ok := unquote(line[i:])
			if !ok {
				return args, false
			}
			word = append(word, rest...) // Copies: word has no room to spare.
			i += n
		}
		args = append(args, word)
	}
}

// unquote reads the quoted string that s starts with, and says how many bytes
// it took. A word ends with its quote.
func unquote(s []byte) (text []byte, n int, ok bool) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			i++
			return text, i, i == len(s) || isSpace(s[i])
		case s[i] != '\\' || i+1 == len(s):
			text = append(text, s[i])
		case quote == '"':
			c, used := unescape(s[i+1:])
			text = append(text, c)
			i += used
		case s[i+1] == '\'':
			text = append(text, '\'')
			i++
		default:
			text = append(text, '\\')
		}
	}
	return nil, 0, false
}

// unescape reads what follows a backslash inside double quotes, and says how
// many bytes it took.
func unescape(s []byte) (c byte, n int) {
	switch s[0] {
	case 'x':
		if len(s) >= 3 && isHex(s[1]) && isHex(s[2]) {
			return unhex(s[1])<<4 | unhex(s[2]), 3
		}
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isQuote(c byte) bool { return c == '"' || c == '\'' }

// endsWord leaves out vertical tab and form feed: Redis skips them before a
// word but takes them as part of one.
func endsWord(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || isQuote(c)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
