package remote

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"ledge/replay/standing"
)

// What comes from the other side is made into the types of this file, and the
// messages of messages.go, before anything else looks at it. Whoever has the
// password of the user replica can send anything to a leader, and whoever answers
// at a leader's address can send anything to a replica: a text is not what it
// should be until it has been looked at.

// Bounds of what the other side may send.
const (
	maxJSON  = 4 << 10 // a message that is JSON
	maxName  = 64      // of a node, an id, a token
	maxHost  = 253
	maxURL   = 512
	maxPass  = 256
	maxText  = 512 // of an error
	minChunk = 4 << 10
	maxChunk = 4 << 20
)

// name is what a node calls itself, or an id or token that one has drawn: it
// stands in subjects, in INFO and in logs.
type name string

func (n *name) UnmarshalText(b []byte) error {
	if len(b) < 1 || len(b) > maxName {
		return fmt.Errorf("a name of %d characters; want 1 to %d", len(b), maxName)
	}
	for _, c := range b {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return fmt.Errorf("the name %q has other characters than letters, digits, - and _", b)
		}
	}
	*n = name(b)
	return nil
}

// hex is a lineage or a digest: 16 digits, as both are written everywhere.
type hex uint64

func (h hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

func (h *hex) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 || strings.ToLower(string(b)) != string(b) {
		return fmt.Errorf("%q is not 16 digits of a hexadecimal number", clip(string(b), maxName))
	}
	*h = hex(v)
	return nil
}

// address is where Redis clients reach a node: host and port.
type address string

func (a *address) UnmarshalText(b []byte) error {
	if err := CheckAddress(string(b)); err != nil {
		return err
	}
	*a = address(b)
	return nil
}

// CheckAddress reports what keeps a text from being the address that a replica
// says it is at: HOST:PORT, where HOST is an IP address or a name.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("address %q: want HOST:PORT", clip(s, maxHost))
	}
	if err := CheckHost(host); err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not between 1 and 65535", clip(port, maxName))
	}
	return nil
}

// CheckHost reports what keeps a text from being an IP address or a host's name.
func CheckHost(s string) error {
	if len(s) < 1 || len(s) > maxHost {
		return fmt.Errorf("a host of %d characters; want 1 to %d", len(s), maxHost)
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			// Only an IP address may have others: those of IPv6, and a zone.
			if _, err := netip.ParseAddr(s); err != nil || strings.ContainsFunc(s, odd) {
				return fmt.Errorf("%q is neither an IP address nor a host's name", clip(s, maxHost))
			}
			break
		}
	}
	return nil
}

// odd reports what may not stand in INFO's fields or a log's line, which a zone of
// an IPv6 address could.
func odd(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' || r == ',' || r == '='
}

// start is where a replica's journal is to go on.
type start string

const (
	startTail     start = "tail"     // after its position
	startBegin    start = "begin"    // with number 1, in a new journal
	startSnapshot start = "snapshot" // after a snapshot, in a new journal
)

func (s *start) UnmarshalText(b []byte) error {
	switch v := start(b); v {
	case startTail, startBegin, startSnapshot:
		*s = v
		return nil
	}
	return fmt.Errorf("start %q is none of tail, begin, snapshot", clip(string(b), maxName))
}

// linkState is a state of a link by its name.
type linkState struct{ standing.LinkState }

func (s linkState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *linkState) UnmarshalText(b []byte) error {
	for v := standing.LinkConnecting; v <= standing.LinkFailed; v++ {
		if v.String() == string(b) {
			s.LinkState = v
			return nil
		}
	}
	return fmt.Errorf("state %q is none of a link's", clip(string(b), maxName))
}

// clip makes a text of the other side's fit to be shown.
func clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}

// text is one line that can be printed, without spaces: it comes to stand in a
// file.
type text string

func (t *text) UnmarshalText(b []byte) error {
	if strings.ContainsFunc(string(b), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return errors.New("a text with spaces or characters that can't be printed")
	}
	*t = text(b)
	return nil
}
