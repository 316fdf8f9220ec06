package appliance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
)

// background runs the program, and returns how to end it with a signal, or wait for its
// end.
func background(t *testing.T, args ...string) (end func(sig syscall.Signal) ended) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(binary(t), args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	return func(sig syscall.Signal) ended {
		t.Helper()
		if sig != 0 {
			_ = cmd.Process.Signal(sig)
		}
		select {
		case err := <-over:
			if code := (*exec.ExitError)(nil); err != nil && !errors.As(err, &code) {
				t.Fatalf("%q: %v", args, err)
			}
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-over
			t.Errorf("%q has not ended within a minute", args)
		}
		return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
}

// Who asks a replica how it is during a full sync hears how far that is. follow --wait
// ends when the replica has everything, or with an interrupt, of which the replica does
// not hear.
func TestFollowWaits(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	a.large(t)
	m := stand(t, a)
	m.meddle(func(what string, q *nats.Msg) bool {
		return what != "chunk" || !strings.Contains(string(q.Data), `"chunk":2}`)
	}, nil)
	b := lead(t, dirs[1], "--follow-password-file", m.secret, "--sync-chunk-timeout", "1m")
	args := []string{"follow", "--dir", dirs[1], "--wait", m.url}
	interrupted := background(t, args...)
	within(t, 6*fallow, "status shows the full sync", func() bool {
		var s admin.Status
		got := run(t, "status", "--dir", dirs[1], "--json")
		if got.code != 0 || json.Unmarshal([]byte(got.stdout), &s) != nil || len(s.Work) == 0 {
			return false
		}
		w := s.Work[0]
		if w.Verb != admin.WorkFullSync || w.Unit == "bytes" && (w.Total < 1<<20 || w.Done >= w.Total) {
			t.Fatalf("work = %+v; want a full sync of some MiB under way", w)
		}
		return strings.HasPrefix(w.Step, "fetching") && w.Done == 512<<10
	})
	got := interrupted(syscall.SIGINT)
	if got.code == 0 || got.stdout != "" || !strings.Contains(got.stderr, "follow was interrupted: the node goes on following") {
		t.Errorf("interrupted: exit code %d, %q, %q; want an error that says what is so", got.code, got.stdout, got.stderr)
	}
	waiting := background(t, append(args, "--json")...)
	m.meddle(nil, nil)
	got = waiting(0)
	var l admin.Link
	if err := json.Unmarshal([]byte(got.stdout), &l); err != nil || got.code != 0 || l.State != "streaming" || l.Lag == nil || *l.Lag != 0 || l.Syncs != 1 {
		t.Errorf("follow --wait: exit code %d, %+v, %v, %s; want it streaming, after one full sync", got.code, l, err, got.stderr)
	}
	if n := b.do("DBSIZE"); n != a.do("DBSIZE") {
		t.Errorf("the replica has %v keys when follow --wait has ended; want those of the leader", n)
	}
	if got := run(t, "status", "--dir", dirs[1], "--json"); strings.Contains(got.stdout, admin.WorkFullSync) {
		t.Errorf("status afterwards: %s; want no full sync", got.stdout)
	}
}

// follow --wait does not wait for a link that has failed, nor beyond --timeout.
func TestFollowWaitEnds(t *testing.T) {
	t.Parallel()
	dirs := directories(t, "leader", "replica")
	a := lead(t, dirs[0])
	m := stand(t, a)
	m.meddle(func(what string, q *nats.Msg) bool {
		if what == "hello" {
			m.refuse(q, "not today")
		}
		return what != "hello"
	}, nil)
	lead(t, dirs[1], "--follow-password-file", m.secret, "--sync-attempts", "2")
	got := run(t, "follow", "--dir", dirs[1], "--wait", m.url)
	if got.code != 1 || !strings.Contains(got.stderr, "the link has failed") || !strings.Contains(got.stderr, "not today") {
		t.Errorf("of a link that has failed: exit code %d, %q; want 1, and why", got.code, got.stderr)
	}
	m.meddle(func(what string, _ *nats.Msg) bool { return what != "hello" }, nil) // silent
	got = run(t, "follow", "--dir", dirs[1], "--wait", "--timeout", "500ms", m.url)
	if got.code == 0 || got.stdout != "" {
		t.Errorf("beyond --timeout: exit code %d, %q, %q; want an error", got.code, got.stdout, got.stderr)
	}
}
