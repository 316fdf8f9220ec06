// Package redistest runs Debian's redis-server for tests that compare with it.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"ledge/journal/freeport"
)

// Start starts a redis-server without persistence, on a free port of the
// loopback interface, and returns its address. It ends with the test, and the
// test is skipped where none is installed. More options are those of the
// command line: "--enable-debug-command", "yes".
func Start(t testing.TB, options ...string) string {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed: nothing to compare with")
	}
	addr := freeport.Addr(t)
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(bin, append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "",
		"--appendonly", "no", "--dir", t.TempDir()}, options...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // SORT ALPHA goes by it
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
			nc.Close()
			return addr
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // another process: there is nothing to wait on
	}
}

// Dial returns a connection to a server, which is closed when the test ends.
func Dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}
