package wire

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"

	"ledge/journal"
	"ledge/journal/fault"
)

// The broker's library makes room for a message as soon as its length is
// announced, whatever that is: a leader that announced an exabyte would end the
// replica's process. It also has no bound for a line that does not end.

// Bounds of what a leader may announce.
const (
	maxMessage = journal.MaxFrame + 64<<10 // what a broker of ours takes
	maxLine    = 64 << 10                  // INFO can be long
)

// guarded is a connection to a broker that ends when the broker announces more
// than it may. It reads along: lines, and after those that announce a message so
// many bytes. What goes through a connection with TLS is left alone: who is at its
// other end has been verified.
type guarded struct {
	net.Conn
	line   []byte // the beginning of one that has not ended
	skip   int64  // bytes of a message that are still to come
	passes bool   // TLS has begun
}

// Write notices the beginning of TLS. The library does not write beside Read then.
func (g *guarded) Write(b []byte) (int, error) {
	const tlsHandshake = 0x16
	if len(b) > 0 && b[0] == tlsHandshake {
		g.passes = true
	}
	return g.Conn.Write(b)
}

// Read hands on what has come if that is within the bounds.
func (g *guarded) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if n > 0 && !g.passes {
		if bad := g.see(b[:n]); bad != nil {
			return 0, fault.As(fault.Retryable, "read", bad)
		}
	}
	return n, err
}

// see follows what has come.
func (g *guarded) see(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, int64(len(b)))
			g.skip, b = g.skip-n, b[n:]
			continue
		}
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if len(g.line)+len(part) > maxLine {
			return fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		line := part
		if len(g.line) > 0 || end < 0 {
			g.line = append(g.line, part...)
			line = g.line
		}
		if end < 0 {
			return nil
		}
		size, err := announced(line)
		if err != nil {
			return err
		}
		g.line, g.skip, b = g.line[:0], size, b[end+1:]
	}
	return nil
}

// announced returns how many bytes come after a line: those of a message, and the
// end of its line.
func announced(line []byte) (int64, error) {
	if len(line) == 0 || line[0]|0x20 != 'm' && line[0]|0x20 != 'h' {
		return 0, nil // most lines are of messages; the others are short
	}
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return 0, nil
	}
	var sizes [][]byte
	switch op := strings.ToUpper(string(fields[0])); {
	case op == "MSG" && len(fields) >= 4:
		sizes = fields[len(fields)-1:]
	case op == "HMSG" && len(fields) >= 5:
		sizes = fields[len(fields)-2:]
	default:
		return 0, fmt.Errorf("the line %q", Clip(string(line), MaxName))
	}
	var size int64
	for _, f := range sizes {
		n, err := strconv.ParseUint(string(f), 10, 63)
		if err != nil || n > maxMessage || int64(n) < size {
			return 0, fmt.Errorf("a message of %s bytes, where %d are the most", Clip(string(f), MaxName), int64(maxMessage))
		}
		size = int64(n)
	}
	return size + 2, nil
}
