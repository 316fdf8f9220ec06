//go:build !linux

package appliance

import (
	"errors"
	"os"
	"syscall"
)

// allocate can't: writing is the way here.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }

// fullDisk reports whether err says that there is no room.
func fullDisk(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
