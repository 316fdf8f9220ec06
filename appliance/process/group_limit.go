package process

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
)

// Where control groups are mounted, and which file has their bound, of either kind.
const (
	groupRoot  = "/sys/fs/cgroup"
	groupFile2 = "memory.max"
	groupFile1 = "memory.limit_in_bytes"
)

// noGroupLimit is what the older kind of groups says, rounded to pages, where there
// is no bound.
const noGroupLimit = math.MaxInt64 &^ (1<<20 - 1)

// GroupLimit returns what the narrowest of the process's control groups lets it have
// of memory, 0 for no bound. Both kinds of groups are asked, and all groups around
// the process's own.
func GroupLimit() int64 {
	groups, _ := os.ReadFile("/proc/self/cgroup") // none is no bound
	return groupLimit(groupRoot, groups)
}

// groupLimit is GroupLimit for groups that are mounted at root, going by the file
// that names those of a process.
func groupLimit(root string, groups []byte) int64 {
	least := int64(noGroupLimit)
	for line := range bytes.Lines(groups) {
		// ID:CONTROLLERS:PATH; the newer kind has no controllers.
		parts := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3)
		if len(parts) < 3 {
			continue
		}
		at, name := root, groupFile2
		if len(parts[1]) > 0 {
			if !bytes.Equal(parts[1], []byte("memory")) && !bytes.Contains(parts[1], []byte("memory,")) &&
				!bytes.HasSuffix(parts[1], []byte(",memory")) {
				continue
			}
			at, name = filepath.Join(root, "memory"), groupFile1
		}
		// A container may see its own group as the root, and the path of outside.
		for path := filepath.Clean("/" + string(parts[2])); ; path = filepath.Dir(path) {
			if n, ok := readInt(filepath.Join(at, path, name)); ok {
				least = min(least, n)
			}
			if path == "/" {
				break
			}
		}
	}
	if least >= noGroupLimit {
		return 0
	}
	return least
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
