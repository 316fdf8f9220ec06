// Package greeting tells what answers at an address where a NATS server should: that
// says who it is before it is asked, and most others wait.
package greeting

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"time"
)

// How long Of waits for a greeting, and for an answer.
const (
	forGreeting = 500 * time.Millisecond
	forAnswer   = time.Second
)

// Enough is how many of the first bytes tell who speaks.
const Enough = 64

// Of says what is at the other end of a connection that nothing has been read of, in
// words that follow its name: "is a server that speaks …". It is "" if that may be a
// NATS server, or says nothing. The connection is of no more use after that.
func Of(ctx context.Context, nc net.Conn) string {
	defer context.AfterFunc(ctx, func() { nc.Close() })()
	b := hear(nc, forGreeting)
	if len(b) == 0 {
		// Redis says nothing unless asked, and an HTTP server takes this for a request
		// that is none. A NATS server has greeted by then.
		if _, err := nc.Write([]byte("PING\r\n\r\n")); err != nil {
			return ""
		}
		b = hear(nc, forAnswer)
	}
	return Words(b)
}

// Words says whose first bytes those are, as Of does.
func Words(b []byte) string {
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
	b := make([]byte, Enough)
	_ = nc.SetReadDeadline(time.Now().Add(within)) // a read that fails then says nothing
	n, _ := nc.Read(b)
	return b[:n]
}
