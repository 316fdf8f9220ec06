package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/logtest"
)

// These tests start nodes where they can't be: each refusal names the path and says
// what to do, and leaves everything as it was. They take root, who mounts and who
// becomes another user.

// nobody is a user to whom nothing belongs.
const nobody = 65534

// asUser runs the program as it is shipped, as some user, to its end, in a directory
// that all users may read.
func asUser(t *testing.T, uid int, args ...string) outcome {
	t.Helper()
	builds.Store(true)
	bin, err := shipped()
	if err == nil {
		err = os.Chmod(bin, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "ledge"), args...)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), NoSetGroups: true}}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), logtest.WithoutProgress(stderr.String())}
}

// mounted is a small file system, or the reason why there is none.
func mounted(t *testing.T, options string) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("it takes root to mount")
	}
	dir = open(t)
	if err := syscall.Mount("none", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// open is a directory that every user may reach.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ledge-start")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// listing is what is below a directory, and how it is.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %v %d %d\n", path, fi.Mode(), fi.Size(), st.Uid)
		if fi.Mode().IsRegular() && fi.Size() < 1<<16 {
			text, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%x\n", text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// refusesStart holds what a start says and leaves against what it should.
func refusesStart(t *testing.T, uid int, dir string, want ...string) {
	t.Helper()
	above := filepath.Dir(dir)
	before := listing(t, above)
	got := asUser(t, uid, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--dir", dir)
	line, rest, _ := strings.Cut(got.stderr, "\n")
	if got.code != exitRefused || got.stdout != "" || rest != "" || !strings.HasPrefix(line, "ledge: --dir: ") {
		t.Errorf("exit code %d, prints %q, %q; want %d and one line about --dir", got.code, got.stdout, got.stderr, exitRefused)
	}
	for _, w := range append(want, dir) {
		if !strings.Contains(line, w) {
			t.Errorf("%s\nwant it to have %q", line, w)
		}
	}
	if after := listing(t, above); after != before {
		t.Errorf("the start has changed\n%s\nto\n%s", before, after)
	}
}

// background is the program as it is shipped, as a process that goes on.
type background struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr bytes.Buffer // to be read when it has ended
}

// runShipped starts it. It ends with the test at the latest.
func runShipped(t *testing.T, args ...string) *background {
	t.Helper()
	builds.Store(true)
	bin, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	b := &background{cmd: exec.Command(filepath.Join(bin, "ledge"), args...)}
	b.cmd.Stderr = &b.stderr
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.out = bufio.NewReader(out)
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.cmd.ProcessState == nil {
			_ = b.cmd.Process.Kill()
			_ = b.cmd.Wait()
		}
	})
	return b
}

// says waits for a line that begins so, and returns it.
func (b *background) says(t *testing.T, head string) string {
	t.Helper()
	for {
		line, err := b.out.ReadString('\n')
		if strings.HasPrefix(line, head) {
			return line
		}
		if err != nil {
			_ = b.cmd.Wait()
			t.Fatalf("it ends without a line %q: %s", head, &b.stderr)
		}
	}
}

// end sends a signal and returns how the process ends by it.
func (b *background) end(t *testing.T, sig os.Signal) error {
	t.Helper()
	if err := b.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	bound := time.AfterFunc(time.Minute, func() { _ = b.cmd.Process.Kill() })
	defer bound.Stop()
	return b.cmd.Wait()
}

// endAtLast sends a signal until the process has ended, for a minute at most: one that
// stops may take the first of them for a part of the signal that it was sent before.
func (b *background) endAtLast(sig os.Signal) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.cmd.Wait()
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); ; {
		_ = b.cmd.Process.Signal(sig) // it may be gone
		select {
		case <-ended:
			return
		case <-tick.C:
		}
		if time.Now().After(limit) {
			sig = os.Kill
		}
	}
}

// stoppedNode makes a node below a directory and returns its own.
func stoppedNode(t *testing.T, below string) (dir string) {
	t.Helper()
	dir = filepath.Join(below, "node")
	n := runShipped(t, "serve", "--listen", "127.0.0.1:0", "--nats-listen", "off", "--reserve", "0", "--dir", dir)
	n.says(t, "  state  ")
	if err := n.end(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the node ends with %v", err)
	}
	return dir
}

func TestStartReadOnly(t *testing.T) {
	t.Parallel()
	mnt := mounted(t, "size=32m")
	made, empty := stoppedNode(t, mnt), filepath.Join(mnt, "empty")
	if err := errors.Join(os.Mkdir(empty, 0o700), syscall.Mount("none", mnt, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{made, empty, filepath.Join(mnt, "new")} {
		refusesStart(t, 0, dir, "read-only file system", "mount it for writing")
	}
}

func TestStartOfOthers(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("it takes root to become another user")
	}
	top := open(t)
	made, locked, seen := stoppedNode(t, top), filepath.Join(top, "locked"), filepath.Join(top, "seen")
	if err := errors.Join(os.Mkdir(locked, 0o700), os.Mkdir(seen, 0o755)); err != nil {
		t.Fatal(err)
	}
	words := []string{"permission denied", "belongs to user root (0), and this process runs as user ", "(65534): run it as that user, or give it"}
	for _, dir := range []string{made, locked, seen, filepath.Join(top, "new")} {
		refusesStart(t, nobody, dir, words...)
	}
	if err := os.Chmod(made, 0o755); err != nil { // it may look, and open nothing
		t.Fatal(err)
	}
	refusesStart(t, nobody, made, append(words, "/lock")...)
}

// A disk without room for a new node has none of it afterwards, however little lacks.
func TestStartOnFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options string
		free    int // bytes
	}{{"size=1m", 0}, {"size=1m", 4096}, {"size=1m", 6 * 4096}, {"size=1m", 20 * 4096}, {"size=8m,nr_inodes=8", 4 << 20}} {
		mnt := mounted(t, c.options)
		fill(t, filepath.Join(mnt, "ballast"), c.free)
		for _, dir := range []string{mnt, filepath.Join(mnt, "new")} {
			if dir == mnt { // one that is there, and is empty but for a file system's own
				dir = filepath.Join(mnt, "there")
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			refusesStart(t, 0, dir, "no space left on device", "make room there (the disk, or this user's quota)")
		}
		if err := os.Remove(filepath.Join(mnt, "ballast")); err != nil {
			t.Fatal(err)
		}
	}
}

// fill leaves so much room on a file system.
func fill(t *testing.T, path string, free int) {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &st); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, int(st.Bavail)*int(st.Bsize)-free), 0o600); err != nil {
		t.Fatal(err)
	}
}
