package appliance

import (
	"bytes"
	"math"
	"os"
	"strconv"
)

// available returns how much memory the process can still have: what the system
// says it could give without swapping, or what the control group has left if
// that is less. 0 is that nobody knows.
func available() int64 {
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
	const group = "/sys/fs/cgroup/memory."
	left := readInt(group+"max", math.MaxInt64) - readInt(group+"current", 0)
	return min(kib<<10, max(0, left))
}

// readInt returns the number in a file, or otherwise where there is none, such
// as "max".
func readInt(path string, otherwise int64) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return otherwise
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}
