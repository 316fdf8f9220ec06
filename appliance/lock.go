//go:build unix

package appliance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ledge/journal/fault"
)

// lock is what makes a process a directory's owner, until it is closed. The
// kernel ends it with the process, so a crash leaves nothing to clean up.
//
// Two things are locked: the directory itself, which stays the same when
// somebody removes what is in it, and the file lock, in which the owner's pid
// stands for people, and which programs look at that know nothing of the first.
type lock struct{ dir, file *os.File }

// ErrRunning says that a directory's node is running.
var ErrRunning = errors.New("belongs to a running process")

// lockDirectory makes this process the directory's owner.
func lockDirectory(dir string, write bool) (*lock, error) {
	l := &lock{}
	if err := l.acquire(dir, write); err != nil {
		l.Close()
		return nil, optionFault("dir", err)
	}
	return l, nil
}

func (l *lock) acquire(dir string, write bool) (err error) {
	if l.dir, err = os.Open(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, lockFile)
	err = flock(l.dir)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("%s %w, pid %s", dir, ErrRunning, ownerIn(path))
	case err != nil && !cantLock(err):
		return err
	}
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	if l.file, err = os.OpenFile(path, flags|os.O_CREATE, 0o600); err != nil {
		return err
	}
	err = flock(l.file)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s %w, pid %s", dir, ErrRunning, owner(l.file))
	} else if err == nil && write {
		err = sign(l.file)
	}
	return err
}

// Close gives the directory up.
func (l *lock) Close() error {
	var errs []error
	for _, f := range []*os.File{l.file, l.dir} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// cantLock reports whether a file system has no locks for directories, as NFS,
// which makes them of locks of writable files. The file lock is all there is then.
func cantLock(err error) bool {
	for _, e := range []error{syscall.EBADF, syscall.EINVAL, syscall.EISDIR, syscall.ENOTSUP, syscall.ENOLCK, syscall.ENOSYS} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ownerIn returns who the file lock says the owner is. It may have been removed,
// or be of somebody who came later.
func ownerIn(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	return owner(f)
}

func owner(f *os.File) string {
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(b)); pid != "" {
		return pid
	}
	return "unknown"
}

func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fault.With(fault.Operator, err)
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return fault.With(fault.Operator, err)
}
