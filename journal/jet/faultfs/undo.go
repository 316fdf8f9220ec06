package faultfs

import (
	"errors"
	"io"
	"math"
	"sync"
	"syscall"
)

// blockSize is the grain in which overwritten bytes are remembered.
const blockSize = 4096

// toEnd is the end of a range that goes on to the end of the file.
const toEnd = math.MaxInt64

// file remembers what a file held when it was last synced. Its lock is held
// over a change to the backing file, or a sync of it, so that each change is
// on one side of each sync.
type file struct {
	mu   sync.Mutex
	undo *undo // nil while everything is synced
}

// undo is what takes a file back. Appends cost nothing: what lies after size
// is cut off.
type undo struct {
	// fd is a descriptor of the backing file that is this one's own, so it
	// reaches the file by whatever name it has, and keeps its inode number
	// from being used again.
	fd   int
	size int64
	// blocks has those below size that were changed, as they were.
	blocks map[int64][]byte
}

// change makes a change to the bytes from off to end, through a descriptor
// that can read and write.
func (f *file) change(fd int, off, end int64, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.saveLocked(fd, off, end); err != nil {
		return err
	}
	return do()
}

func (f *file) saveLocked(fd int, off, end int64) error {
	if f.undo == nil {
		var st syscall.Stat_t
		if err := syscall.Fstat(fd, &st); err != nil {
			return err
		}
		if st.Nlink == 0 {
			return nil // no cut can bring it back
		}
		own, err := syscall.Dup(fd)
		if err != nil {
			return err
		}
		f.undo = &undo{fd: own, size: st.Size, blocks: map[int64][]byte{}}
	}
	return f.undo.save(off, end)
}

func (u *undo) save(off, end int64) error {
	end = min(end, u.size)
	for b := off / blockSize; b*blockSize < end; b++ {
		if u.blocks[b] != nil {
			continue
		}
		old := make([]byte, min(blockSize, u.size-b*blockSize))
		if err := preadFull(u.fd, old, b*blockSize); err != nil {
			return err
		}
		u.blocks[b] = old
	}
	return nil
}

// sync makes the file durable by doing what is given.
func (f *file) sync(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	f.dropLocked()
	return nil
}

// restore takes the file back to its last sync.
func (f *file) restore() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.undo
	if u == nil {
		return nil
	}
	defer f.dropLocked()
	if err := syscall.Ftruncate(u.fd, u.size); err != nil {
		return err
	}
	for b, old := range u.blocks {
		if n, err := syscall.Pwrite(u.fd, old, b*blockSize); err != nil {
			return err
		} else if n < len(old) {
			return io.ErrShortWrite
		}
	}
	return nil
}

// forget drops the memory of a file that has no name, and reports whether it
// has.
func (f *file) forget() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.undo == nil {
		return false
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(f.undo.fd, &st); err != nil || st.Nlink > 0 {
		return false
	}
	f.dropLocked()
	return true
}

func (f *file) dropLocked() {
	if f.undo != nil {
		_ = syscall.Close(f.undo.fd) // nothing comes after it that could be lost
		f.undo = nil
	}
}

// preadFull reads all of b. What is after the end of the file stays zero.
func preadFull(fd int, b []byte, off int64) error {
	for len(b) > 0 {
		n, err := syscall.Pread(fd, b, off)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return err
		case n == 0:
			return nil
		}
		b, off = b[n:], off+int64(n)
	}
	return nil
}
