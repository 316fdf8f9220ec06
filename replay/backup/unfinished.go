package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Unfinished is a part that is being written. Until it is finished it has a name that
// no part has, one for each place, so what a killed program has left is taken over by
// the next backup to the same place. The file is locked meanwhile, which keeps two
// backups to one place apart; the kernel ends that with the process.
type Unfinished struct {
	f   *os.File // nil once it is finished or discarded
	dir string

	named bool // it has the name of a part
}

// ErrTaken says that another backup is being written to the same place.
var ErrTaken = errors.New("another backup is being written to it")

// Begin begins a part at a path: a directory that is there, or the file that it is to
// become.
func Begin(path string) (*Unfinished, error) {
	dir, name := filepath.Dir(path), path+unfinished
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		dir, name = path, filepath.Join(path, "unfinished"+Extension+unfinished)
	}
	for range beginAttempts {
		f, again, err := lockAt(name)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, fault.With(fault.Retryable, fmt.Errorf("%w: %s is locked", ErrTaken, name))
		case cantLock(err): // then nothing of others may be touched
			f, err = os.CreateTemp(dir, filepath.Base(name)+".*"+unfinished)
		}
		if err != nil {
			return nil, fault.With(fault.Operator, err)
		}
		if !again {
			return &Unfinished{f: f, dir: dir}, nil
		}
	}
	return nil, fault.With(fault.Retryable, fmt.Errorf("%w: %s comes and goes", ErrTaken, name))
}

// beginAttempts is how often a file is locked which another backup finishes meanwhile.
const beginAttempts = 10

// lockAt returns an empty file at a path, locked. again says that it has another name,
// or none, since its owner has finished it before it could be locked.
func lockAt(path string) (f *os.File, again bool, err error) {
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, false, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, false, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, f.Close())
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	if !mine.Mode().IsRegular() {
		return nil, false, errors.Join(fmt.Errorf("%s is no file", path), f.Close())
	}
	if there, err := os.Lstat(path); err != nil || !os.SameFile(mine, there) {
		return f, true, f.Close()
	}
	if err := f.Truncate(0); err != nil {
		return nil, false, errors.Join(err, f.Close())
	}
	return f, false, nil
}

// cantLock reports whether a file system has no locks.
func cantLock(err error) bool {
	for _, e := range []error{syscall.EINVAL, syscall.ENOTSUP, syscall.ENOLCK, syscall.ENOSYS} {
		var op *fs.PathError
		if errors.As(err, &op) && op.Op == "lock" && errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Write writes to the file.
func (u *Unfinished) Write(b []byte) (int, error) { return u.f.Write(b) }

// Finish gives the part its name, in place of what has it, and returns when that is
// durable.
func (u *Unfinished) Finish(path string) error {
	err := u.f.Sync()
	if err == nil {
		err = os.Rename(u.f.Name(), path) // locked, so nobody takes it for something left over
	}
	if err != nil {
		return fault.With(fault.Operator, err)
	}
	u.named = true
	err = u.f.Close()
	u.f = nil
	return fault.With(fault.Operator, errors.Join(err, durable.File(u.dir)))
}

// Named reports whether the part has its name, as it may have after a Finish that has
// failed.
func (u *Unfinished) Named() bool { return u.named }

// Discard removes the part, if it is not finished. A nil one is none.
func (u *Unfinished) Discard() error {
	if u == nil || u.f == nil {
		return nil
	}
	err := errors.Join(os.Remove(u.f.Name()), u.f.Close())
	u.f = nil
	return fault.With(fault.Operator, err)
}
