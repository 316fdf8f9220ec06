package appliance

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"ledge/journal"
	"ledge/journal/durable"
	"ledge/journal/fault"
)

// reserve is a file that takes up room, so that there is some to give up when
// the disk is full: deletes and truncation need a little before they bring
// more. Without it a full disk would be one that nothing can be deleted from.
//
// Its methods may be called from any goroutine.
type reserve struct {
	path string
	size int64 // 0 is no reserve

	mu   sync.Mutex
	held bool
}

const (
	reserveFile = "reserve"
	reserveTemp = "reserve.tmp"
	// headroom is what there must be beyond the reserve.
	headroom = 1 << 20
)

func newReserve(dir string, size int64) *reserve {
	return &reserve{path: filepath.Join(dir, reserveFile), size: size}
}

// Held reports whether the room is held back. A reserve of no size always is.
func (r *reserve) Held() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held || r.size == 0
}

// bytes returns how much is held back.
func (r *reserve) bytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		return r.size
	}
	return 0
}

// GiveUp lets the room go.
func (r *reserve) GiveUp() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := os.Remove(r.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	r.held = r.held && err != nil
	return fault.With(fault.Operator, err)
}

// Take holds the room back. One that is there from an earlier run is kept if
// it is whole. It takes more at first, and lets that go: a disk on which the
// reserve just fits is still full.
func (r *reserve) Take() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size == 0 {
		return nil
	}
	if fi, err := os.Stat(r.path); err == nil && fi.Size() == r.size {
		r.held = true
		return nil
	}
	tmp := filepath.Join(filepath.Dir(r.path), reserveTemp)
	err := fillFile(tmp, r.size+headroom)
	if err == nil {
		err = os.Truncate(tmp, r.size)
	}
	if err == nil {
		err = os.Rename(tmp, r.path)
	}
	if r.held = err == nil; r.held {
		return nil
	}
	_ = os.Remove(tmp)
	return diskFault(fmt.Errorf("hold back %s for deletes on a full disk, for which there must be %s: %w%s",
		mebibytes(r.size), mebibytes(r.size+headroom), err, room(err, r.path)))
}

// room says in words what is free on the disk that a path is on, if err says that this
// is too little; else "".
func room(err error, path string) string {
	if !durable.Full(err) {
		return ""
	}
	free, inodes, err := freeRoom(filepath.Dir(path))
	switch {
	case err != nil:
		return ""
	case !inodes:
		return fmt.Sprintf("; there are next to no inodes left, and %s are free", mebibytes(free))
	}
	return fmt.Sprintf("; %s are free", mebibytes(free))
}

// explain says of a full disk that there is room on it and that inodes lack, since the
// system has one error for both.
func (r *reserve) explain(err error) error {
	if !errors.Is(err, journal.ErrNoSpace) && !durable.Full(err) {
		return err
	}
	if free, inodes, ferr := freeRoom(filepath.Dir(r.path)); ferr == nil && !inodes {
		return fmt.Errorf("%w; there are next to no inodes left, and %s are free", err, mebibytes(free))
	}
	return err
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// fillFile makes a file whose blocks are really there.
func fillFile(path string, size int64) error {
	f, err := durable.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err = allocate(f, size); err != nil && !durable.Full(err) {
		err = writeZeros(f, size) // a file system that can't allocate
	}
	return errors.Join(err, f.Close())
}

func writeZeros(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// diskFault classes an error of the file system: a full one may be mended by
// time, the rest needs a person.
func diskFault(err error) error {
	if durable.Full(err) {
		return fault.With(fault.Retryable, err)
	}
	return fault.With(fault.Operator, err)
}
