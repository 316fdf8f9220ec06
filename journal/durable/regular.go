package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// NotFile says that something else stands where a file should.
type NotFile struct {
	Path string
	Kind string // such as "a named pipe"
}

func (e *NotFile) Error() string {
	return e.Path + " is " + e.Kind + " where a file should be; move it away"
}

// Open opens a file for reading. It never waits for another process, as opening a
// named pipe does: what is no regular file is a *NotFile.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is Open with flags, and a mode for a file that is made.
func OpenFile(path string, flags int, mode fs.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOCTTY, mode)
	if err != nil { // a socket can't be opened, nor can a pipe that nobody reads be written
		if fi, serr := os.Stat(path); serr == nil && !fi.Mode().IsRegular() {
			err = &NotFile{path, kind(fi.Mode())}
		}
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &NotFile{path, kind(fi.Mode())}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadFile reads the whole of a file as os.ReadFile does, with Open.
func ReadFile(path string) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	// One byte more than there should be finds the end without growing the buffer.
	b := make([]byte, 0, fi.Size()+1)
	for {
		n, err := f.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// Misplaced says what stands at path where a file should, as "a named pipe"; "" is
// a file, a link to one, or nothing.
func Misplaced(path string) string {
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode().IsRegular() {
		return ""
	}
	if fi.Mode()&fs.ModeSymlink == 0 {
		return kind(fi.Mode())
	}
	to, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
		return "a link to nothing"
	case err != nil || to.Mode().IsRegular():
		return "" // whoever opens it says what fails
	}
	return "a link to " + kind(to.Mode())
}

// kind names what is no regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
