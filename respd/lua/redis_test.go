package lua

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redis is a connection to a redis-server of the test's own, whose Lua is what
// ours must equal.
type redis struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

// startRedis starts a server. The test skips where there is none.
func startRedis(t testing.TB) *redis {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: nothing to compare with")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(bin, "--port", port, "--bind", "127.0.0.1", "--save", "",
		"--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		nc, err := net.Dial("tcp", addr)
		if err == nil {
			t.Cleanup(func() { nc.Close() })
			return &redis{t, nc, bufio.NewReader(nc)}
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// eval runs a script that returns a string; "error: " begins what it raises.
func (r *redis) eval(text string) string {
	r.t.Helper()
	_ = r.nc.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(r.nc, "*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(text), text); err != nil {
		r.t.Fatal(err)
	}
	line, err := r.r.ReadString('\n')
	if err != nil {
		r.t.Fatalf("%v after\n%s", err, text)
	}
	line = strings.TrimRight(line, "\r\n")
	switch line[0] {
	case '-':
		s, _, _ := strings.Cut(line, " script: ")
		s = strings.TrimPrefix(s, "-ERR ")
		return "error: " + strings.TrimPrefix(s, "Error compiling script (new function): ")
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil {
			r.t.Fatal(err)
		}
		if n < 0 {
			return "nil"
		}
		buf := make([]byte, n+2)
		if _, err := io.ReadFull(r.r, buf); err != nil {
			r.t.Fatal(err)
		}
		return string(buf[:n])
	}
	return line[1:]
}
