package remote

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"ledge/replay/standing"
)

// scripted is a connection from which a text comes, some bytes at a time.
type scripted struct {
	net.Conn
	rest string
	step int
}

func (s *scripted) Read(b []byte) (int, error) {
	if s.rest == "" {
		return 0, io.EOF
	}
	n := copy(b, s.rest[:min(s.step, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}

func (s *scripted) Write(b []byte) (int, error) { return len(b), nil }

// What a broker says goes through as it is, however it is cut into pieces, and
// what would make the library take more memory than there is does not.
func TestGuard(t *testing.T) {
	body := strings.Repeat("MSG x 1 99999999999999\r\n", 300) // in a message it means nothing
	good := "INFO {}\r\nPING\r\n+OK\r\nMSG _INBOX.r.1 1 " + fmt.Sprint(len(body)) + "\r\n" + body + "\r\n" +
		"HMSG _INBOX.r.1 1 reply 12 " + fmt.Sprint(12+len(body)) + "\r\nNATS/1.0\r\n\r\n" + body + "\r\n-ERR 'x'\r\nMSG a 1 0\r\n\r\nPONG\r\n"
	for step := range 70 {
		got, err := io.ReadAll(&guarded{Conn: &scripted{rest: good, step: step + 1}})
		if err != nil || string(got) != good {
			t.Fatalf("in pieces of %d: %d bytes, %v; want all %d", step+1, len(got), err, len(good))
		}
	}
	for _, bad := range []string{
		"MSG x 1 9223372036854775807\r\n", "MSG x 1 9223372036854775808\r\n", "msg\tx\t1\t1099511627776\r\n", "MSG x 1 -5\r\n",
		"HMSG x 1 12 99999999999\r\n", "HMSG x 1 99999999999 12\r\n", "HMSG x 1 30 12\r\n", "MSG x 1\r\n", "HMSG x 1 12\r\n",
		"MSG x 1 0x10\r\n", "MSG  \r\n", fmt.Sprintf("MSG x 1 %d\r\n", maxMessage+1),
		"INFO " + strings.Repeat("a", maxLine) + "\r\n", strings.Repeat("a", maxLine+1),
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			if got, err := io.ReadAll(&guarded{Conn: &scripted{rest: "PING\r\n" + bad + "x", step: step}}); err == nil {
				t.Errorf("%.60q in pieces of %d goes through: %d bytes", bad, step, len(got))
			}
		}
	}
	g := &guarded{Conn: &scripted{rest: "\x16\x03\x03MSG x 1 9223372036854775807\r\n", step: 9}}
	if _, err := g.Write([]byte("\x16\x03\x01")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(g); err != nil {
		t.Errorf("what looks like a message within TLS: %v; want it left alone", err)
	}
}

// A leader that announces an exabyte does not end the replica's process: it has
// failed like any other.
func TestGuardedFollower(t *testing.T) {
	for name, line := range map[string]string{
		"the most that there is": "MSG _INBOX.replica.x 1 9223372036854775807\r\nabc",
		"an exabyte":             "MSG _INBOX.replica.x 1 1152921504606846976\r\nabc",
		"with headers":           "HMSG _INBOX.replica.x 1 12 1152921504606846976\r\nNATS/1.0\r\n\r\n",
		"a line without an end":  "INFO " + strings.Repeat("x", 2*maxLine),
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
