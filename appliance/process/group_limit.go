package process

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// groupRoot is where control groups are mounted.
const groupRoot = "/sys/fs/cgroup"

// Which files have the bounds of a group, of either kind. The newer kind has two: the
// kernel kills what goes past memory.max, and slows what goes past memory.high so much
// that it answers nobody. A process does well to stay below both.
var (
	groupFiles2 = []string{"memory.max", "memory.high"}
	groupFiles1 = []string{"memory.limit_in_bytes"}
)

// noGroupLimit is what the older kind of groups says, rounded to pages, where there
// is no bound.
const noGroupLimit = math.MaxInt64 &^ (1<<20 - 1)

// GroupLimit returns what the narrowest of the process's control groups lets it have
// of memory, 0 for no bound. Both kinds of groups are asked, and all groups around
// the process's own. With an error some bound could not be read, as without
// descriptors, and the limit is that of the others.
func GroupLimit() (int64, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if errors.Is(err, fs.ErrNotExist) { // none is no bound
		err = nil
	}
	limit, err2 := groupLimit(groupRoot, groups)
	return limit, errors.Join(err, err2)
}

// groupLimit is GroupLimit for groups that are mounted at root, going by the file
// that names those of a process.
func groupLimit(root string, groups []byte) (limit int64, err error) {
	least := int64(noGroupLimit)
	for line := range bytes.Lines(groups) {
		// ID:CONTROLLERS:PATH; the newer kind has no controllers.
		parts := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3)
		if len(parts) < 3 {
			continue
		}
		at, files := root, groupFiles2
		if len(parts[1]) > 0 {
			if !bytes.Equal(parts[1], []byte("memory")) && !bytes.Contains(parts[1], []byte("memory,")) &&
				!bytes.HasSuffix(parts[1], []byte(",memory")) {
				continue
			}
			at, files = filepath.Join(root, "memory"), groupFiles1
		}
		// A container may see its own group as the root, and the path of outside.
		for path := filepath.Clean("/" + string(parts[2])); ; path = filepath.Dir(path) {
			n, ok, unread := groupBound(filepath.Join(at, path), files)
			if ok {
				least = min(least, n)
			}
			err = errors.Join(err, unread)
			if path == "/" {
				break
			}
		}
	}
	if least >= noGroupLimit {
		least = 0
	}
	return least, err
}

// groupBound returns the least of the bounds that a group has in these files. A bound of
// 0 in memory.high has the kernel take back what it can for a moment and is none that
// lasts; one in memory.max has nothing run in the group.
func groupBound(group string, files []string) (bound int64, ok bool, err error) {
	for _, file := range files {
		n, unread := readInt(filepath.Join(group, file))
		if unread == nil && n > 0 && (!ok || n < bound) {
			bound, ok = n, true
		}
		if bad := (*fs.PathError)(nil); errors.As(unread, &bad) && !errors.Is(unread, fs.ErrNotExist) {
			err = errors.Join(err, unread)
		}
	}
	return bound, ok, err
}

// What a control group counts besides what the process takes from the system: the
// program's own pages, those of files that are being written, sockets and the
// kernel's tables.
const (
	groupShare = 0.20
	groupLeast = 32 << 20
)

// WithinGroup returns what a process may take whose control group bounds it at limit.
// A group that is too small for anything leaves it half.
func WithinGroup(limit int64) int64 {
	return max(limit/2, limit-max(int64(groupShare*float64(limit)), groupLeast))
}
