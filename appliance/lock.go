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

// lockDirectory makes this process the directory's owner for as long as the
// returned file is open. The kernel ends the lock with the process, so a crash
// leaves nothing to clean up. The owner's pid is in the file, for people.
func lockDirectory(dir string, write bool) (*os.File, error) {
	path := filepath.Join(dir, lockFile)
	flags := os.O_RDONLY
	if write {
		flags = os.O_RDWR
	}
	f, err := os.OpenFile(path, flags|os.O_CREATE, 0o600)
	if err != nil {
		return nil, optionFault("dir", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s belongs to a running process, pid %s", dir, owner(f))
	} else if err == nil && write {
		err = sign(f)
	}
	if err != nil {
		f.Close()
		return nil, optionFault("dir", err)
	}
	return f, nil
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
		return fault.As(fault.Operator, "", err)
	}
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	return fault.As(fault.Operator, "", err)
}
