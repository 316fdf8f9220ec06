package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/admin"
)

// A node that runs, asked by every command that has a verb, as somebody would
// who has nothing but its directory.
func TestNode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	out, in := io.Pipe()
	go func() {
		done <- run(ctx, []string{"ledge", "serve", "--dir", dir, "--listen", "127.0.0.1:0",
			"--nats-listen", "127.0.0.1:0", "--node", "n1", "--log-level", "error"}, in, os.Stderr)
		in.Close()
	}()
	ready := make([]byte, 1)
	if _, err := out.Read(ready); err != nil {
		t.Fatalf("the node has not started: %v", err)
	}
	go io.Copy(io.Discard, out)
	defer cancel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"status"}, "state     ok"},
		{[]string{"health"}, "state   ok"},
		{[]string{"resume"}, "nothing"},
		{[]string{"snapshot"}, "00000000000000000001.snap"},
		{[]string{"snapshots"}, "00000000000000000001.snap"},
		{[]string{"compact"}, ""},
		{[]string{"verify"}, ""},
		{[]string{"config", "get", "ledge-resume-*"}, "1m0s"},
		{[]string{"config", "set", "ledge-resume-interval", "5s"}, ""},
		{[]string{"config", "get", "ledge-resume-interval"}, "5s"},
		{[]string{"clients"}, ""},
		{[]string{"slowlog"}, ""},
		{[]string{"nodes"}, "n1"},
	} {
		got := ledge(t, insert(tt.args, "--dir", dir)...)
		if got.code != 0 || !strings.Contains(got.stdout, tt.want) {
			t.Errorf("%v: exit code %d, %q, %q; want 0 and %q", tt.args, got.code, got.stdout, got.stderr, tt.want)
		}
	}
	var s admin.Status
	got := ledge(t, "status", "--dir", dir, "--json")
	if err := json.Unmarshal([]byte(got.stdout), &s); err != nil || s.Node != "n1" || s.Journal.Last == 0 {
		t.Errorf("status --json = %q, %v; want that of n1", got.stdout, err)
	}
	if got := ledge(t, "config", "set", "--dir", dir, "no-such", "1"); got.code == 0 || !strings.Contains(got.stderr, "no-such") {
		t.Errorf("config set no-such: exit code %d, %q; want it to be named", got.code, got.stderr)
	}
	stopped(t, dir, done)
	if got := ledge(t, "health", "--dir", dir); got.code != exitUnreachable {
		t.Errorf("health of a stopped node: exit code %d; want %d", got.code, exitUnreachable)
	}
}

// stopped stops a node by the command, and waits until it has ended well.
func stopped(t *testing.T, dir string, done <-chan int) {
	t.Helper()
	if got := ledge(t, "stop", "--dir", dir); got.code != 0 {
		t.Errorf("stop: exit code %d, %q", got.code, got.stderr)
	}
	select {
	case code := <-done:
		if code != 0 {
			t.Errorf("a node that was stopped ends with %d; want 0", code)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the node has not stopped")
	}
}
