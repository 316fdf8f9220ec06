package resp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// What a Reader accepts. A reply can't be deeper or longer, whatever its
// headers claim, and memory is taken only for bytes that have arrived.
const (
	maxDepth     = 128
	maxElems     = 1 << 26
	maxReplyBulk = DefaultMaxBulk
	maxReplyLine = 1 << 20

	// readAhead is what is allocated on a header's word alone.
	readAhead = 64 << 10
)

// Reader reads replies, RESP2 and RESP3 alike, for clients: tests and the
// command line. Attributes are skipped; streamed strings and aggregates,
// which Redis never sends, are refused. It isn't safe for concurrent use.
type Reader struct {
	r *bufio.Reader
}

// NewReader returns a Reader of r, which nobody else may read meanwhile.
func NewReader(r *bufio.Reader) *Reader { return &Reader{r: r} }

// ReadValue reads one reply. The error is io.EOF only if the stream ends
// between replies, io.ErrUnexpectedEOF if it ends inside one, and a
// ProtocolError if what arrived isn't RESP. An error reply isn't an error
// here: it is a Value.
func (r *Reader) ReadValue() (Value, error) {
	if _, err := r.r.Peek(1); err != nil {
		return Value{}, err
	}
	v, err := r.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

func (r *Reader) value(depth int) (Value, error) {
	if depth > maxDepth {
		return Value{}, malformed("nested too deep", nil)
	}
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, malformed("empty line", nil)
	}
	mark, rest := line[0], line[1:]
	switch mark {
	case '*', '~', '%', '>', '|':
		return r.aggregate(mark, rest, depth)
	case '$', '!', '=':
		return r.blob(mark, rest)
	}
	return scalar(mark, rest)
}

// scalar is a reply that is one line.
func scalar(mark byte, rest []byte) (Value, error) {
	switch mark {
	case '+':
		return Simple(string(rest)), nil
	case '-':
		return Err(Error(rest)), nil
	case ':':
		// Redis writes integers plainly; the specification allows a plus.
		n, err := strconv.ParseInt(string(rest), 10, 64)
		if err != nil {
			return Value{}, malformed("bad integer", rest)
		}
		return Int(n), nil
	case '_':
		if len(rest) == 0 {
			return Nil, nil
		}
	case '#':
		if string(rest) == "t" || string(rest) == "f" {
			return Bool(rest[0] == 't'), nil
		}
	case ',':
		// C may print a NaN with its sign, which Go doesn't read.
		text := strings.Replace(string(rest), "-nan", "nan", 1)
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return Value{}, malformed("bad double", rest)
		}
		return Double(f), nil
	case '(':
		if !isBigNumber(rest) {
			return Value{}, malformed("bad big number", rest)
		}
		return BigNumber(string(rest)), nil
	}
	return Value{}, malformed("bad reply", append([]byte{mark}, rest...))
}

// blob is a reply with a length, then that many bytes.
func (r *Reader) blob(mark byte, rest []byte) (Value, error) {
	n, ok := parseNumber(rest)
	if ok && n == -1 && mark == '$' {
		return Nil, nil
	}
	if !ok || n < 0 || n > maxReplyBulk {
		return Value{}, malformed("bad bulk length", rest)
	}
	data, err := r.take(n)
	if err != nil {
		return Value{}, err
	}
	switch mark {
	case '!':
		return Err(Error(data)), nil
	case '=':
		if len(data) < 4 || data[3] != ':' {
			return Value{}, malformed("verbatim string without a format", nil)
		}
		return Verbatim(string(data[:3]), string(data[4:])), nil
	}
	return Bytes(data), nil
}

// aggregate is a reply with a length, then that many replies or pairs.
func (r *Reader) aggregate(mark byte, rest []byte, depth int) (Value, error) {
	n, ok := parseNumber(rest)
	if ok && n == -1 && mark == '*' {
		return NilArray, nil
	}
	if !ok || n < 0 || n > maxElems {
		return Value{}, malformed("bad aggregate length", rest)
	}
	if mark == '%' || mark == '|' {
		n *= 2
	}
	vs := make([]Value, 0, min(n, 1024))
	for range n {
		v, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		vs = append(vs, v)
	}
	switch mark {
	case '~':
		return Set(vs...), nil
	case '%':
		return Map(vs...), nil
	case '>':
		return Push(vs...), nil
	case '|':
		return r.value(depth + 1) // What the attribute is about.
	}
	return Array(vs...), nil
}

// line reads up to CR LF, which it leaves out. The result holds until the
// next read.
func (r *Reader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.longLine(bytes.Clone(line))
	}
	if err != nil {
		return nil, err
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, malformed("line without CR LF", line)
	}
	return line, nil
}

// longLine reads the rest of a line that the buffer is too small for.
func (r *Reader) longLine(line []byte) ([]byte, error) {
	for len(line) <= maxReplyLine {
		more, err := r.r.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
	return nil, malformed("line too long", nil)
}

// take reads n bytes and the CR LF after them.
func (r *Reader) take(n int) ([]byte, error) {
	n += len("\r\n")
	data := make([]byte, min(n, readAhead))
	for read := 0; read < n; {
		if read == len(data) { // as much again as has arrived
			data = append(data, make([]byte, min(read, n-read))...)
		}
		m, err := io.ReadFull(r.r, data[read:])
		if err != nil {
			return nil, err
		}
		read += m
	}
	text, ok := bytes.CutSuffix(data, []byte("\r\n"))
	if !ok {
		return nil, malformed("bulk without CR LF", nil)
	}
	return text, nil
}

func isBigNumber(s []byte) bool {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}

// malformed quotes what of the reply was wrong, as far as it is short.
func malformed(why string, what []byte) error {
	text := "Protocol error: " + why
	if what != nil {
		text += " " + strconv.Quote(string(what[:min(len(what), 64)]))
	}
	return ProtocolError(text)
}
