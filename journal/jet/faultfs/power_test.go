//go:build linux

package faultfs_test

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

// must is for calls that have to work for the test to mean anything.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func writeAt(t *testing.T, f *os.File, s string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(s), off)
	must(t, err)
}

// blocks is content of several blocks of the file system's memory, no two of
// which are the same.
func blocks(n int) string {
	var b strings.Builder
	for i := range n * 4096 / 16 {
		fmt.Fprintf(&b, "%015d\n", i)
	}
	return b.String()
}

// base is what is in the file, synced, before a case of TestPowerCut does something.
var base = blocks(3) + "tail"

var powerCuts = []struct {
	name string
	do   func(t *testing.T, f *os.File)
	want string
}{
	{"nothing", func(*testing.T, *os.File) {}, base},
	{"overwrite", func(t *testing.T, f *os.File) {
		writeAt(t, f, "XXXX", 4094) // over the edge of a block
	}, base},
	{"overwrite twice", func(t *testing.T, f *os.File) {
		writeAt(t, f, "XXXX", 5000)
		writeAt(t, f, "YYYYYY", 4999)
	}, base},
	{"overwrite between syncs", func(t *testing.T, f *os.File) {
		writeAt(t, f, "XXXX", 5000)
		must(t, f.Sync())
		writeAt(t, f, "YYYYYY", 4999)
	}, base[:5000] + "XXXX" + base[5004:]},
	{"append", func(t *testing.T, f *os.File) {
		writeAt(t, f, "more", int64(len(base)))
	}, base},
	{"append after sync of an append", func(t *testing.T, f *os.File) {
		writeAt(t, f, "kept", int64(len(base)))
		must(t, f.Sync())
		writeAt(t, f, "lost", int64(len(base))+4)
	}, base + "kept"},
	{"over the end", func(t *testing.T, f *os.File) {
		writeAt(t, f, "TAILS", int64(len(base))-4)
	}, base},
	{"truncate", func(t *testing.T, f *os.File) { must(t, f.Truncate(10)) }, base},
	{"truncate and write", func(t *testing.T, f *os.File) {
		must(t, f.Truncate(10))
		writeAt(t, f, blocks(5), 4)
	}, base},
	{"truncate and sync", func(t *testing.T, f *os.File) {
		must(t, f.Truncate(10), f.Sync())
	}, base[:10]},
	{"truncate by path", func(t *testing.T, f *os.File) {
		must(t, os.Truncate(f.Name(), 5))
	}, base},
	{"truncate longer", func(t *testing.T, f *os.File) { must(t, f.Truncate(1<<20)) }, base},
	{"open with O_TRUNC", func(t *testing.T, f *os.File) {
		must(t, os.WriteFile(f.Name(), []byte("new"), 0o644))
	}, base},
	{"allocate", func(t *testing.T, f *os.File) {
		must(t, syscall.Fallocate(int(f.Fd()), 0, 0, 1<<20))
	}, base},
	{"punch a hole", func(t *testing.T, f *os.File) {
		must(t, syscall.Fallocate(int(f.Fd()), 0x3, 100, 8000))
	}, base},
	{"failed sync", func(t *testing.T, f *os.File) {
		writeAt(t, f, "XXXX", 0)
		if err := f.Sync(); err != nil { // the rule is below
			return
		}
		t.Error("Sync worked; want it to fail")
	}, base},
	{"fdatasync", func(t *testing.T, f *os.File) {
		writeAt(t, f, "kept", 0)
		must(t, syscall.Fdatasync(int(f.Fd())))
	}, "kept" + base[4:]},
	{"sync by another descriptor", func(t *testing.T, f *os.File) {
		writeAt(t, f, "kept", 0)
		must(t, open(t, f.Name(), os.O_RDONLY).Sync())
	}, "kept" + base[4:]},
	{"write with O_SYNC", func(t *testing.T, f *os.File) {
		writeAt(t, open(t, f.Name(), os.O_WRONLY|os.O_SYNC), "kept", 0)
	}, "kept" + base[4:]},
	{"closed", func(t *testing.T, f *os.File) {
		writeAt(t, f, "XXXX", 0)
		must(t, f.Close())
	}, base},
}

// After a power cut a file holds what it held when it was last synced. The
// file starts with content that was there before the mount's first call.
func TestPowerCut(t *testing.T) {
	for _, c := range powerCuts {
		t.Run(c.name, func(t *testing.T) {
			disk := faultfs.Start(t)
			put(t, filepath.Join(disk.Backing, "f"), base)
			if c.name == "failed sync" {
				disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Errno: syscall.EIO})
			}
			c.do(t, open(t, filepath.Join(disk.Dir, "f"), os.O_RDWR))
			disk.PowerCut()
			holds(t, filepath.Join(disk.Backing, "f"), c.want)
			disk.Restore()
			holds(t, filepath.Join(disk.Dir, "f"), c.want)
		})
	}
}

