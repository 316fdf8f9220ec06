package jet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ledge/journal"
)

// A broker that can't load a stream deletes it. For want of a place for a
// temporary file, on a full disk say, the whole journal would be gone. So while
// the broker loads the stream, every file of it has a second name outside of
// its reach, from which what it has deleted is put back.
//
// The same second names are there while the journal is truncated, unless appends
// are synced: the broker then gives a block that it has rewritten its name before
// the bytes are on the disk, and a power cut would leave an empty block.
//
// A process that is killed meanwhile leaves the guard behind; the next start
// puts back what is missing or cut short before anything else looks.
type guard struct {
	store store
	dir   string // the second names
}

const (
	guardDir  = "guard"
	guardTemp = "guard.tmp"
)

// newGuard returns the guard of the store below a journal's directory.
func newGuard(dir string, s store) guard { return guard{s, filepath.Join(dir, guardDir)} }

// set gives all files of the stream a second name. It is all or nothing. What an
// earlier guard has left is put back first.
func (g guard) set() error {
	if _, err := g.restore(); err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(g.dir), guardTemp)
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	err := os.Mkdir(tmp, 0o700)
	if err == nil {
		err = linkTree(g.store.dir, tmp)
	}
	if err == nil {
		err = os.Rename(tmp, g.dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("guard the journal: %w", err), os.RemoveAll(tmp))
	}
	return nil
}

// lift takes the second names away once the broker has loaded the stream. If it
// has deleted the stream instead, all is put back, and that is the error.
func (g guard) lift() error {
	if g.store.created() {
		return os.RemoveAll(g.dir)
	}
	n, err := g.restore()
	if err == nil {
		err = fmt.Errorf("the broker could not load the journal and has deleted it; its %d files are put back", n)
	}
	return err
}

// clear takes the second names away.
func (g guard) clear() error { return os.RemoveAll(g.dir) }

// restore puts back what is missing of the stream or cut short, takes the second names away
// and returns how many files it has put back.
func (g guard) restore() (missing int, err error) {
	if _, err := os.Stat(g.dir); isMissing(err) {
		return 0, nil
	}
	for range restoreTries {
		var n int
		n, err = g.putBack()
		if missing += n; !isMissing(err) {
			break
		}
		// In the background the broker removes directories that it has
		// emptied, and may have met one of ours.
	}
	if err == nil && missing > 0 {
		err = syncTree(g.store.dir)
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
func (g guard) putBack() (n int, err error) {
	err = walkFiles(g.dir, func(rel string) error {
		to := filepath.Join(g.store.dir, rel)
		switch st, err := os.Lstat(to); {
		case isMissing(err):
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
func (g guard) cutShort(rel, to string, st fs.FileInfo) (bool, error) {
	kept := filepath.Join(g.dir, rel)
	old, err := os.Stat(kept)
	if err != nil || os.SameFile(old, st) {
		return false, err
	}
	var id uint32
	if _, err := fmt.Sscanf(filepath.Base(rel), "%d.blk", &id); err != nil {
		return false, nil // not a block
	}
	was, err := lastIn(kept, id)
	if err != nil {
		return false, err
	}
	is, err := lastIn(to, id)
	return is < was, err
}

// lastIn returns the number of the last frame in a block file that is whole, as
// are all records before it; 0 if there is none.
func lastIn(path string, id uint32) (last journal.Seq, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for h := newHash(id); len(b) > 0; {
		r, bad := parseRecord(b, h)
		if bad != nil {
			break
		}
		if !r.tomb {
			last = r.seq
		}
		b = b[r.size:]
	}
	return last, nil
}

// linkTree gives all files below from a second name below to.
func linkTree(from, to string) error {
	return walkFiles(from, func(rel string) error {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700); err != nil {
			return err
		}
		err := os.Link(filepath.Join(from, rel), filepath.Join(to, rel))
		if isMissing(err) {
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
		if d.Name() == indexFile {
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
// stream: a place for a new file. The broker's own error doesn't say why.
func (s store) writable() error {
	f, err := os.CreateTemp(s.dir, "_test_")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
