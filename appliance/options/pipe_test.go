package options

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A named pipe that nobody has open is read at once, as empty; what is written to one
// is read; one that somebody holds open without an end is given up.
func TestReadPipes(t *testing.T) {
	t.Parallel() // the last part waits
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := readSecret(path); err != nil || len(b) != 0 {
		t.Errorf("a pipe that nobody writes to: %q, %v; want nothing", b, err)
	}
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString("hunter2"); err != nil {
		t.Fatal(err)
	}
	b, err := readSecret(path)
	if string(b) != "hunter2" || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a pipe that stays open: %q, %v; want what was written, and that the time is over", b, err)
	}
}
