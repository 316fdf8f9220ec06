package blocks

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"ledge/journal/durable"
)

// ErrNotSynced says that a cut is done, and may not be on disk.
var ErrNotSynced = errors.New("cut is not synced")

// Cut ends the journal at p, on disk too. The broker must not have the store.
func (s Store) Cut(p Place) error {
	if err := s.DropIndex(); err != nil {
		return err
	}
	if err := s.dropAfter(p.Block); err != nil {
		return err
	}
	f, err := durable.OpenFile(p.Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(p.Off); err == nil {
		if err = f.Sync(); err != nil {
			err = fmt.Errorf("%w: %w", ErrNotSynced, err)
		}
	}
	return errors.Join(err, f.Close())
}

// dropAfter removes the blocks after one, the last of them first: when that
// fails half-way, what is left is still the beginning of what there was.
func (s Store) dropAfter(block uint32) error {
	dir, ids, err := s.Blocks()
	if err != nil {
		return err
	}
	slices.Reverse(ids)
	dropped := false
	for _, id := range ids {
		if id <= block {
			break
		}
		if err := os.Remove(Path(dir, id)); err != nil {
			return err
		}
		dropped = true
	}
	if !dropped {
		return nil
	}
	return durable.File(dir)
}
