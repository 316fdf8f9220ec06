package appliance_test

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/freeport"
)

// ledge stop returns when the node has ended: its directory is free at once.
func TestStopWaits(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	if got := run(t, "stop", "--dir", dir); got.code != 0 || !strings.Contains(got.stdout, "has stopped") {
		t.Errorf("stop: exit code %d, %q, %q; want that it has stopped", got.code, got.stdout, got.stderr)
	}
	verified(t, dir)
	if code := p.end(0); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
	p = start(t, dir, "--nats-listen", freeport.Addr(t))
	if got := run(t, "stop", "--no-wait", "--dir", dir); got.code != 0 || !strings.Contains(got.stdout, "is stopping") {
		t.Errorf("stop --no-wait: exit code %d, %q, %q; want that it is stopping", got.code, got.stdout, got.stderr)
	}
	<-p.over
}

// ledge events says that a node has gone, and goes on when it is back, wherever that
// listens then.
func TestEventsOutliveTheNode(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	cmd := exec.Command(binary(t), "events", "--dir", dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := make(chan string, 1000)
	go func() {
		for sc := bufio.NewScanner(out); sc.Scan(); {
			lines <- sc.Text()
		}
		close(lines)
	}()
	// Nothing tells when the program listens, so there are snapshots until it has heard.
	hears := func() {
		t.Helper()
		within(t, 30*time.Second, "events hears of a snapshot", func() bool {
			if got := run(t, "snapshot", "--dir", dir); got.code != 0 {
				t.Fatalf("snapshot: %s", got.stderr)
			}
			for {
				select {
				case line, ok := <-lines:
					if !ok {
						t.Fatal("events has ended")
					}
					if strings.Contains(line, "  snapshot  ") {
						return true
					}
				default:
					return false
				}
			}
		})
	}
	hears()
	p.end(syscall.SIGTERM)
	start(t, dir, "--nats-listen", freeport.Addr(t))
	hears()
}
