//go:build unix

package appliance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ledge/journal/durable"
	"ledge/journal/fault"
)

// lock is what makes a process a directory's owner, until it is closed. The
// kernel ends it with the process, so a crash leaves nothing to clean up.
//
// Two things are locked: the directory itself, which stays the same when
// somebody removes what is in it, and the file lock, in which the owner's pid
// stands for people, and which programs look at that know nothing of the first.
type lock struct {
	dir, file *os.File
	made      bool // the file was not there before
}

// ErrRunning says that a directory's node is running.
var ErrRunning = errors.New("belongs to a running process")

// RunningError is ErrRunning with who has the directory.
type RunningError struct {
	Dir string
	PID string // "unknown" if the lock does not say
	// Command is what it was started as, without options: "ledge serve". "" is not known.
	Command string
}

func (e *RunningError) Error() string {
	s := fmt.Sprintf("%s %s, pid %s", e.Dir, ErrRunning, e.PID)
	if e.Command != "" {
		s += ", " + e.Command
	}
	return s
}

// Unwrap returns ErrRunning.
func (e *RunningError) Unwrap() error { return ErrRunning }

// Serves reports whether it is a node, as far as is known, and not one of the commands
// that look into a directory.
func (e *RunningError) Serves() bool {
	return e.Command == "" || strings.HasSuffix(e.Command, " serve")
}

// commandOf returns what a process was started as: its program and the words up to the
// first option, since options may have secrets. It is "" where the system doesn't say.
func commandOf(pid string) string {
	if _, err := strconv.Atoi(pid); err != nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
	args := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	if err != nil || len(args) < 2 {
		return ""
	}
	words := []string{filepath.Base(args[0])}
	for _, arg := range args[1:] {
		if !commandWord.MatchString(arg) || len(words) > mostWords {
			break
		}
		words = append(words, arg)
	}
	if len(words) == 1 {
		return ""
	}
	return strings.Join(words, " ")
}

// A command has at most mostWords words, as journal verify, which are all of this form.
const mostWords = 2

var commandWord = regexp.MustCompile(`^[a-z]{1,20}$`)

// Held reports whether a process has a directory, also where the system doesn't say.
func Held(dir string) bool {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return false
	}
	defer unlock(f)
	return flock(f) != nil
}

// Inode tells a directory from its copies; 0 is not known.
func Inode(dir string) uint64 {
	fi, err := os.Stat(dir)
	if err != nil {
		return 0
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// lockDirectory makes this process the directory's owner.
func lockDirectory(dir string, write bool) (*lock, error) {
	l := &lock{}
	if err := l.acquire(dir, write); err != nil {
		l.Close()
		return nil, optionFault("dir", err)
	}
	return l, nil
}

// Whoever looks whether a directory is held has it for a moment itself, and the system
// may take one to end what a process had that was killed. So a lock whose owner is not
// there any more is tried for again, each lockEvery for lockMost.
const (
	lockEvery = 10 * time.Millisecond
	lockMost  = time.Second
)

func (l *lock) acquire(dir string, write bool) error {
	for until := time.Now().Add(lockMost); ; time.Sleep(lockEvery) {
		err := l.try(dir, write)
		var running *RunningError
		if !errors.As(err, &running) || time.Now().After(until) || isProcess(running.PID) {
			return err
		}
		l.Close()
		*l = lock{}
	}
}

// isProcess reports whether there is a process of that id that is not about to end. One that is
// not known counts.
func isProcess(pid string) bool {
	n, err := strconv.Atoi(pid)
	return err != nil || n <= 0 || !errors.Is(syscall.Kill(n, 0), syscall.ESRCH) && !isEnding(n)
}

// isEnding reports whether a process was killed, and has its files for as long as the system
// takes to free its memory, as far as the system says so: SIGKILL waits for one of its threads,
// or it has no command line any more.
func isEnding(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err == nil && len(b) == 0 {
		return true
	}
	b, _ = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for _, pending := range killPending.FindAllSubmatch(b, -1) {
		mask, err := strconv.ParseUint(string(pending[1]), 16, 64)
		if err == nil && mask&(1<<(syscall.SIGKILL-1)) != 0 {
			return true
		}
	}
	return false
}

var killPending = regexp.MustCompile(`(?m)^S(?:ig|hd)Pnd:\s*([0-9a-f]+)$`)

func (l *lock) try(dir string, write bool) (err error) {
	if l.dir, err = os.Open(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, lockFile)
	err = flock(l.dir)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		pid := ownerIn(path)
		return &RunningError{dir, pid, commandOf(pid)}
	case err != nil && !cantLock(err):
		return err
	}
	made := missing(path)
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	if l.file, err = durable.OpenFile(path, flags|os.O_CREATE, 0o600); err != nil {
		return err
	}
	err = flock(l.file)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid := owner(l.file)
		err = &RunningError{dir, pid, commandOf(pid)}
	} else if err == nil && write {
		l.made = made
		if err = sign(l.file); err != nil {
			l.undo()
		}
	}
	return err
}

// undo removes the file, if it was not there before: the directory is to stay as it is.
func (l *lock) undo() {
	if l.made {
		_ = os.Remove(l.file.Name()) // if it stays, it says nothing that isn't so
	}
}

// Close gives the directory up.
func (l *lock) Close() error {
	var errs []error
	for _, f := range []*os.File{l.file, l.dir} {
		if f != nil {
			errs = append(errs, unlock(f))
		}
	}
	return errors.Join(errs...)
}

func flock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// unlock ends a lock and closes its file. Closing alone does not end it while a process that
// this one is starting has the file, too: until it has become another program.
func unlock(f *os.File) error {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // closing ends it if this can't
	return f.Close()
}

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
	f, err := durable.Open(path)
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
	text := fmt.Appendf(nil, "%d\n", os.Getpid())
	_, err := f.WriteAt(text, 0) // over what is there, which takes no room on a full disk
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	return fault.With(fault.Operator, err)
}
