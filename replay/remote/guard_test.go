package remote

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"ledge/replay/standing"
)

// A leader that announces an exabyte does not end the replica's process: it has
// failed like any other.
func TestGuardedFollower(t *testing.T) {
	for name, line := range map[string]string{
		"the most that there is": "MSG _INBOX.replica.x 1 9223372036854775807\r\nabc",
		"an exabyte":             "MSG _INBOX.replica.x 1 1152921504606846976\r\nabc",
		"with headers":           "HMSG _INBOX.replica.x 1 12 1152921504606846976\r\nNATS/1.0\r\n\r\n",
		"a line without an end":  "INFO " + strings.Repeat("x", 128<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var busy sync.WaitGroup
			t.Cleanup(func() { l.Close(); busy.Wait() })
			busy.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					busy.Go(func() {
						defer c.Close()
						serveLine(c, line)
					})
				}
			})
			followed(t, "nats://"+l.Addr().String(), newTarget(t), 2, func(l standing.Link) bool { return l.State == standing.LinkFailed })
		})
	}
}

// serveLine speaks as a broker does until the first request, and answers that with
// a line.
func serveLine(c net.Conn, line string) {
	_, _ = io.WriteString(c, `INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576,"client_ip":"127.0.0.1"}`+"\r\n")
	r := bufio.NewReader(c)
	for {
		said, err := r.ReadString('\n')
		switch {
		case err != nil:
			return
		case strings.HasPrefix(said, "PING"):
			_, _ = io.WriteString(c, "PONG\r\n")
		case strings.HasPrefix(said, "PUB"), strings.HasPrefix(said, "HPUB"):
			_, _ = io.WriteString(c, line)
		}
	}
}
