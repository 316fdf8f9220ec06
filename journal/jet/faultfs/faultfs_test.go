//go:build linux

package faultfs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

// These tests hold the file system to what its package says, by ordinary calls
// on the mount. rule_test.go is about rules, power_test.go about power cuts, and
// this file about the mount itself.

func TestMain(m *testing.M) {
	faultfs.Main()
	os.Exit(m.Run())
}

// mounted is a file system that doesn't fail the test by itself, and that the
// test may close.
func mounted(t *testing.T) *faultfs.FS {
	t.Helper()
	faultfs.Start(t) // skips where there is nothing to test
	dir := t.TempDir()
	disk, err := faultfs.Open(t.Context(), filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return disk
}

// put writes a file and syncs it, the whole of which must work.
func put(t *testing.T, path, content string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %s; want %s", filepath.Base(path), brief(got), brief([]byte(want)))
	}
}

func brief(b []byte) string {
	if len(b) < 100 {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:100], len(b))
}

// Close takes the mount away under the files that are open on it.
func TestCloseInUse(t *testing.T) {
	disk := mounted(t)
	f := open(t, filepath.Join(disk.Dir, "f"), os.O_CREATE|os.O_RDWR)
	if err := disk.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := f.WriteString("x"); err == nil {
		t.Error("a write after Close worked; want an error")
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte(disk.Dir+" ")) {
		t.Errorf("%s is still mounted", disk.Dir)
	}
}

// A mount that can't be made says why, in time.
func TestOpenFails(t *testing.T) {
	faultfs.Start(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "file"), "x")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := faultfs.Open(ctx, dir, filepath.Join(dir, "file")); err == nil {
		t.Error("Open on a file worked; want an error")
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err := faultfs.Open(ctx, dir, filepath.Join(dir, "mnt"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Open = %v; want %v", err, context.Canceled)
	}
}

// An append and its fsync must cost little more than on the disk itself, or
// what runs on the mount isn't what runs without.
func BenchmarkFsync(b *testing.B) {
	disk := faultfs.Start(b)
	for name, dir := range map[string]string{"mount": disk.Dir, "backing": disk.Backing} {
		b.Run(name, func(b *testing.B) {
			f, err := os.Create(filepath.Join(dir, name))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			line := bytes.Repeat([]byte("x"), 130)
			for b.Loop() {
				if _, err := f.Write(line); err != nil {
					b.Fatal(err)
				}
				if err := f.Sync(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
