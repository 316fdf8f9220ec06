//go:build !linux

package appliance

import (
	"errors"
	"math"
	"os"
	"syscall"
)

// allocate can't: writing is the way here.
func allocate(*os.File, int64) error { return errors.ErrUnsupported }

// freeBytes does not know: writing shows.
func freeBytes(string) (int64, error) { return math.MaxInt64, nil }

// fullDisk reports whether err says that there is no room.
func fullDisk(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
