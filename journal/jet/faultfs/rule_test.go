//go:build linux

package faultfs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

// calls has a call for every op. Each works on a directory with the files "a",
// which is open, and "b".
var calls = map[faultfs.Op]func(dir string, a *os.File) error{
	faultfs.OpWrite: func(_ string, a *os.File) error {
		_, err := a.WriteAt([]byte("x"), 0)
		return err
	},
	faultfs.OpFsync: func(_ string, a *os.File) error { return a.Sync() },
	faultfs.OpCreate: func(dir string, _ *os.File) error {
		return closed(os.OpenFile(filepath.Join(dir, "c"), os.O_CREATE|os.O_RDWR, 0o644))
	},
	faultfs.OpOpen: func(dir string, _ *os.File) error {
		return closed(os.OpenFile(filepath.Join(dir, "a"), os.O_RDWR, 0))
	},
	faultfs.OpRead: func(_ string, a *os.File) error {
		_, err := a.ReadAt(make([]byte, 1), 0)
		return err
	},
	faultfs.OpRename: func(dir string, _ *os.File) error {
		return os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "d"))
	},
	faultfs.OpUnlink: func(dir string, _ *os.File) error {
		return os.Remove(filepath.Join(dir, "b"))
	},
	faultfs.OpTruncate: func(_ string, a *os.File) error { return a.Truncate(1) },
	faultfs.OpAllocate: func(_ string, a *os.File) error {
		return syscall.Fallocate(int(a.Fd()), 0, 0, 8192)
	},
	faultfs.OpAttr: func(dir string, _ *os.File) error {
		return os.Chmod(filepath.Join(dir, "b"), 0o600)
	},
}

func closed(f *os.File, err error) error {
	if err != nil {
		return err
	}
	return f.Close()
}

// A rule fails the calls that it is about, which then have no effect, and no
// others; and when it is cleared they work.
func TestErrno(t *testing.T) {
	for op, do := range calls {
		t.Run(string(op), func(t *testing.T) {
			disk := faultfs.Start(t)
			put(t, filepath.Join(disk.Dir, "a"), "first")
			put(t, filepath.Join(disk.Dir, "b"), "second")
			a := open(t, filepath.Join(disk.Dir, "a"), os.O_RDWR)
			before := disk.Stats()
			disk.Add(faultfs.Rule{Op: op, Errno: syscall.EDQUOT})
			if err := do(disk.Dir, a); !errors.Is(err, syscall.EDQUOT) {
				t.Errorf("with the rule: %v; want EDQUOT", err)
			}
			got := disk.Stats()[op]
			if want := (faultfs.Count{Calls: before[op].Calls + 1, Hits: 1}); got != want {
				t.Errorf("counted %+v; want %+v", got, want)
			}
			holds(t, filepath.Join(disk.Backing, "a"), "first")
			holds(t, filepath.Join(disk.Backing, "b"), "second")
			disk.Clear()
			if err := do(disk.Dir, a); err != nil {
				t.Errorf("after Clear: %v", err)
			}
		})
	}
}

// A read-only disk lets nothing be changed and everything be read.
func TestModify(t *testing.T) {
	disk := faultfs.Start(t)
	put(t, filepath.Join(disk.Dir, "a"), "first")
	put(t, filepath.Join(disk.Dir, "b"), "second")
	a := open(t, filepath.Join(disk.Dir, "a"), os.O_RDWR)
	disk.Add(faultfs.Rule{Op: faultfs.OpModify, Errno: syscall.EROFS})
	for op, do := range calls {
		want := error(syscall.EROFS)
		if op == faultfs.OpRead || op == faultfs.OpFsync {
			want = nil
		}
		if err := do(disk.Dir, a); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", op, err, want)
		}
	}
	holds(t, filepath.Join(disk.Dir, "b"), "second")
}

// After, Count and Match say which calls a rule hits.
func TestWhich(t *testing.T) {
	for _, c := range []struct {
		name string
		rule faultfs.Rule
		want string // of six writes, which pass
	}{
		{"all", faultfs.Rule{}, "------"},
		{"after", faultfs.Rule{After: 4}, "xxxx--"},
		{"count", faultfs.Rule{Count: 2}, "--xxxx"},
		{"after and count", faultfs.Rule{After: 1, Count: 2}, "x--xxx"},
		{"match", faultfs.Rule{Match: "ir/fi"}, "------"},
		{"no match", faultfs.Rule{Match: "other"}, "xxxxxx"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := faultfs.Start(t)
			if err := os.Mkdir(filepath.Join(disk.Dir, "dir"), 0o755); err != nil {
				t.Fatal(err)
			}
			f := open(t, filepath.Join(disk.Dir, "dir/file"), os.O_CREATE|os.O_RDWR)
			c.rule.Op, c.rule.Errno = faultfs.OpWrite, syscall.ENOSPC
			disk.Add(c.rule)
			got := ""
			for range 6 {
				switch _, err := f.Write([]byte("x")); {
				case err == nil:
					got += "x"
				case errors.Is(err, syscall.ENOSPC):
					got += "-"
				default:
					t.Fatalf("write: %v; want ENOSPC", err)
				}
			}
			if got != c.want {
				t.Errorf("passed %s; want %s", got, c.want)
			}
			passed := strings.Repeat("x", strings.Count(c.want, "x"))
			holds(t, filepath.Join(disk.Backing, "dir/file"), passed)
			want := faultfs.Count{Calls: 6, Hits: strings.Count(c.want, "-")}
			if got := disk.Stats()[faultfs.OpWrite]; got != want {
				t.Errorf("counted %+v; want %+v", got, want)
			}
		})
	}
}

