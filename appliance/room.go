package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// What a new node makes of files before it takes its first write, and how large they are
// together, with as much again for the sake of file systems.
const (
	firstFiles    = 32
	firstFileSize = 8 << 10
)

// roomDir is where a new directory is tried out.
const roomDir = "room.tmp"

// tryRoom finds out whether a new node's files can be made in a directory, by making as
// many and as large ones: a disk, a quota or a file system without inodes that ends in
// the middle would leave half a node behind. It leaves nothing.
func tryRoom(dir string) (err error) {
	path := filepath.Join(dir, roomDir)
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	if err := os.MkdirAll(path, 0o700); err != nil {
		return noRoom(err)
	}
	for i := range firstFiles {
		if err := os.WriteFile(filepath.Join(path, strconv.Itoa(i)), make([]byte, firstFileSize), 0o600); err != nil {
			return noRoom(err)
		}
	}
	return nil
}

func noRoom(err error) error {
	return fmt.Errorf("%w: a new node needs %d files and %d KiB there; nothing has been made", err,
		firstFiles, firstFiles*firstFileSize>>10)
}

// missing reports whether nothing has that name.
func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
