package jet_test

// Appends that get no clear answer. Whatever happens, Append's word must be
// what the journal holds.

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
)

// An append whose time is up before the broker answers is found out.
func TestTimeout(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true, AppendTimeout: 60 * time.Microsecond})
	appendAll(t, j, func(prev journal.Seq) error { return j.Append(t.Context(), prev, frame(prev+1)) })
}

// So is one that is given up by its caller.
func TestGivenUp(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	appendAll(t, j, func(prev journal.Seq) error {
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Microsecond)
		defer cancel()
		return j.Append(ctx, prev, frame(prev+1))
	})
}

func appendAll(t *testing.T, j *jet.Journal, try func(journal.Seq) error) {
	t.Helper()
	var last journal.Seq
	failed := 0
	for range 60 {
		err := try(last)
		switch {
		case err == nil:
			last++
		case fault.Of(err) == fault.Retryable:
			failed++
		default:
			t.Fatalf("Append(%d) = %v; want nil or a Retryable error", last, err)
		}
		if st, _ := j.Stat(t.Context()); st.Last != last {
			t.Fatalf("last number is %d; want %d", st.Last, last)
		}
	}
	t.Logf("%d stored, %d not", last, failed)
	wantFrames(t, j, 1, last)
}

// A lost connection is made again.
func TestLostWire(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 2)
	j.BreakWire()
	fill(t, j, 2, 4)
	wantFrames(t, j, 1, 4)
}

// A full disk fails the append at once, not at the deadline, leaves nothing of
// it, and is over when there is room again.
func TestDiskFull(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	j := open(t, jet.Config{Dir: filepath.Join(mnt, "nats"), Create: true})
	fill(t, j, 0, 10)
	ballast := filepath.Join(mnt, "ballast")
	fillDisk(t, ballast)
	n := journal.Seq(10)
	for ; ; n++ {
		begun := time.Now()
		err := j.Append(t.Context(), n, frame(n+1))
		if err == nil {
			continue // the rest of the last page
		}
		if fault.Of(err) != fault.Retryable {
			t.Fatalf("Append on a full disk = %v, class %s; want a Retryable error", err, fault.Of(err))
		}
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("the answer took %s", d)
		}
		break
	}
	wantFrames(t, j, 1, n)
	if err := j.Append(t.Context(), n, frame(n+1)); fault.Of(err) != fault.Retryable {
		t.Errorf("Append on a disk that is still full = %v; want a Retryable error", err)
	}
	wantFrames(t, j, 1, n)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	fill(t, j, n, n+5)
	wantFrames(t, j, 1, n+5)
	if err := j.Close(); err != nil {
		t.Errorf("Close = %v; want nil", err)
	}
	j = open(t, jet.Config{Dir: filepath.Join(mnt, "nats")})
	wantFrames(t, j, 1, n+5)
}

// A journal on a full disk can be truncated.
func TestTruncateFullDisk(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	j := open(t, jet.Config{Dir: filepath.Join(mnt, "nats"), Create: true})
	n := journal.Seq(0)
	for ; j.Append(t.Context(), n, make([]byte, 3<<20)) == nil; n++ {
	}
	fillDisk(t, filepath.Join(mnt, "ballast"))
	if err := j.Truncate(t.Context(), n-1); err != nil {
		t.Fatalf("Truncate on a full disk = %v; want nil", err)
	}
	if err := j.Append(t.Context(), n, frame(n+1)); err != nil {
		t.Errorf("Append after it = %v; want nil", err)
	}
}

func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 4096); err == nil; {
		_, err = f.Write(b)
	}
}

// A frame whose sync failed is in the file all the same. It is taken out, so
// that "not stored" is true.
func TestFailedSync(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 5)
	cause := errors.New("Filestore [J] Critical write error: sync 1.blk: input/output error")
	if err := j.Settle(t.Context(), 4, frame(5), cause); fault.Of(err) != fault.Operator {
		t.Errorf("Settle after a failed sync = %v, class %s; want class operator", err, fault.Of(err))
	}
	wantFrames(t, j, 1, 4)
	fill(t, j, 4, 6)
	wantFrames(t, j, 1, 6)
}

// A write error between two appends fails the next one, which is not sent, and
// no more.
func TestErrorBetween(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 5)
	j.Sicken("Filestore [J] Critical write error: sync 1.blk: input/output error")
	if err := j.Append(t.Context(), 5, frame(6)); fault.Of(err) != fault.Operator {
		t.Errorf("Append = %v, class %s; want class operator", err, fault.Of(err))
	}
	fill(t, j, 5, 7)
	wantFrames(t, j, 1, 7)
}

// A number that somebody else has written is told from our own.
func TestFenced(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 5)
	if err := j.Append(t.Context(), 4, frame(5)); err != nil {
		t.Errorf("Append of what stands there already = %v; want nil", err)
	}
	if err := j.Append(t.Context(), 4, frame(6)); fault.Of(err) != fault.Operator {
		t.Errorf("Append in a taken place = %v; want class operator", err)
	}
	fill(t, j, 5, 6)
	wantFrames(t, j, 1, 6)
}

// A broker that has shut JetStream down for want of permission is brought back.
func TestForbidden(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 5)
	j.Forbid()
	if err := j.Append(t.Context(), 5, frame(6)); fault.Of(err) != fault.Operator {
		t.Errorf("Append = %v, class %s; want class operator", err, fault.Of(err))
	}
	wantFrames(t, j, 1, 5)
	fill(t, j, 5, 7)
	wantFrames(t, j, 1, 7)
}

// Who can reach the port chooses the name that the broker logs when it turns
// them away. It must not be taken for an error of the disk.
func TestForgedWriteError(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true, Listen: "127.0.0.1:0",
		Users: []jet.User{{Name: jet.AdminUser, Password: "secret"}}})
	fill(t, j, 0, 3)
	for _, name := range []string{
		"Filestore [J] Critical write error: sync 1.blk: input/output error",
		"JetStream stream 'JOURNAL > J' critical write error: input/output error",
		"File system permission denied while writing, disabling JetStream",
	} {
		if _, err := nats.Connect(j.ClientURL(), nats.UserInfo(name, "x"), nats.Name(name)); err == nil {
			t.Fatalf("user %q is let in", name)
		}
		seq := journal.Seq(j.Last())
		if err := j.Append(t.Context(), seq, frame(seq+1)); err != nil {
			t.Errorf("Append after a login as %q = %v; want nil", name, err)
		}
	}
}

// A journal that goes on behind what we wrote is somebody else's, and is not
// taken for ours by opening it anew.
func TestReopenFenced(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 3)
	nc, err := nats.Connect("", nats.InProcessServer(j), nats.UserInfo("journal", j.Secret()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	foreign := &nats.Msg{Subject: "j", Data: frame(4), Header: nats.Header{"Nats-Expected-Last-Sequence": {"3"}}}
	if _, err := nc.RequestMsg(foreign, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := j.Reopen(t.Context()); fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "number 4") {
		t.Errorf("Reopen = %v, class %s; want class operator and the number", err, fault.Of(err))
	}
	wantFrames(t, j, 1, 3)
}
