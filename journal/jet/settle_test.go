package jet_test

// Appends that get no clear answer. Whatever happens, Append's word must be
// what the journal holds.

import (
	"bytes"
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
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
	"ledge/journal/jet/jettest"
)

// settled returns how a call has ended, and waits for that if it is in doubt. Until
// then nothing else may be begun.
func settled(t *testing.T, n int, err error) (int, error) {
	t.Helper()
	var d *journal.Doubt
	if !errors.As(err, &d) {
		return n, err
	}
	select {
	case <-d.Done():
	case <-time.After(30 * time.Second):
		t.Fatalf("%v after 30 s", d)
	}
	more, err := d.Outcome()
	return n + more, err
}

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

func appendAll(t *testing.T, j *jettest.Journal, try func(journal.Seq) error) {
	t.Helper()
	var last journal.Seq
	failed := 0
	for range 60 {
		err := try(last)
		doubted := errors.As(err, new(*journal.Doubt))
		n, err := settled(t, 0, err)
		switch {
		case err == nil && doubted:
			last += journal.Seq(n) // none, if what comes before an append was in doubt
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
		if d := time.Since(begun); d > 10*time.Second {
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
	if n, err := j.Settle(t.Context(), 4, [][]byte{frame(5)}, cause); n != 0 || fault.Of(err) != fault.Operator {
		t.Errorf("Settle after a failed sync = %d, %v, class %s; want 0 and class operator", n, err, fault.Of(err))
	}
	wantFrames(t, j, 1, 4)
	fill(t, j, 4, 6)
	wantFrames(t, j, 1, 6)
}

// So are those of a whole window, of which the broker has not answered the
// first, over several files.
func TestFailedSyncOfMany(t *testing.T) {
	dir := t.TempDir()
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 2)
	var large [][]byte
	for i := range 8 {
		large = append(large, bytes.Repeat([]byte{byte('a' + i)}, 4<<20))
	}
	if n, err := j.AppendAll(t.Context(), 2, large); n != len(large) || err != nil {
		t.Fatalf("AppendAll = %d, %v", n, err)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*", "msgs", "*.blk")); len(files) < 2 {
		t.Fatalf("%d files; want several", len(files))
	}
	cause := errors.New("Filestore [J] Critical write error: sync 1.blk: input/output error")
	if n, err := j.Settle(t.Context(), 2, large, cause); n != 0 || fault.Of(err) != fault.Operator {
		t.Errorf("Settle after a failed sync = %d, %v, class %s; want 0 and class operator", n, err, fault.Of(err))
	}
	wantFrames(t, j, 1, 2)
	fill(t, j, 2, 4)
	if err := j.Close(); err != nil {
		t.Errorf("Close = %v; want nil", err)
	}
	wantFrames(t, open(t, jet.Config{Dir: dir}), 1, 4)
}

// Of a window that is given up in the middle, or whose time is up, those in
// front are stored and the others are not.
func TestWindowGivenUp(t *testing.T) {
	for name, limit := range map[string]time.Duration{"caller": 0, "own": 100 * time.Microsecond} {
		t.Run(name, func(t *testing.T) {
			j := open(t, jet.Config{Dir: t.TempDir(), Create: true, AppendTimeout: limit})
			var last journal.Seq
			whole, part := 0, 0
			for i := range 40 {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if limit == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*20*time.Microsecond)
				}
				n, err := j.AppendAll(ctx, last, framesBehind(last, 150))
				cancel()
				n, err = settled(t, n, err)
				last += journal.Seq(n)
				switch {
				case err == nil && n == 150:
					whole++
				case err == nil: // the others were not sent any more
					part++
				case err != nil && fault.Of(err) == fault.Retryable && n < 150:
					part++
				default:
					t.Fatalf("AppendAll = %d, %v, class %s; want all, or a Retryable error", n, err, fault.Of(err))
				}
				if st, _ := j.Stat(t.Context()); st.Last != last {
					t.Fatalf("last number is %d; want %d", st.Last, last)
				}
			}
			t.Logf("%d whole, %d in part, %d frames", whole, part, last)
			wantFrames(t, j, 1, last)
		})
	}
}

// framesBehind returns so many frames after prev.
func framesBehind(prev journal.Seq, n int) (fs [][]byte) {
	for i := range n {
		fs = append(fs, frame(prev+1+journal.Seq(i)))
	}
	return fs
}

// What a disk takes of a window before it is full is stored, and counted.
func TestWindowDiskFull(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	j := open(t, jet.Config{Dir: filepath.Join(mnt, "nats"), Create: true})
	fill(t, j, 0, 10)
	ballast, last := filepath.Join(mnt, "ballast"), journal.Seq(10)
	for range 5 {
		fillDisk(t, ballast)
		st, err := os.Stat(ballast)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(ballast, st.Size()-8<<10); err != nil {
			t.Fatal(err)
		}
		n, err := j.AppendAll(t.Context(), last, framesBehind(last, 1000))
		if n == 1000 || fault.Of(err) != fault.Retryable {
			t.Fatalf("AppendAll on a full disk = %d, %v, class %s; want some and a Retryable error", n, err, fault.Of(err))
		}
		t.Logf("%d stored: %v", n, err)
		last += journal.Seq(n)
		wantFrames(t, j, 1, last)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if n, err := j.AppendAll(t.Context(), last, framesBehind(last, 100)); n != 100 || err != nil {
			t.Fatalf("AppendAll with room = %d, %v; want 100, nil", n, err)
		}
		last += 100
	}
	wantFrames(t, j, 1, last)
}

// A write error between two appends fails the next one, which is not sent, and
// no more.
func TestErrorBetween(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 5)
	j.Stream().SetSick("Filestore [J] Critical write error: sync 1.blk: input/output error")
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
	disk := faultfs.Start(t)
	j := open(t, jet.Config{Dir: filepath.Join(disk.Dir, "nats"), Create: true})
	fill(t, j, 0, 5)
	if err := disk.Add(faultfs.Rule{Op: faultfs.OpWrite, Match: ".blk", Errno: syscall.EACCES, Count: 1}); err != nil {
		t.Fatal(err)
	}
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
	j := openOn(t, jet.Config{Dir: t.TempDir(), Create: true},
		broker.Config{Listen: "127.0.0.1:0", Users: []broker.User{{Name: "admin", Password: "secret"}}})
	fill(t, j, 0, 3)
	for _, name := range []string{
		"Filestore [J] Critical write error: sync 1.blk: input/output error",
		"JetStream stream 'JOURNAL > J' critical write error: input/output error",
		"File system permission denied while writing, disabling JetStream",
	} {
		if _, err := nats.Connect(j.Broker.ClientURL(), nats.UserInfo(name, "x"), nats.Name(name)); err == nil {
			t.Fatalf("user %q is let in", name)
		}
		seq := journal.Seq(j.Last())
		if err := j.Append(t.Context(), seq, frame(seq+1)); err != nil {
			t.Errorf("Append after a login as %q = %v; want nil", name, err)
		}
	}
}

// A journal that goes on after what we wrote is somebody else's, and is not
// taken for ours by opening it anew.
func TestReopenFenced(t *testing.T) {
	j := open(t, jet.Config{Dir: t.TempDir(), Create: true})
	fill(t, j, 0, 3)
	nc, err := j.Broker.Connect("journal")
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
