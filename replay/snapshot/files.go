package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// Snapshots are files <dir>/<seq as 20 digits>.snap. One is written under
// another name first and renamed when it is whole and synced, so a file of
// that name was complete once; what has become of it since, its checksums say.
const (
	extension = ".snap"
	temporary = ".snap.tmp"
)

// Create writes a snapshot to a file in dir, which is made if it isn't there. What
// write writes is to be durable when it returns. A snapshot that fails leaves
// no file, and the older ones as they were.
func Create(dir string, write func(f *os.File) (Info, error)) (Info, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Info{}, Failed(err)
	}
	f, err := os.CreateTemp(dir, "*"+temporary)
	if err != nil {
		return Info{}, Failed(err)
	}
	info, err := write(f)
	if err = errors.Join(err, f.Close()); err == nil {
		info.Path = Path(dir, info.Pos.Seq)
		err = os.Rename(f.Name(), info.Path)
	}
	if err != nil {
		return Info{}, Failed(errors.Join(err, os.Remove(f.Name())))
	}
	if err := durable.File(dir); err != nil {
		return Info{}, Failed(err)
	}
	return info, nil
}

// Paths returns the snapshot files in dir, newest first. A directory that isn't
// there has none.
func Paths(dir string) ([]string, error) {
	files, err := os.ReadDir(dir) // sorted by name, and so by number
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for i := len(files) - 1; i >= 0; i-- {
		if _, ok := numberOf(files[i].Name()); ok {
			paths = append(paths, filepath.Join(dir, files[i].Name()))
		}
	}
	return paths, nil
}

// Path returns where a snapshot of that number stands in dir.
func Path(dir string, seq journal.Seq) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", seq, extension))
}

// numberOf returns the number in a snapshot's name.
func numberOf(path string) (journal.Seq, bool) {
	digits, ok := strings.CutSuffix(filepath.Base(path), extension)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return journal.Seq(n), err == nil
}

// List returns the snapshots in dir, newest first, going by their headers. Those
// whose header can't be read are left out and make up the error; the list is good
// all the same.
func List(dir string) ([]Info, error) {
	paths, err := Paths(dir)
	errs := []error{err}
	var infos []Info
	for _, path := range paths {
		f, err := Open(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.Close()
		infos = append(infos, f.Info)
	}
	return infos, errors.Join(errs...)
}

// Prune removes those of the snapshots in dir that come after the first keep of
// list, and returns those that stay. A file that List could not read is left for
// a person to look at.
func Prune(dir string, list []Info, keep int) ([]Info, error) {
	if len(list) <= keep {
		return list, nil
	}
	var errs []error
	for _, info := range list[keep:] {
		errs = append(errs, os.Remove(info.Path))
	}
	return list[:keep], Failed(errors.Join(append(errs, durable.File(dir))...))
}

// RemoveUnfinished removes what a snapshot that was cut short has left in dir.
func RemoveUnfinished(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+temporary))
	errs := []error{err}
	for _, path := range paths {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// Find returns the snapshots in dir by what they hold, newest first, whatever
// their names say, going by their headers. Those whose header can't be read are
// left out; one of a newer program is an error, a journal.ErrNewer.
func Find(dir string) ([]Info, error) {
	paths, err := Paths(dir)
	if err != nil {
		return nil, fault.With(fault.Operator, err)
	}
	var infos []Info
	for _, path := range paths {
		f, err := OpenAs(path)
		switch {
		case err == nil:
			f.Close()
			infos = append(infos, f.Info)
		case errors.Is(err, journal.ErrNewer):
			return nil, err
		}
	}
	slices.SortStableFunc(infos, func(a, b Info) int { return cmp.Compare(b.Pos.Seq, a.Pos.Seq) })
	return infos, nil
}

// Trace returns the highest number that a snapshot in dir is named after,
// whatever has become of it; 0 is none.
func Trace(dir string) (highest journal.Seq) {
	paths, _ := Paths(dir) // Find says what fails
	for _, path := range paths {
		if seq, ok := numberOf(path); ok {
			highest = max(highest, seq)
		}
	}
	return highest
}
