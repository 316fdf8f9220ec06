package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"ledge/journal/durable"
)

// What is no file is told from a file by every way to open one, and none waits.
func TestNotFile(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.Mkdir(in("directory"), 0o700), syscall.Mkfifo(in("pipe"), 0o600),
		os.WriteFile(in("file"), []byte("text"), 0o600), os.Symlink("pipe", in("link")),
		os.Symlink("file", in("good")), os.Symlink("gone", in("loose")), os.Symlink("round", in("round")))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"directory": "a directory", "pipe": "a named pipe", "link": "a link to a named pipe",
		"loose": "a link to nothing", "round": "a link to nothing",
		"file": "", "good": "", "none": "",
	} {
		if got := durable.Misplaced(in(name)); got != want {
			t.Errorf("Misplaced(%s) = %q; want %q", name, got, want)
		}
	}
	for _, path := range []string{in("directory"), in("pipe"), in("link"), "/dev/null"} {
		var other *durable.NotFile
		if _, err := durable.ReadFile(path); !errors.As(err, &other) || other.Path != path {
			t.Errorf("ReadFile(%s) = %v; want it no file", path, err)
		}
		if _, err := durable.OpenFile(path, os.O_WRONLY, 0); !errors.As(err, &other) {
			t.Errorf("OpenFile(%s) = %v; want it no file", path, err)
		}
		if err := durable.File(path); err != nil {
			t.Errorf("File(%s) = %v; want nothing to sync", path, err)
		}
	}
	for _, name := range []string{"file", "good"} {
		if b, err := durable.ReadFile(in(name)); err != nil || string(b) != "text" {
			t.Errorf("ReadFile(%s) = %q, %v; want the text", name, b, err)
		}
	}
	if _, err := durable.ReadFile(in("loose")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadFile of a link to nothing = %v; want nothing there", err)
	}
}
