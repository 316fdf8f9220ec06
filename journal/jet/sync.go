package jet

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// sync syncs the blocks from one on, and returns the last. Those before the last
// one are there as a whole.
func (s store) sync(from uint32) (last uint32, err error) {
	dir, ids, err := s.blocks()
	if err != nil || len(ids) == 0 {
		return from, err
	}
	last = ids[len(ids)-1]
	for _, id := range ids {
		if id >= from || id == last {
			if err := syncFile(blockPath(dir, id)); err != nil {
				return from, err
			}
		}
	}
	if last != from {
		err = syncFile(dir)
	}
	return last, err
}

// syncTree syncs every file under dir, the directories, and dir's own name.
func syncTree(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case isMissing(err):
			return nil // the broker removes temporary files in the background
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
			return nil
		}
		return syncFile(path)
	})
	if err != nil {
		return err
	}
	slices.Reverse(dirs)
	for _, d := range append(dirs, filepath.Dir(dir)) {
		if err := syncFile(d); err != nil {
			return err
		}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// replaceFile writes a file whole or not at all, and returns when that is on the
// disk.
func replaceFile(path string, b []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncFile(filepath.Dir(path))
}
