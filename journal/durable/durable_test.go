package durable_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ledge/journal/durable"
	"ledge/journal/jet/faultfs"
)

func TestMain(m *testing.M) {
	faultfs.Main()
	os.Exit(m.Run())
}

// A file is replaced as a whole or not at all, and a failure leaves nothing else.
func TestReplaceFails(t *testing.T) {
	for name, rule := range map[string]faultfs.Rule{
		"no room":       {Op: faultfs.OpWrite, Errno: syscall.ENOSPC},
		"half of it":    {Op: faultfs.OpWrite, Errno: syscall.ENOSPC, Short: 2},
		"no sync":       {Op: faultfs.OpFsync, Match: ".tmp", Errno: syscall.EIO},
		"no new name":   {Op: faultfs.OpRename, Errno: syscall.EIO},
		"no second one": {Op: faultfs.OpCreate, Errno: syscall.EDQUOT},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faultfs.Start(t)
			path := filepath.Join(disk.Dir, "file")
			if err := durable.Replace(path, []byte("old")); err != nil {
				t.Fatal(err)
			}
			if err := disk.Add(rule); err != nil {
				t.Fatal(err)
			}
			if err := durable.Replace(path, []byte("new one")); !errors.Is(err, rule.Errno) {
				t.Errorf("Replace = %v; want %v", err, rule.Errno)
			}
			if err := disk.Clear(); err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(path); string(b) != "old" {
				t.Errorf("the file is %q, %v; want the old one", b, err)
			}
			if files, err := os.ReadDir(disk.Dir); len(files) != 1 {
				t.Errorf("the directory has %v, %v; want the file alone", files, err)
			}
		})
	}
}

// What was replaced, or synced as a tree, a power cut leaves.
func TestPowerCut(t *testing.T) {
	disk := faultfs.Start(t)
	deep := filepath.Join(disk.Dir, "a", "b")
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(deep, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := durable.Tree(filepath.Join(disk.Dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(filepath.Join(deep, "one"), []byte("another")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(deep, "three"), []byte("three"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(disk.PowerCut(), disk.Restore()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"one": "another", "two": "two", "three": ""} {
		b, err := os.ReadFile(filepath.Join(deep, name))
		if string(b) != want {
			t.Errorf("after a power cut file %q is %q, %v; want %q", name, b, err, want)
		}
	}
}

// The broker removes files at any time, so what is missing is in order.
func TestMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if err := errors.Join(durable.File(path), durable.Tree(path)); err != nil {
		t.Errorf("syncing what is missing = %v; want nil", err)
	}
}

func TestFull(t *testing.T) {
	for err, want := range map[error]bool{
		syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EIO: false, os.ErrNotExist: false,
		fmt.Errorf("write a: %w", &os.PathError{Op: "write", Path: "a", Err: syscall.EDQUOT}): true,
	} {
		if got := durable.Full(err); got != want {
			t.Errorf("Full(%v) = %v; want %v", err, got, want)
		}
	}
}
