package wire

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
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
