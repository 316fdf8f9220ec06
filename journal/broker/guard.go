package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ledge/journal/blocks"
	"ledge/journal/durable"
)

// Guard gives the files of a stream a second name, outside of the broker's reach,
// from which what the broker has deleted is put back.
//
// A broker that can't load a stream deletes it. For want of a place for a temporary
// file, on a full disk say, the whole journal would be gone. So the second names are
// there while the broker loads the stream.
//
// They are there while the journal is truncated as well, unless appends are synced:
// the broker then gives a block that it has rewritten its name before the bytes are
// on the disk, and a power cut would leave an empty block.
//
// A process that is killed meanwhile leaves the second names where they are. The
// next start calls Restore before anything else looks at the stream.
type Guard struct {
	store blocks.Store
	dir   string // the second names
}

const (
	guardDir  = "guard"
	guardTemp = "guard.tmp"
)

// NewGuard returns the guard of a store below the broker's store directory.
func NewGuard(dir string, s blocks.Store) Guard { return Guard{s, filepath.Join(dir, guardDir)} }

// Set gives all files of the stream a second name. It is all or nothing. What an
// earlier guard has left is put back first.
func (g Guard) Set() error {
	if _, err := g.Restore(); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(g.dir), guardTemp)
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	err := os.Mkdir(tmp, 0o700)
	if err == nil {
		err = linkTree(g.store.Dir, tmp)
	}
	if err == nil {
		err = os.Rename(tmp, g.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("guard the journal: %w", err), os.RemoveAll(tmp))
	}
	return nil
}

// Lift takes the second names away once the broker has loaded the stream. If it
// has deleted the stream instead, all is put back, and that is the error.
func (g Guard) Lift() error {
	if g.store.Created() {
		return os.RemoveAll(g.dir)
	}
	n, err := g.Restore()
	if err == nil {
		err = fmt.Errorf("the broker could not load the journal and has deleted it; its %d files are put back", n)
	}
	return err
}

// Clear takes the second names away.
func (g Guard) Clear() error { return os.RemoveAll(g.dir) }

// Sync returns when the second names are on the disk.
func (g Guard) Sync() error { return durable.Tree(g.dir) }

// Restore puts back what is missing of the stream or cut short, takes the second
// names away and returns how many files it has put back.
func (g Guard) Restore() (missing int, err error) {
	if _, err := os.Stat(g.dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	for range restoreTries {
		var n int
		n, err = g.putBack()
		if missing += n; !errors.Is(err, fs.ErrNotExist) {
			break
		}
		// In the background the broker removes directories that it has
		// emptied, and may have met one of ours.
	}
	if err == nil && missing > 0 {
		err = durable.Tree(g.store.Dir)
	}
	if err != nil {
		return missing, fmt.Errorf("put the journal back from %s: %w", g.dir, err)
	}
	return missing, os.RemoveAll(g.dir)
}

// restoreTries is how often it is tried to put files back into directories that
// vanish.
const restoreTries = 10

// putBack gives each file that is missing its name back, and each block whose
// name is another file's that reaches less far.
func (g Guard) putBack() (n int, err error) {
	err = walkFiles(g.dir, func(rel string) error {
		to := filepath.Join(g.store.Dir, rel)
		switch st, err := os.Lstat(to); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			shorter, err := g.cutShort(rel, to, st)
			if err != nil || !shorter {
				return err
			}
			if err := os.Remove(to); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		n++
		return os.Link(filepath.Join(g.dir, rel), to)
	})
	return n, err
}

// cutShort reports whether a block file in the store is another one than the
// guard's and ends earlier.
func (g Guard) cutShort(rel, to string, st fs.FileInfo) (bool, error) {
	kept := filepath.Join(g.dir, rel)
	old, err := os.Stat(kept)
	if err != nil || os.SameFile(old, st) {
		return false, err
	}
	var id uint32
	if _, err := fmt.Sscanf(filepath.Base(rel), "%d.blk", &id); err != nil {
		return false, nil // not a block
	}
	was, err := blocks.LastIn(kept, id)
	if err != nil {
		return false, err
	}
	is, err := blocks.LastIn(to, id)
	return is < was, err
}

// linkTree gives all files below from a second name below to.
func linkTree(from, to string) error {
	return walkFiles(from, func(rel string) error {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700); err != nil {
			return err
		}
		err := os.Link(filepath.Join(from, rel), filepath.Join(to, rel))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file of the broker's
		}
		return err
	})
}

// walkFiles calls fn with the path of each file below dir that counts, relative
// to dir.
func walkFiles(dir string, fn func(rel string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Name() == blocks.IndexFile {
			return nil // it can be made again
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return fn(rel)
	})
}

// writable shows that the broker will find what it asks for when it loads the
// stream in dir: a place for a new file. The broker's own error doesn't say why.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, "_test_")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
