package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"ledge/journal/fault"
)

// How long Probe waits for a connection, for a greeting, and for an answer. Whoever
// calls has a client waiting.
const (
	probeConnect  = 500 * time.Millisecond
	probeGreeting = 500 * time.Millisecond
	probeAnswer   = 300 * time.Millisecond
)

// Probe looks what answers at a leader's URL, and is Refused by what can't be a
// leader: a server that speaks Redis's protocol, as a ledge does at its other port, or
// HTTP, or whatever doesn't begin as NATS does; and a name that there isn't. A host
// that can't be reached or says nothing may be a leader yet, so it is none's fault.
func Probe(ctx context.Context, leader string) error {
	u, err := url.Parse(leader)
	if err != nil {
		return fault.As(fault.Refused, "look at the leader", errors.New("it has no URL"))
	}
	ctx, cancel := context.WithTimeout(ctx, probeConnect)
	defer cancel()
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", u.Host)
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fault.With(fault.Refused, fmt.Errorf("ERR there is no host %q; name the leader's NATS address, nats://HOST:PORT", u.Hostname()))
	case err != nil:
		return nil
	}
	defer nc.Close()
	if found := greeting(nc); found != "" {
		return fault.With(fault.Refused, fmt.Errorf("ERR at %s %s; name the leader's NATS address, which ledge status shows there (port 4222 unless told)",
			u.Host, found))
	}
	return nil
}

// greeting says what is at the other end of a connection, or nothing if it may be a
// NATS server.
func greeting(nc net.Conn) (found string) {
	b := hear(nc, probeGreeting)
	if len(b) == 0 {
		// Redis says nothing unless asked, and an HTTP server takes this for a request
		// that is none. A NATS server has greeted by then.
		if _, err := nc.Write([]byte("PING\r\n\r\n")); err != nil {
			return ""
		}
		b = hear(nc, probeAnswer)
	}
	switch {
	case len(b) == 0 || bytes.HasPrefix(b, []byte("INFO ")):
		return ""
	case bytes.HasPrefix(b, []byte("+PONG")), bytes.HasPrefix(b, []byte("-")):
		return "is a server that speaks Redis's protocol, and no NATS"
	case bytes.HasPrefix(b, []byte("HTTP/")):
		return "is an HTTP server"
	case b[0] == 0x15: // an alert
		return "is a server that speaks TLS at once, as NATS does not"
	}
	return fmt.Sprintf("is a server that begins with %q, as NATS does not", b[:min(len(b), 16)])
}

// hear returns what comes first within a time, as far as is needed to tell what it is.
func hear(nc net.Conn, within time.Duration) []byte {
	b := make([]byte, 64)
	_ = nc.SetReadDeadline(time.Now().Add(within)) // a read that fails then says nothing
	n, _ := nc.Read(b)
	return b[:n]
}
