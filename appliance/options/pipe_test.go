package options

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A named pipe that nobody writes to is read at once, as empty; what a shell hands
// over through one is read.
func TestReadPipes(t *testing.T) {
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
	if _, err := w.WriteString("hunter2"); err != nil {
		t.Fatal(err)
	}
	read := make(chan string, 1)
	opened, err := openBounded(path)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	go func() {
		b := make([]byte, 32)
		n, _ := opened.Read(b) // an error shows as an empty answer
		read <- string(b[:n])
	}()
	if got := <-read; got != "hunter2" {
		t.Errorf("read %q from a pipe; want hunter2", got)
	}
}
