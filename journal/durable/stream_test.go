package durable_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"ledge/journal/durable"
	"ledge/journal/jet/faultfs"
)

// A file that is written through a Stream has all of it after a power cut. An error of
// any sync, be it one in the middle or the last, comes back, as does one of a write.
func TestStream(t *testing.T) {
	disk := faultfs.Start(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), 5<<18) // one sync in the middle, and the last
	write := func(name string) error {
		f, err := os.Create(filepath.Join(disk.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s := durable.Begin(f)
		for piece := range slices.Chunk(content, 1<<20) {
			if _, err = s.Write(piece); err != nil {
				break
			}
		}
		err = errors.Join(err, s.Close())
		return err
	}
	if err := write("whole"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(disk.Dir, "whole")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file has %d bytes, %v; want the %d that were written", len(got), err, len(content))
	}
	for name, rule := range map[string]faultfs.Rule{
		"sync":  {Op: faultfs.OpFsync, Match: "sync", Errno: syscall.EIO},
		"once":  {Op: faultfs.OpFsync, Match: "once", Errno: syscall.EIO, Count: 1},
		"write": {Op: faultfs.OpWrite, Match: "write", Errno: syscall.ENOSPC},
	} {
		if err := disk.Add(rule); err != nil {
			t.Fatal(err)
		}
		if err := write(name); !errors.Is(err, rule.Errno) {
			t.Errorf("%s: %v; want %v", name, err, rule.Errno)
		}
		if err := disk.Clear(); err != nil {
			t.Fatal(err)
		}
	}
}
