package blocks

import (
	"errors"

	"golang.org/x/sys/unix"

	"ledge/journal/durable"
)

// Forget has the kernel drop its copies of the blocks, so that what is read
// next comes from the disk. Pages that it still means to write it keeps.
func (s Store) Forget() error {
	dir, ids, err := s.Blocks()
	errs := []error{err}
	for _, id := range ids {
		f, err := durable.Open(Path(dir, id))
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
