package client

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"

	"ledge/respd/command"
)

// Other protocols come to this port by mistake, or because somebody has a browser
// send them: a body that is lines of text would be run as inline commands. So a
// connection is closed at the opening of another protocol, with no answer, and
// nothing after the opening is run. What Redis takes for a command is never an
// opening, with the exceptions that shared names.

// openingBytes returns the protocol that input which is no RESP begins as, going
// by its first bytes, or "". No command begins with a byte that isn't text.
func openingBytes(in []byte) string {
	if len(in) < 2 {
		return ""
	}
	switch first := in[0]; {
	case first == 0x16 && in[1] == 0x03:
		return "TLS"
	case bytes.HasPrefix(in, []byte("SSH-")):
		return "SSH"
	case bytes.HasPrefix(in, []byte("AMQP\x00")):
		return "AMQP"
	case bytes.HasPrefix(in, []byte("CONNECT {")):
		return "NATS"
	case first < ' ' && (first < '\t' || first > '\r'), first >= 0x7f && first < 0xc0, first > 0xf4:
		return "binary"
	}
	return ""
}

// openingCommand returns the protocol that a command is the opening of, or "".
// known says that it could be run as a command of ours, typed that it is a line
// and not an array.
func openingCommand(args command.Args, known, typed bool) string {
	name := args[0]
	if !known {
		switch {
		case bytes.EqualFold(name, []byte("post")), len(name) >= 5 && bytes.EqualFold(name[:5], []byte("host:")),
			bytes.HasPrefix(name, []byte("HTTP/")):
			return "HTTP"
		case !typed:
			return ""
		case len(args) == 1 && (bytes.Equal(name, []byte("CONNECT")) || bytes.Equal(name, []byte("STOMP"))):
			return "STOMP"
		}
	}
	if !typed {
		return ""
	}
	if p := requestLine(args); p != "" && (!known || sharedMethod(args)) {
		return p
	}
	if storesInMemcached(args) {
		return "memcached"
	}
	return ""
}

// requestLine returns the protocol of a line like "GET / HTTP/1.1", or "".
func requestLine(args command.Args) string {
	if len(args) < 2 {
		return ""
	}
	name, version, ok := strings.Cut(args.Str(len(args)-1), "/")
	if !ok || version == "" || strings.Trim(version, "0123456789.") != "" || !slices.Contains(requests, name) {
		return ""
	}
	return name
}

// requests are the protocols whose requests begin with such a line.
var requests = []string{"HTTP", "RTSP", "SIP", "ICAP"}

// sharedMethods are methods of those that are commands of ours, too, which take
// what stands in such a line. Such a line is no command only if it names what
// those name.
var sharedMethods = []string{"COPY", "MOVE", "UNLINK", "SUBSCRIBE", "UNSUBSCRIBE", "PUBLISH", "LINK", "SEARCH"}

func sharedMethod(args command.Args) bool {
	target := args.Str(1)
	return len(args) == 3 && slices.Contains(sharedMethods, args.Str(0)) &&
		(strings.HasPrefix(target, "/") || target == "*" || strings.Contains(target, ":"))
}

// storesInMemcached reports whether a line announces a value in memcached's
// protocol, "set key 0 0 5", whose next line would be taken for a command. In
// Redis no such line is one: SET has no options that are numbers.
func storesInMemcached(args command.Args) bool {
	if len(args) < 5 || len(args) > 7 || !slices.Contains(memcachedStores, strings.ToLower(args.Str(0))) {
		return false
	}
	for _, n := range args[2:5] {
		if len(n) == 0 || len(bytes.Trim(n, "-0123456789")) > 0 {
			return false
		}
	}
	return true
}

var memcachedStores = []string{"set", "add", "replace", "append", "prepend", "cas"}

// isForeign looks at the command that has just been resolved, and reports whether
// the connection ends because it is the opening of another protocol.
func (c *Conn) isForeign(typed bool) bool {
	if c.cmd.err == nil && !typed {
		return false
	}
	protocol := openingCommand(c.cmd.args, c.cmd.err == nil, typed)
	if protocol == "" {
		return false
	}
	c.turnOff(protocol)
	return true
}

// turnOff ends a connection that speaks another protocol, once what it was
// answered before has been sent.
func (c *Conn) turnOff(protocol string) {
	c.at, c.cmd = len(c.in), parsed{}
	c.sess.Quit = true
	if c.foreign {
		return // it is only seen again, after a write that has failed
	}
	c.foreign = true
	c.shared.Stats.Foreign.Add(1)
	c.shared.Log.Add(slog.LevelWarn, "client closed: it speaks another protocol", "client", c.sess.Addr, "protocol", protocol)
}
