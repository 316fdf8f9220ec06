package appliance_test

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// notified is a service manager that hears what a node tells it.
type notified struct {
	path string
	conn *net.UnixConn
	said []string
}

func newNotified(t *testing.T) *notified {
	t.Helper()
	m := &notified{path: filepath.Join(t.TempDir(), "notify")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	return m
}

// hears waits until something with that line is said.
func (m *notified) hears(t *testing.T, line string) {
	t.Helper()
	buf := make([]byte, 4096)
	_ = m.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		n, err := m.conn.Read(buf)
		if err != nil {
			t.Fatalf("the service manager has heard %q, and not %q: %v", m.said, line, err)
		}
		m.said = append(m.said, string(buf[:n]))
		for said := range strings.Lines(string(buf[:n])) {
			if strings.TrimSpace(said) == line {
				return
			}
		}
	}
}

// A service manager hears when the node serves, that it is alive for as long as it
// answers, and when it stops.
func TestServiceManager(t *testing.T) {
	m := newNotified(t)
	cmd := exec.Command(binary(t), serving(t, t.TempDir())...)
	cmd.Env = append(cmd.Environ(), "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=300000")
	p := launch(t, cmd)
	m.hears(t, "READY=1")
	for range 3 {
		m.hears(t, "WATCHDOG=1")
	}
	if err := p.client().Set(context.Background(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	m.hears(t, "STOPPING=1")
	if code := p.end(0); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
}

// A start that is refused is never said to serve.
func TestServiceManagerHearsNoLie(t *testing.T) {
	m := newNotified(t)
	dir := t.TempDir()
	start(t, dir)
	cmd := exec.Command(binary(t), serving(t, dir)...) // somebody has the directory
	cmd.Env = append(cmd.Environ(), "NOTIFY_SOCKET="+m.path)
	if err := cmd.Run(); err == nil {
		t.Error("a second node on a directory works; want it refused")
	}
	_ = m.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	buf := make([]byte, 4096)
	if n, err := m.conn.Read(buf); err == nil && strings.Contains(string(buf[:n]), "READY") {
		t.Errorf("the service manager has heard %q of a start that was refused", buf[:n])
	}
}

// A script that is within its limit holds the writer, and is no reason to end the node.
func TestServiceManagerAndScripts(t *testing.T) {
	m := newNotified(t)
	cmd := exec.Command(binary(t), serving(t, t.TempDir())...)
	cmd.Env = append(cmd.Environ(), "NOTIFY_SOCKET="+m.path, "WATCHDOG_USEC=300000")
	opts := *launch(t, cmd).client().Options()
	opts.ReadTimeout = -1 // the script takes longer than a client waits as a rule
	c := redis.NewClient(&opts)
	defer c.Close()
	m.hears(t, "READY=1")
	ended := make(chan error, 1)
	go func() { ended <- c.Eval(context.Background(), "while true do end", nil).Err() }()
	for range 40 { // more than may wait unread from before
		m.hears(t, "WATCHDOG=1")
	}
	select {
	case err := <-ended:
		t.Fatalf("the script has ended meanwhile: %v", err)
	default:
	}
	if err := c.Do(context.Background(), "SCRIPT", "KILL").Err(); err != nil {
		t.Error(err)
	}
	<-ended
}
