package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
)

// events prints a line for each event until it is interrupted, and that is no
// failure.
func TestFollow(t *testing.T) {
	b := admintest.Start(t)
	s := b.Serve(t, admin.Config{})
	ill, snap := admintest.Suspended(), admintest.Snapshot()
	for _, c := range []struct {
		args  []string
		event admin.Event
		want  string
	}{
		{nil, admin.Event{Kind: admin.EventSuspended, Class: "retryable", Cause: "full\x1b[2J", Health: &ill},
			"2026-03-04T05:06:07Z  n1  suspended  full\\x1b[2J  (retryable)  next attempt 2026-03-04T05:08:07Z\n"},
		{[]string{"--user", "monitor", "--node", "n1"}, admin.Event{Kind: admin.EventSnapshot, Snapshot: &snap},
			"2026-03-04T05:06:07Z  n1  snapshot  number 200, 12 keys, 4.0 KiB\n"},
		{[]string{"--json"}, admin.Event{Kind: admin.EventStopping},
			`{"node":"n1","kind":"stopping","at":"2026-03-04T05:06:07Z"}` + "\n"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		out, in := io.Pipe()
		said, say := io.Pipe()
		code := make(chan int, 1)
		go func() {
			code <- run(ctx, append([]string{"ledge", "events", "--dir", b.Dir}, c.args...), in, say)
			in.Close()
			say.Close()
		}()
		stderr := bufio.NewReader(said)
		if got, err := stderr.ReadString('\n'); err != nil || !strings.HasPrefix(got, "ledge: waiting for events until interrupted") {
			t.Errorf("events %s: says %q, %v; want that it waits", c.args, got, err)
		}
		go func() { _, _ = io.Copy(os.Stderr, stderr) }()
		line := make(chan string, 1)
		go func() {
			r := bufio.NewReader(out)
			s, _ := r.ReadString('\n')
			line <- s
			_, _ = io.Copy(io.Discard, r)
		}()
		// Nothing tells when the program listens, so it is told until it has heard.
		c.event.At = admintest.At
		again := time.NewTicker(10 * time.Millisecond)
		for heard := false; !heard; {
			select {
			case <-again.C:
				s.Publish(c.event)
			case got := <-line:
				if heard = true; got != c.want {
					t.Errorf("events %s: %q; want %q", c.args, got, c.want)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("events %s: nothing", c.args)
			}
		}
		again.Stop()
		interrupt()
		if got := <-code; got != 0 {
			t.Errorf("events %s: exit code %d; want 0", c.args, got)
		}
	}
}
