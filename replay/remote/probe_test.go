package remote_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/replay/remote"
)

// answering is a listener that says something when a connection comes, and something
// else when it is spoken to.
func answering(t *testing.T, greeting, answer string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				_, _ = io.WriteString(nc, greeting)
				b := make([]byte, 64)
				if n, _ := nc.Read(b); n > 0 && answer != "" {
					_, _ = io.WriteString(nc, answer)
				}
				_, _ = io.Copy(io.Discard, nc)
			}()
		}
	}()
	return "nats://" + ln.Addr().String()
}

// What can't be a leader is said to be what it is, with the next step; what may be one
// is left to be tried.
func TestProbe(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	gone := "nats://" + freeport.Addr(t)
	for _, tt := range []struct{ name, url, want string }{
		{"NATS", answering(t, `INFO {"server_id":"x"}`+"\r\n", ""), ""},
		{"silent", answering(t, "", ""), ""},
		{"nobody", gone, ""},
		{"Redis", answering(t, "", "+PONG\r\n"), "Redis's protocol"},
		{"Redis with a password", answering(t, "", "-NOAUTH Authentication required.\r\n"), "Redis's protocol"},
		{"Redis in protected mode", answering(t, "-DENIED Redis is running in protected mode", ""), "Redis's protocol"},
		{"HTTP", "nats" + strings.TrimPrefix(web.URL, "http"), "HTTP"},
		{"SSH", answering(t, "SSH-2.0-OpenSSH_9.9\r\n", ""), "SSH-2.0"},
		{"SMTP", answering(t, "220 mail ESMTP\r\n", ""), "220 mail"},
		{"no such host", "nats://no-such-host.invalid:4222", "no host"},
	} {
		err := remote.Probe(t.Context(), tt.url)
		if tt.want == "" && err != nil || tt.want != "" && (fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), tt.want) ||
			!strings.Contains(err.Error(), "NATS address")) {
			// A machine without a resolver can't say that there is no such host.
			if tt.name == "no such host" && err == nil {
				continue
			}
			t.Errorf("%s: Probe = %v; want Refused with %q and the next step", tt.name, err, tt.want)
		}
	}
}