// A rename matches by either of its paths.
func TestRenameMatch(t *testing.T) {
	disk := faultfs.Start(t)
	for _, match := range []string{"old", "new"} {
		put(t, filepath.Join(disk.Dir, "old"), "x")
		disk.Add(faultfs.Rule{Op: faultfs.OpRename, Match: match, Errno: syscall.EIO})
		err := os.Rename(filepath.Join(disk.Dir, "old"), filepath.Join(disk.Dir, "new"))
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("match %q: %v; want EIO", match, err)
		}
		disk.Clear()
	}
}

// A write comes up short: torn when there is an error too.
func TestShort(t *testing.T) {
	for _, c := range []struct {
		name string
		rule faultfs.Rule
		n    int
		want error
	}{
		{"torn", faultfs.Rule{Short: 3, Errno: syscall.EIO}, -1, syscall.EIO},
		{"short", faultfs.Rule{Short: 3}, 3, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := faultfs.Start(t)
			f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
			c.rule.Op = faultfs.OpWrite
			disk.Add(c.rule)
			n, err := syscall.Write(int(f.Fd()), []byte("abcdefg")) // os.File writes on
			if n != c.n || !errors.Is(err, c.want) {
				t.Errorf("write = %d, %v; want %d, %v", n, err, c.n, c.want)
			}
			holds(t, filepath.Join(disk.Dir, "f"), "abc")
		})
	}
}

// A large write is cut where the rule says, and is one call up to 1 MiB.
func TestLargeWrite(t *testing.T) {
	disk := faultfs.Start(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
	b := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if got := disk.Stats()[faultfs.OpWrite].Calls; got != 1 {
		t.Errorf("a write of 1 MiB was %d calls; want 1", got)
	}
	disk.Add(faultfs.Rule{Op: faultfs.OpWrite, Short: 300_001, Errno: syscall.ENOSPC})
	if _, err := f.Write(b); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %v; want ENOSPC", err)
	}
	holds(t, filepath.Join(disk.Dir, "f"), string(b)+string(b[:300_001]))
}

// The first rule with an error counts, and all delays do.
func TestSlow(t *testing.T) {
	disk := faultfs.Start(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Delay: 30 * time.Millisecond})
	disk.Add(faultfs.Rule{
		Op: faultfs.OpFsync, Delay: 30 * time.Millisecond, Errno: syscall.EIO, After: 1,
	})
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Errno: syscall.ENOSPC, After: 1})
	for _, c := range []struct {
		least time.Duration
		want  error
	}{{30 * time.Millisecond, nil}, {60 * time.Millisecond, syscall.EIO}} {
		began := time.Now()
		if err := f.Sync(); !errors.Is(err, c.want) {
			t.Errorf("Sync = %v; want %v", err, c.want)
		}
		if took := time.Since(began); took < c.least {
			t.Errorf("Sync took %s; want at least %s", took, c.least)
		}
	}
}

// A call that a delay holds, for ever as far as it knows, goes on at Clear, and
// fails at a power cut.
func TestDelayEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*faultfs.FS)
		want error
	}{
		{"clear", func(f *faultfs.FS) { f.Clear() }, nil},
		{"power cut", func(f *faultfs.FS) { f.PowerCut() }, syscall.EIO},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := faultfs.Start(t)
			f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
			disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Delay: time.Hour})
			done := make(chan error, 1)
			go func() { done <- f.Sync() }()
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for disk.Stats()[faultfs.OpFsync].Hits == 0 {
				<-tick.C
			}
			select {
			case err := <-done:
				t.Fatalf("Sync = %v; want it to wait", err)
			default:
			}
			c.end(disk)
			select {
			case err := <-done:
				if !errors.Is(err, c.want) {
					t.Errorf("Sync = %v; want %v", err, c.want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("Sync still waits")
			}
		})
	}
}

// Ways to sync other than fsync are seen too.
func TestSyncs(t *testing.T) {
	disk := faultfs.Start(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR|os.O_SYNC)
	dir := open(t, disk.Dir, os.O_RDONLY)
	for i, c := range []struct {
		name string
		do   func() error
	}{
		{"write with O_SYNC", func() error { _, err := f.WriteString("x"); return err }},
		{"fdatasync", func() error { return syscall.Fdatasync(int(f.Fd())) }},
		{"fsync of a directory", dir.Sync},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := disk.Stats()[faultfs.OpFsync].Calls; got != i+1 {
			t.Errorf("after %s there were %d syncs; want %d", c.name, got, i+1)
		}
		disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Count: 1, Delay: 1})
	}
	if got := disk.Stats()[faultfs.OpFsync].Hits; got != 2 {
		t.Errorf("%d syncs were hit; want 2", got)
	}
}

// Rules that make no sense are refused, and the file system works on.
func TestBadRules(t *testing.T) {
	disk := mounted(t)
	for _, c := range []struct {
		rule faultfs.Rule
		want string
	}{
		{faultfs.Rule{Op: "wirte", Errno: syscall.EIO}, "none of"},
		{faultfs.Rule{Op: faultfs.OpWrite}, "does nothing"},
		{faultfs.Rule{Op: faultfs.OpFsync, Short: 1}, "for writes"},
		{faultfs.Rule{Op: faultfs.OpWrite, Errno: syscall.EIO, Count: -1}, "negative"},
	} {
		if err := disk.Add(c.rule); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Add(%+v) = %v; want an error with %q", c.rule, err, c.want)
		}
	}
	put(t, filepath.Join(disk.Dir, "a"), "first")
	if err := disk.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := disk.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
	if err := disk.Add(faultfs.Rule{Op: faultfs.OpRead, Errno: syscall.EIO}); err == nil {
		t.Error("Add after Close worked; want an error")
	}
}
