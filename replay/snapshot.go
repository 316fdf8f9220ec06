package replay

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Snapshots are files <dir>/<seq as 20 digits>.snap. One is written under
// another name first and renamed when it is whole and synced, so a file of
// that name was complete once; what has become of it since, its checksums say.
const (
	snapshotExt  = ".snap"
	snapshotTemp = ".snap.tmp"
)

// Info describes a snapshot.
type Info struct {
	Path    string // empty when it was written to something else than a file
	Lineage journal.Lineage
	Pos     journal.Pos
	Epoch   uint64
	Keys    int
	Bytes   int64
	Created time.Time
}

func (h snapshotHeader) info(path string, size int64) Info {
	return Info{Path: path, Lineage: h.lineage, Pos: h.pos, Epoch: h.epoch,
		Keys: int(h.rows), Bytes: size, Created: h.created}
}

// Snapshot writes the state, which log adds up to, as it stands at this moment to
// a file in dir, which is made if it isn't there. When it returns nil the file is
// durable, and so is the journal up to it: one that ended earlier would not fit. A
// snapshot that fails leaves nothing behind and the older ones as they were.
func (s *State) Snapshot(ctx context.Context, dir string, log *journal.Log) (Info, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Info{}, snapshotError(err)
	}
	f, err := os.CreateTemp(dir, "*"+snapshotTemp)
	if err != nil {
		return Info{}, snapshotError(err)
	}
	info, err := s.WriteSnapshot(ctx, f, log.Lineage())
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = log.Sync(ctx)
	}
	if d := doubtIn(err); d != nil { // it is the snapshot that is none, no more
		err = fault.As(fault.Retryable, "", errors.New(d.Error()))
	}
	if err = errors.Join(err, f.Close()); err == nil {
		info.Path = filepath.Join(dir, snapshotName(info.Pos.Seq))
		err = os.Rename(f.Name(), info.Path)
	}
	if err != nil {
		return Info{}, snapshotError(errors.Join(err, os.Remove(f.Name())))
	}
	if err := syncDir(dir); err != nil {
		return Info{}, snapshotError(err)
	}
	return info, nil
}

func snapshotName(seq journal.Seq) string { return fmt.Sprintf("%020d%s", seq, snapshotExt) }

// syncDir makes a rename or a removal in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// snapshotPaths returns the snapshot files in dir, newest first. A directory
// that isn't there has none.
func snapshotPaths(dir string) ([]string, error) {
	files, err := os.ReadDir(dir) // sorted by name, and so by number
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var paths []string
	for i := len(files) - 1; i >= 0; i-- {
		if _, ok := snapshotSeq(files[i].Name()); ok {
			paths = append(paths, filepath.Join(dir, files[i].Name()))
		}
	}
	return paths, nil
}

// SnapshotPath returns where a snapshot of that number stands in dir.
func SnapshotPath(dir string, seq journal.Seq) string {
	return filepath.Join(dir, snapshotName(seq))
}

// snapshotSeq returns the number in a snapshot's name.
func snapshotSeq(path string) (journal.Seq, bool) {
	digits, ok := strings.CutSuffix(filepath.Base(path), snapshotExt)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return journal.Seq(n), err == nil
}

// ListSnapshots returns the snapshots in dir, newest first, going by their
// headers. Those whose header can't be read are left out and make up the
// error; the list is good all the same.
func ListSnapshots(dir string) ([]Info, error) {
	paths, err := snapshotPaths(dir)
	errs := []error{err}
	var infos []Info
	for _, path := range paths {
		_, info, close, err := openSnapshotFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		close()
		infos = append(infos, info)
	}
	return infos, errors.Join(errs...)
}

// PruneSnapshots removes those of the snapshots in dir that stand behind the
// keep first of list, and returns those that stay. A file that ListSnapshots
// could not read is left for a person to look at.
func PruneSnapshots(dir string, list []Info, keep int) ([]Info, error) {
	if len(list) <= keep {
		return list, nil
	}
	var errs []error
	for _, info := range list[keep:] {
		errs = append(errs, os.Remove(info.Path))
	}
	return list[:keep], snapshotError(errors.Join(append(errs, syncDir(dir))...))
}

// removeTemps removes what a snapshot that was cut short has left in dir.
func removeTemps(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+snapshotTemp))
	errs := []error{err}
	for _, path := range paths {
		errs = append(errs, os.Remove(path))
	}
	return errors.Join(errs...)
}

// TruncateBehind forgets what the journal has up to the oldest of the snapshots
// that are kept, and no further than hold unless that is 0. With fewer than two
// snapshots it does nothing: if the only one were found damaged, the journal
// alone would have to bring everything back.
func TruncateBehind(ctx context.Context, log *journal.Log, kept []Info, hold journal.Seq) error {
	if len(kept) < 2 {
		return nil
	}
	oldest := kept[0].Pos.Seq
	for _, info := range kept {
		oldest = min(oldest, info.Pos.Seq)
	}
	if hold > 0 {
		oldest = min(oldest, hold)
	}
	return log.Truncate(ctx, oldest)
}