// Directories are durable at once, the content of files isn't.
func TestPowerCutNames(t *testing.T) {
	disk := faultfs.Start(t)
	at := func(name string) string { return filepath.Join(disk.Dir, name) }
	put(t, at("removed"), "x")
	must(t, os.Remove(at("removed")))
	must(t, os.WriteFile(at("unsynced"), []byte("lost"), 0o644))
	put(t, at("old"), "kept")
	must(t, os.Rename(at("old"), at("renamed")))
	must(t, os.WriteFile(at("tmp"), []byte("lost"), 0o644))
	put(t, at("replaced"), "gone as well")
	must(t, os.Rename(at("tmp"), at("replaced")))
	must(t, os.Mkdir(at("dir"), 0o755))
	put(t, at("dir/f"), "kept")

	disk.PowerCut()
	disk.Restore()

	holds(t, at("unsynced"), "")
	holds(t, at("renamed"), "kept")
	holds(t, at("replaced"), "")
	holds(t, at("dir/f"), "kept")
	for _, name := range []string{"removed", "old", "tmp"} {
		if _, err := os.Stat(at(name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("stat %s: %v; want %v", name, err, os.ErrNotExist)
		}
	}
}

// Without power nothing works. With it everything does, but for the files that
// were open at the cut.
func TestPowerOff(t *testing.T) {
	disk := faultfs.Start(t)
	put(t, filepath.Join(disk.Dir, "a"), "first")
	put(t, filepath.Join(disk.Dir, "b"), "second")
	a := open(t, filepath.Join(disk.Dir, "a"), os.O_RDWR)
	dir := open(t, disk.Dir, os.O_RDONLY)
	disk.PowerCut()
	for op, do := range calls {
		if err := do(disk.Dir, a); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s without power: %v; want EIO", op, err)
		}
	}
	if _, err := os.ReadDir(disk.Dir); !errors.Is(err, syscall.EIO) {
		t.Errorf("ReadDir without power: %v; want EIO", err)
	}
	disk.Restore()
	holds(t, filepath.Join(disk.Dir, "a"), "first")
	for _, op := range []faultfs.Op{
		faultfs.OpWrite, faultfs.OpFsync, faultfs.OpRead, faultfs.OpTruncate, faultfs.OpAllocate,
	} {
		if err := calls[op](disk.Dir, a); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s on a file from before the cut: %v; want EIO", op, err)
		}
	}
	if _, err := dir.ReadDir(-1); !errors.Is(err, syscall.EIO) {
		t.Errorf("ReadDir of a directory from before the cut: %v; want EIO", err)
	}
	for op, do := range calls {
		fresh := open(t, filepath.Join(disk.Dir, "a"), os.O_RDWR)
		put(t, filepath.Join(disk.Dir, "b"), "second")
		if err := do(disk.Dir, fresh); err != nil {
			t.Errorf("%s with power again: %v", op, err)
		}
	}
}

// A removed file gives its space back, synced or not, and can be worked on
// while it is open.
func TestRemovedWhileOpen(t *testing.T) {
	disk := faultfs.Start(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
	writeAt(t, f, "before", 0)
	must(t, os.Remove(f.Name()))
	writeAt(t, f, "after", 0)
	must(t, f.Sync())
	if st, err := f.Stat(); err != nil || st.Size() != 6 {
		t.Errorf("Stat = %v, %v; want 6 bytes", st, err)
	}
	must(t, f.Truncate(2))
	disk.PowerCut()
	if left, err := os.ReadDir(disk.Backing); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v; want nothing", left, err)
	}
}

// Appends after a torn one go where the file ends, torn bytes included.
func TestAppendAfterTorn(t *testing.T) {
	disk := faultfs.Start(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR|os.O_APPEND)
	disk.Add(faultfs.Rule{Op: faultfs.OpWrite, Short: 3, Errno: syscall.EIO, Count: 1})
	if _, err := f.WriteString("abcdef"); !errors.Is(err, syscall.EIO) {
		t.Fatalf("write: %v; want EIO", err)
	}
	_, err := f.WriteString("ghi")
	must(t, err)
	holds(t, f.Name(), "abcghi")
}

// Whatever is done to some files, a cut leaves each as a plain copy taken at
// its last sync.
func TestPowerCutRandom(t *testing.T) {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewSource(seed))
	disk := faultfs.Start(t)
	var files []*os.File
	want := map[string]string{}
	for round := range 20 {
		files = nil
		for i := range 4 {
			files = append(files, open(t, filepath.Join(disk.Dir, fmt.Sprint(i)), os.O_CREATE|os.O_RDWR))
		}
		for range 60 {
			f := files[rng.Intn(len(files))]
			switch i := rng.Intn(10); {
			case i < 6:
				writeAt(t, f, blocks(3)[:rng.Intn(10000)+1], int64(rng.Intn(30000)))
			case i < 8:
				must(t, f.Truncate(int64(rng.Intn(30000))))
			default:
				must(t, f.Sync())
				b, err := os.ReadFile(f.Name())
				must(t, err)
				want[f.Name()] = string(b)
			}
		}
		disk.PowerCut()
		disk.Restore()
		for _, f := range files {
			holds(t, f.Name(), want[f.Name()])
		}
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}
