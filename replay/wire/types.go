package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// What comes from the other side is made into the types of this file, and the
// messages that are made of them, before anything else looks at it. Whoever has the
// password of a user for nodes can send anything to a node, and whoever answers at its
// address can send anything to others: a text is not what it should be until it has been
// looked at.

// Bounds of what the other side may send.
const (
	MaxJSON = 4 << 10 // a message that is JSON
	MaxName = 64      // of a node, an id, a token
	MaxHost = 253
	MaxURL  = 512
	MaxPass = 256
	MaxText = 512 // of an error
)

// Name is what a node calls itself, or an id or token that one has drawn: it
// stands in subjects, in INFO and in logs.
type Name string

func (n *Name) UnmarshalText(b []byte) error {
	if len(b) < 1 || len(b) > MaxName {
		return fmt.Errorf("a name of %d characters; want 1 to %d", len(b), MaxName)
	}
	for _, c := range b {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return fmt.Errorf("the name %q has other characters than letters, digits, - and _", b)
		}
	}
	*n = Name(b)
	return nil
}

// Hex is a lineage or a digest: 16 digits, as both are written everywhere.
type Hex uint64

func (h Hex) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(h)), nil }

func (h *Hex) UnmarshalText(b []byte) error {
	v, err := strconv.ParseUint(string(b), 16, 64)
	if err != nil || len(b) != 16 || strings.ToLower(string(b)) != string(b) {
		return fmt.Errorf("%q is not 16 digits of a hexadecimal number", Clip(string(b), MaxName))
	}
	*h = Hex(v)
	return nil
}

// Address is where Redis clients reach a node: host and port.
type Address string

func (a *Address) UnmarshalText(b []byte) error {
	if err := CheckAddress(string(b)); err != nil {
		return err
	}
	*a = Address(b)
	return nil
}

// CheckAddress reports what keeps a text from being the address that a replica
// says it is at: HOST:PORT, where HOST is an IP address or a name.
func CheckAddress(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("address %q: want HOST:PORT", Clip(s, MaxHost))
	}
	if err := CheckHost(host); err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not between 1 and 65535", Clip(port, MaxName))
	}
	return nil
}

// CheckHost reports what keeps a text from being an IP address or a host's name.
func CheckHost(s string) error {
	if len(s) < 1 || len(s) > MaxHost {
		return fmt.Errorf("a host of %d characters; want 1 to %d", len(s), MaxHost)
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			// Only an IP address may have others: those of IPv6, and a zone.
			if _, err := netip.ParseAddr(s); err != nil || strings.ContainsFunc(s, odd) {
				return fmt.Errorf("%q is neither an IP address nor a host's name", Clip(s, MaxHost))
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

// Clip makes a text of the other side's fit to be shown.
func Clip(s string, most int) string {
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

// Text is one line that can be printed, without spaces: it comes to stand in a
// file.
type Text string

func (t *Text) UnmarshalText(b []byte) error {
	if strings.ContainsFunc(string(b), func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return errors.New("a text with spaces or characters that can't be printed")
	}
	*t = Text(b)
	return nil
}

// NodeID is what a node is called in its cluster, and a shard by its journal's lineage.
type NodeID string

func (n *NodeID) UnmarshalText(b []byte) error {
	if len(b) != 40 || strings.Trim(string(b), "0123456789abcdef") != "" {
		return fmt.Errorf("%q is not 40 hexadecimal digits", Clip(string(b), MaxName))
	}
	*n = NodeID(b)
	return nil
}

// Host is where a node's clients go: an IP address or a name. "" is where the node was
// reached.
type Host string

func (h *Host) UnmarshalText(b []byte) error {
	if len(b) > 0 {
		if err := CheckHost(string(b)); err != nil {
			return err
		}
	}
	*h = Host(b)
	return nil
}

// CheckURL checks a URL at which a node is asked. It has no user in it: whoever asks has
// its own.
func CheckURL(at string) error {
	u, err := url.Parse(at)
	switch {
	case len(at) > MaxURL:
		return errors.New("nats is too long")
	case err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil:
		return errors.New("nats is not nats://HOST:PORT or tls://HOST:PORT")
	}
	return nil
}
