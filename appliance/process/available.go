package process

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// Available returns how much memory the process can still have: what the system
// says it could give without swapping, or what the narrowest of its control
// groups has left if that is less. 0 is that nobody knows.
func Available() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(info, []byte("MemAvailable:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	groups, _ := os.ReadFile("/proc/self/cgroup") // none is no bound
	return min(kib<<10, groupLeft(groupRoot, groups))
}

// groupLeft returns what the control groups of a process leave it, going by the
// file that names them: its own and all those around it. They are mounted at
// root.
func groupLeft(root string, groups []byte) int64 {
	left := int64(math.MaxInt64)
	_, own, ok := bytes.Cut(append([]byte("\n"), groups...), []byte("\n0::"))
	if !ok {
		return left // the older kind of groups, which we don't read
	}
	own, _, _ = bytes.Cut(own, []byte("\n"))
	for path := filepath.Clean("/" + string(own)); ; path = filepath.Dir(path) {
		dir := filepath.Join(root, path)
		if most, ok, _ := groupBound(dir, groupFiles2); ok {
			used, _ := readInt(filepath.Join(dir, "memory.current"))
			left = min(left, max(0, most-used))
		}
		if path == "/" {
			return left
		}
	}
}

// readInt returns the number in a file. An error that is no fs.PathError is that there
// is none in it, as in one that says "max".
func readInt(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
}
