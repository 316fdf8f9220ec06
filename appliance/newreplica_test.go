package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A new replica without its leader's password says which file to copy where, and
// follows once it is there; another one finds it where it was put before the
// first start.
func TestNewReplicaPassword(t *testing.T) {
	t.Parallel() // it waits for an attempt, most of the time
	dirs := directories(t, "leader", "late", "early")
	a := lead(t, dirs[0])
	a.do("SET", "k", "v")
	secret, err := os.ReadFile(a.secret())
	if err != nil {
		t.Fatal(err)
	}
	late := lead(t, dirs[1], "--follow", a.nats())
	leader := filepath.Join(dirs[1], "auth", "leader")
	within(t, 20*time.Second, "the link says why", func() bool { return late.link().Attempts > 0 })
	l := late.link()
	if want := "copy auth/replica of the leader's directory to " + leader; !strings.Contains(l.LastError, want) || l.Class != "operator" {
		t.Errorf("without a password the link says %q, class %s; want %q, class operator", l.LastError, l.Class, want)
	}
	if err := os.WriteFile(leader, secret, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dirs[2], "auth"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dirs[2], "auth", "leader"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	lead(t, dirs[2], "--follow", a.nats()).equal(a)
	late.level(a, 90*time.Second) // the next attempt may be half a minute off
	late.equal(a)
}

// Who lists the snapshots of a running node as a stopped one's is told how.
func TestSnapshotListRunning(t *testing.T) {
	p := lead(t, directories(t, "n")[0])
	got := run(t, "snapshot", "list", "--dir", p.dir)
	if got.code != 1 || !strings.Contains(got.stderr, "belongs to a running process") ||
		!strings.Contains(got.stderr, "ledge snapshots") {
		t.Errorf("exit code %d, stderr %q; want 1 and ledge snapshots named", got.code, got.stderr)
	}
}
