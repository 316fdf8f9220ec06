package appliance

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate has the file system set blocks aside for the file.
func allocate(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), 0, 0, size)
}

// fullDisk reports whether err says that there is no room.
func fullDisk(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}
