package jet

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// forget has the kernel drop its copies of the blocks, so that what is read
// next comes from the disk. Pages that it still means to write it keeps.
func (s store) forget() error {
	dir, ids, err := s.blocks()
	errs := []error{err}
	for _, id := range ids {
		f, err := os.Open(blockPath(dir, id))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		// Advice: a file system that can't take it loses nothing.
		_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
