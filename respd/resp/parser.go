package resp

import (
	"bytes"
	"unsafe"
)

// The limits a zero Parser has. Those before authentication are Redis's and
// can't be changed: a stranger must not make the server hold much.
const (
	DefaultMaxBulk   = 512 << 20
	DefaultMaxArgs   = 1 << 20
	DefaultMaxInline = 64 << 10

	maxArgsUnauthed = 10
	maxBulkUnauthed = 16384
)

// keepSpans is how many argument places a Parser keeps between commands; one
// giant MSET mustn't cost its memory for the life of the connection.
const keepSpans = 1024

// Parser finds commands in bytes that arrive in pieces. It remembers how far
// it has come in a command that is still incomplete, so no byte is looked at
// twice. The zero Parser is ready for use. It isn't safe for concurrent use.
type Parser struct {
	// MaxBulk is the longest argument (proto-max-bulk-len); 0 is 512 MiB.
	MaxBulk int
	// MaxArgs is the most arguments, the command's name included; 0 is 2^20.
	MaxArgs int
	// MaxInline is the longest line: an inline command, or the header of an
	// argument; 0 is 64 KiB.
	MaxInline int
	// Authed lifts the limits for clients that haven't authenticated. The
	// owner sets it between calls; while it is false, the owner should run
	// each command before parsing the next, which may come after an AUTH.
	Authed bool

	pos    int    // Where in buf the parser goes on.
	seen   int    // No line end before this; 0 or > pos.
	left   int    // Arguments still to come; 0 between commands.
	inBulk bool   // The header of an argument is read, its bytes aren't.
	bulk   int    // Their number.
	spans  []span // The arguments found so far.
}

// span is a place in buf. An index survives when the caller moves the bytes
// to a larger buffer.
type span struct{ start, end int }

// Next parses one command from the start of buf.
//
// It returns the arguments, appended to args[:0], and how many bytes of buf
// they took. The arguments are slices of buf (inline ones with quotes aside)
// and hold until buf changes. With n == 0 and no error more bytes are needed:
// the next call must pass the same bytes from the same start, and more after
// them; the buffer may have moved. An empty command (a blank line, "*0")
// takes bytes but returns no arguments.
//
// An error is a ProtocolError, and final: answer it, then hang up.
func (p *Parser) Next(buf []byte, args [][]byte) (out [][]byte, n int, err error) {
	args = args[:0]
	if p.left == 0 {
		if len(buf) == 0 {
			return args, 0, nil
		}
		if buf[0] != '*' {
			return p.inline(buf, args)
		}
		ok, err := p.start(buf)
		if !ok {
			return args, 0, err
		}
	}
	for p.left > 0 {
		if !p.inBulk {
			if ok, err := p.header(buf); !ok {
				return args, 0, err
			}
		}
		// The two bytes after an argument are skipped unseen, as in Redis.
		end := p.pos + p.bulk
		if len(buf) < end+2 {
			return args, 0, nil
		}
		p.spans = append(p.spans, span{p.pos, end})
		p.pos, p.inBulk = end+2, false
		p.left--
	}
	for _, s := range p.spans {
		args = append(args, buf[s.start:s.end:s.end])
	}
	n = p.pos
	p.Reset()
	return args, n, nil
}

// Want is the length buf needs before Next can complete the argument it is
// in, so that the caller can grow its buffer once; 0 if it isn't in one. It
// is what the client claims, at most MaxBulk more than has arrived.
func (p *Parser) Want() int {
	if !p.inBulk {
		return 0
	}
	return p.pos + p.bulk + 2
}

// Held is how many bytes the parser has taken for the command that it is in.
func (p *Parser) Held() int {
	if cap(p.spans) <= keepSpans {
		return 0
	}
	return cap(p.spans) * int(unsafe.Sizeof(span{}))
}

// Reset forgets an incomplete command, so that the next call may pass bytes
// of another. The limits stay.
func (p *Parser) Reset() {
	p.pos, p.seen, p.left, p.inBulk = 0, 0, 0, false
	p.spans = p.spans[:0]
	if cap(p.spans) > keepSpans {
		p.spans = nil
	}
}

// start reads the number of arguments. It reports false if that isn't
// complete or isn't right.
func (p *Parser) start(buf []byte) (bool, error) {
	count, end, ok := shortNumber(buf, 0)
	if !ok {
		line, found := p.line(buf, '\r', 1)
		if !found {
			return false, p.tooLong(buf, "too big mbulk count string")
		}
		if count, ok = parseNumber(line[1:]); !ok {
			return false, ProtocolError("Protocol error: invalid multibulk length")
		}
		end = len(line) + 2
	}
	if count > limit(p.MaxArgs, DefaultMaxArgs) {
		return false, ProtocolError("Protocol error: invalid multibulk length")
	}
	if count > maxArgsUnauthed && !p.Authed {
		return false, ProtocolError("Protocol error: unauthenticated multibulk length")
	}
	p.pos, p.seen, p.left = end, 0, max(count, 0)
	return true, nil
}

// header reads the length of the next argument. It reports false if that
// isn't complete or isn't right.
func (p *Parser) header(buf []byte) (bool, error) {
	size, end, ok := shortNumber(buf, p.pos)
	if !ok || buf[p.pos] != '$' {
		line, found := p.line(buf, '\r', 1)
		if !found {
			return false, p.tooLong(buf, "too big bulk count string")
		}
		if first := buf[p.pos]; first != '$' {
			return false, ProtocolError("Protocol error: expected '$', got '" +
				string([]byte{first}) + "'")
		}
		if size, ok = parseNumber(line[1:]); !ok {
			return false, ProtocolError("Protocol error: invalid bulk length")
		}
		end = p.pos + len(line) + 2
	}
	if size < 0 || size > limit(p.MaxBulk, DefaultMaxBulk) {
		return false, ProtocolError("Protocol error: invalid bulk length")
	}
	if size > maxBulkUnauthed && !p.Authed {
		return false, ProtocolError("Protocol error: unauthenticated bulk length")
	}
	p.pos, p.seen, p.inBulk, p.bulk = end, 0, true, size
	return true, nil
}

// line returns the bytes from p.pos to the next end byte, if that and tail
// more bytes after it are there. A line longer than MaxInline isn't found
// even if it is there, so that it matters not how the bytes arrive.
func (p *Parser) line(buf []byte, end byte, tail int) ([]byte, bool) {
	from := max(p.pos, p.seen)
	i := bytes.IndexByte(buf[from:], end)
	if i < 0 {
		p.seen = len(buf)
		return nil, false
	}
	p.seen = from + i
	if p.seen-p.pos > limit(p.MaxInline, DefaultMaxInline) || p.seen+tail >= len(buf) {
		return nil, false
	}
	return buf[p.pos:p.seen], true
}

// tooLong is the error why, if line found no end for that reason, and nil if
// more bytes may mend it.
func (p *Parser) tooLong(buf []byte, why string) error {
	if p.seen-p.pos > limit(p.MaxInline, DefaultMaxInline) {
		return ProtocolError("Protocol error: " + why)
	}
	return nil
}

// limit is n, or def for the zero a caller left.
func limit(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
