package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Scripts is a connection over which a server runs Lua.
type Scripts struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

// NewScripts connects to a server.
func NewScripts(t testing.TB, addr string) *Scripts {
	t.Helper()
	nc := Dial(t, addr)
	return &Scripts{t, nc, bufio.NewReader(nc)}
}

// Eval runs a script that returns a string; "error: " begins what it raises.
func (s *Scripts) Eval(text string) string {
	s.t.Helper()
	reply, ok := s.Try(text)
	if !ok {
		s.t.Fatalf("redis-server has ended after\n%s", text)
	}
	return reply
}

// Try is Eval that reports whether the server has outlived the script.
func (s *Scripts) Try(text string) (string, bool) {
	s.t.Helper()
	_ = s.nc.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(s.nc, "*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(text), text); err != nil {
		s.t.Fatal(err)
	}
	line, err := s.r.ReadString('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return "", false
	}
	if err != nil {
		s.t.Fatalf("%v after\n%s", err, text)
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '-':
		cause, _, _ := strings.Cut(line[1:], " script: ")
		cause = strings.TrimPrefix(cause, "ERR ")
		return "error: " + strings.TrimPrefix(cause, "Error compiling script (new function): "), true
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			s.t.Fatal(err)
		}
		if n < 0 {
			return "", true
		}
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(s.r, buf); err != nil {
			s.t.Fatal(err)
		}
		return string(buf[:n]), true
	}
	return line[1:], true
}
