package jet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A broker that can't load a stream deletes it. For want of a place for a
// temporary file, on a full disk say, the whole journal would be gone. So while
// the broker loads the stream, every file of it has a second name outside of
// its reach, from which what it has deleted is put back.
//
// A process that is killed meanwhile leaves the guard behind; the next start
// puts back what is missing before anything else looks.
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

// set gives all files of the stream a second name. It is all or nothing.
func (g guard) set() error {
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

// restore puts back what is missing of the stream, takes the second names away
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

// putBack gives each file that is missing its name back.
func (g guard) putBack() (n int, err error) {
	err = walkFiles(g.dir, func(rel string) error {
		to := filepath.Join(g.store.dir, rel)
		if _, err := os.Lstat(to); !isMissing(err) {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		n++
		return os.Link(filepath.Join(g.dir, rel), to)
	})
	return n, err
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
