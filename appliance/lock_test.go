//go:build unix

package appliance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/fault"
)

// A directory has one owner, whatever becomes of the file lock meanwhile and by
// whichever name it is opened.
func TestLockStays(t *testing.T) {
	for _, c := range []struct {
		name    string
		tamper  func(path string) error
		another bool // open it by another name
	}{
		{"untouched", func(string) error { return nil }, false},
		{"removed", os.Remove, false},
		{"moved away", func(path string) error { return os.Rename(path, path+".old") }, false},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+".new", []byte("1\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, false},
		{"removed, by a link", os.Remove, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			first, err := lockDirectory(dir, true)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			if err := c.tamper(filepath.Join(dir, lockFile)); err != nil {
				t.Fatal(err)
			}
			at := dir
			if c.another {
				at = filepath.Join(t.TempDir(), "link")
				if err := os.Symlink(dir, at); err != nil {
					t.Fatal(err)
				}
			}
			for _, write := range []bool{true, false} {
				second, err := lockDirectory(at, write)
				if err == nil {
					second.Close()
				}
				if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "belongs to a running process") {
					t.Errorf("a second owner, to write: %v: %v; want an Operator error that names the first", write, err)
				}
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			after, err := lockDirectory(at, true)
			if err != nil {
				t.Fatalf("after the first owner: %v", err)
			}
			if err := after.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who knows of the file lock only is kept out, and keeps others out.
func TestLockFile(t *testing.T) {
	dir := t.TempDir()
	l, err := lockDirectory(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, lockFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := flock(f); err == nil {
		t.Error("the file lock can be locked beside the owner")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := flock(f); err != nil {
		t.Fatal(err)
	}
	if l, err := lockDirectory(dir, true); err == nil {
		l.Close()
		t.Error("the directory can be had while another program has locked its file")
	}
}

// A process that this one is starting has all files of it, until it has become another
// program. A lock that was given up is free all the same.
func TestLockWhileStarting(t *testing.T) {
	dir := t.TempDir()
	l, err := lockDirectory(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{l.dir, l.file} {
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = lockDirectory(dir, true); err != nil {
		t.Fatalf("after it was given up: %v", err)
	}
	l.Close()
}

// A lock whose owner is gone is waited for, for a moment: somebody may be looking whether
// the directory is held. One that stays is refused.
func TestLockOfGone(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	lockOfGone(t, cmd.Process.Pid)
}

// One that was killed is as good as gone, though the system has it still.
func TestLockOfKilled(t *testing.T) {
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("the system does not say what ends")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lockOfGone(t, cmd.Process.Pid)
}

func lockOfGone(t *testing.T, pid int) {
	t.Helper()
	for _, stays := range []bool{false, true} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, lockFile), fmt.Appendln(nil, pid), 0o600); err != nil {
			t.Fatal(err)
		}
		other, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if err := flock(other); err != nil {
			t.Fatal(err)
		}
		if !stays {
			time.AfterFunc(50*time.Millisecond, func() { other.Close() })
		}
		l, err := lockDirectory(dir, true)
		if err == nil {
			l.Close()
		}
		if stays != (err != nil) || stays && !strings.Contains(err.Error(), "belongs to a running process") {
			t.Errorf("the lock stays: %v: %v; want it refused then alone", stays, err)
		}
	}
}
