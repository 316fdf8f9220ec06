package appliance

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// allocate has the file system set blocks aside for the file.
func allocate(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), 0, 0, size)
}

// freeBytes returns how much room a file system has for whoever we are.
func freeBytes(path string) (int64, error) {
	free, _, err := freeRoom(path)
	return free, err
}

// diskBytes returns how large a file system is in all.
func diskBytes(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	if most := math.MaxInt64 / uint64(max(st.Bsize, 1)); st.Blocks > most {
		return math.MaxInt64, nil
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}

// fewInodes is too few to tell from none: those that lacked one have removed what they
// had made before.
const fewInodes = 16

// freeRoom is freeBytes, and whether files can be made, as far as inodes go.
func freeRoom(path string) (free int64, inodes bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, false, err
	}
	inodes = st.Files == 0 || st.Ffree >= fewInodes // some file systems have as many as they need
	if room := math.MaxInt64 / uint64(max(st.Bsize, 1)); st.Bavail > room {
		return math.MaxInt64, inodes, nil
	}
	return int64(st.Bavail) * int64(st.Bsize), inodes, nil
}
