package main

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/admin/cli"
)

// address is where a node that says so takes Redis clients.
var address = regexp.MustCompile(`redis  (\S+)`)

// talk sends a command, in words, and returns the first line of the reply.
func talk(t *testing.T, addr, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("%.40s: %v", command, err)
	}
	line, _, _ := strings.Cut(string(b[:n]), "\r\n")
	return line
}

// until waits for something, for half a minute at most.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !so(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("it is never so: %s", what)
		}
	}
}

// The second of two signals ends a server of the past at once that has still to answer
// somebody.
func TestSecondSignalOfPast(t *testing.T) {
	t.Parallel()
	n := runShipped(t, "serve", "--as-of", "1", "--listen", "127.0.0.1:0", "--dir", stoppedNode(t, t.TempDir()))
	addr := address.FindStringSubmatch(n.says(t, "  redis  "))[1]
	// The script may run for as long as the test needs, and it is seen to run.
	for _, set := range []string{"CONFIG SET script-max-time 600000", "CONFIG SET busy-reply-threshold 1"} {
		if got := talk(t, addr, set); got != "+OK" {
			t.Fatalf("%s = %s; want OK", set, got)
		}
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "EVAL \"while true do end\" 0\r\n"); err != nil {
		t.Fatal(err)
	}
	until(t, "the script runs", func() bool {
		other, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		// What comes before the script is busy waits for its end.
		_ = other.SetDeadline(time.Now().Add(time.Second))
		_, err = io.WriteString(other, "EVAL \"return 1\" 0\r\n")
		reply := make([]byte, 6)
		_, rerr := io.ReadFull(other, reply)
		return errors.Join(err, rerr) == nil && string(reply) == "-BUSY "
	})
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "it takes nobody any more", func() bool {
		other, err := net.Dial("tcp", addr)
		if err != nil {
			return true
		}
		other.Close()
		return false
	})
	began := time.Now()
	n.endAtLast(syscall.SIGINT)
	if st := n.cmd.ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || st.Signal() != syscall.SIGINT {
		t.Errorf("it ends with %v, %v after the second signal; want killed by that", n.cmd.ProcessState, time.Since(began))
	}
}

// A node that finds what it has acknowledged gone from its journal ends with code 3 and
// says why, and journal verify and the next start say it too.
func TestExitFatal(t *testing.T) {
	t.Parallel()
	mnt := mounted(t, "size=8m")
	dir := filepath.Join(mnt, "node")
	n := runShipped(t, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--reserve", "0", "--resume-interval", "1h", "--dir", dir)
	addr := address.FindStringSubmatch(n.says(t, "  redis  "))[1]
	n.says(t, "  state  ")
	for range 3 {
		if got := talk(t, addr, "SET k v"); got != "+OK" {
			t.Fatalf("SET = %s; want OK", got)
		}
	}
	fill(t, filepath.Join(mnt, "ballast"), 0)
	if got := talk(t, addr, "SET big "+strings.Repeat("x", 60000)); !strings.HasPrefix(got, "-MISCONF") {
		t.Fatalf("SET on a full disk = %s; want it refused", got)
	}
	blocks, err := filepath.Glob(filepath.Join(dir, "journal/jetstream/*/streams/*/msgs/*.blk"))
	if err != nil || len(blocks) != 1 {
		t.Fatalf("the journal's blocks are %q, %v; want one", blocks, err)
	}
	info, err := os.Stat(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Truncate(blocks[0], info.Size()-60), os.Remove(filepath.Join(mnt, "ballast"))); err != nil {
		t.Fatal(err)
	}
	got := asUser(t, 0, "resume", "--dir", dir)
	bound := time.AfterFunc(time.Minute, func() { _ = n.cmd.Process.Kill() })
	defer bound.Stop()
	_ = n.cmd.Wait()
	if code := n.cmd.ProcessState.ExitCode(); code != exitFatal || !strings.Contains(n.stderr.String(), "ledge: open the journal anew: journal damaged at number ") {
		t.Errorf("it ends with %d: %s; want %d and the damage (resume: %+v)", code, &n.stderr, exitFatal, got)
	}
	const gone = "the journal ends here; it has held number "
	if got := asUser(t, 0, "journal", "verify", "--dir", dir); got.code != 1 || !strings.Contains(got.stderr, gone) {
		t.Errorf("journal verify of what it leaves = %+v; want 1 and %q", got, gone)
	}
	again := runShipped(t, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--reserve", "0", "--dir", dir)
	limit := time.AfterFunc(time.Minute, func() { _ = again.cmd.Process.Kill() })
	defer limit.Stop()
	_ = again.cmd.Wait()
	if code := again.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(again.stderr.String(), gone) {
		t.Errorf("the next start ends with %d: %s; want 1 and %q", code, &again.stderr, gone)
	}
}

// loading is a node that has not got its data yet.
type loading struct{ *admintest.Backend }

func (loading) Health(context.Context) (admin.Health, error) {
	return admin.Health{Node: "n1", State: admin.StateLoading, Loading: &admin.Loading{Step: "reading the journal", Percent: 42}}, nil
}

// health of a node that loads its data ends with code 4 and says how far that is.
func TestExitLoading(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{Backend: loading{&admintest.Backend{}}})
	got := ledge(t, "health", "--dir", b.Dir)
	if got.code != cli.ExitLoading || !strings.Contains(got.stderr, "n1 is loading its data: ") || !strings.Contains(got.stderr, "42") {
		t.Errorf("health = %+v; want exit code %d and how far it is", got, cli.ExitLoading)
	}
}
