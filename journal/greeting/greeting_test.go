package greeting_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"ledge/journal/greeting"
)

// Who speaks first is known by that, who waits by its answer, and who says nothing, or
// greets as NATS does, by neither.
func TestOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, answer, want string }{
		"NATS":   {"INFO {}\r\n", "", ""},
		"silent": {"", "", ""},
		"Redis":  {"", "+PONG\r\n", "speaks Redis's protocol"},
		"locked": {"", "-NOAUTH Authentication required.\r\n", "speaks Redis's protocol"},
		"web":    {"", "HTTP/1.1 400 Bad Request\r\n", "is an HTTP server"},
		"TLS":    {"", "\x15\x03\x01\x00\x02\x02\x46", "speaks TLS at once"},
		"ssh":    {"SSH-2.0-OpenSSH\r\n", "", `begins with "SSH-2.0-OpenSSH\r", as NATS`},
		"mail":   {"220 mx ESMTP\r\n", "", `begins with "220 mx ESMTP\r\n", as NATS`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := net.Pipe()
			defer ours.Close()
			go func() {
				defer theirs.Close()
				_, _ = io.WriteString(theirs, c.first)
				for b := make([]byte, 64); c.answer != ""; {
					if _, err := theirs.Read(b); err != nil {
						return
					}
					_, _ = io.WriteString(theirs, c.answer)
				}
				_, _ = io.Copy(io.Discard, theirs)
			}()
			got := greeting.Of(t.Context(), ours)
			if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("Of = %q; want %q in it", got, c.want)
			}
		})
	}
}

// Nobody waits longer than whoever asks.
func TestOfCancelled(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	began := time.Now()
	if got := greeting.Of(ctx, ours); got != "" || time.Since(began) > 400*time.Millisecond {
		t.Errorf("Of = %q after %s; want nothing, at once", got, time.Since(began))
	}
}
