package faultfs

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// disk is what all calls of a mount go through: it has the rules, the power
// switch, and the memory of what was not synced.
type disk struct {
	rules rules

	// gate is held for reading by whatever touches the backing directory, so
	// that a cut finds no call half done.
	gate sync.RWMutex
	off  bool
	// boots counts the times that the power came on. It tells files that were
	// opened before a cut from those that were opened after it.
	boots int

	mu    sync.Mutex
	files map[uint64]*file // by inode number
	// wake is closed to end all delays.
	wake chan struct{}
}

func newDisk() *disk {
	return &disk{
		rules: rules{stats: Stats{}},
		boots: 1,
		files: map[uint64]*file{},
		wake:  make(chan struct{}),
	}
}

// admit holds a call against the rules and waits as long as they say.
func (d *disk) admit(c call) verdict {
	if !d.powered() {
		return verdict{errno: syscall.EIO}
	}
	d.mu.Lock()
	wake := d.wake
	d.mu.Unlock()
	v := d.rules.judge(c)
	if v.delay > 0 {
		t := time.NewTimer(v.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-wake:
		}
	}
	return v
}

// run admits a call that rules can only fail, and makes it.
func (d *disk) run(c call, f func() syscall.Errno) syscall.Errno {
	if v := d.admit(c); v.errno != 0 {
		return v.errno
	}
	return d.touch(0, f)
}

// touch runs something on the backing directory, unless the power is off, or
// has been since the boot that is named; 0 names none.
func (d *disk) touch(boot int, f func() syscall.Errno) syscall.Errno {
	d.gate.RLock()
	defer d.gate.RUnlock()
	if d.off || boot != 0 && boot != d.boots {
		return syscall.EIO
	}
	return f()
}

func (d *disk) powered() bool {
	d.gate.RLock()
	defer d.gate.RUnlock()
	return !d.off
}

// clear takes the rules away and ends what they have started.
func (d *disk) clear() {
	d.rules.clear()
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.wake)
	d.wake = make(chan struct{})
}

// cut drops what was not synced and leaves the power off.
func (d *disk) cut() error {
	d.gate.Lock()
	defer d.gate.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	close(d.wake)
	d.wake = make(chan struct{})
	var errs []error
	for ino, f := range d.files {
		if err := f.restore(); err != nil {
			errs = append(errs, fmt.Errorf("inode %d: %w", ino, err))
		}
	}
	clear(d.files)
	return errors.Join(errs...)
}

// restore puts the power on.
func (d *disk) restore() {
	d.gate.Lock()
	defer d.gate.Unlock()
	if d.off {
		d.off = false
		d.boots++
	}
}

func (d *disk) boot() int {
	d.gate.RLock()
	defer d.gate.RUnlock()
	return d.boots
}

// file returns the memory of a file.
func (d *disk) file(ino uint64) *file {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[ino]
	if f == nil {
		f = &file{}
		d.files[ino] = f
	}
	return f
}

// removed lets go of a file whose last name is gone: there is nothing to
// restore, and the space that it takes may be what a test waits for.
func (d *disk) removed(ino uint64) {
	d.mu.Lock()
	f := d.files[ino]
	d.mu.Unlock()
	if f == nil || !f.forget() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[ino] == f {
		delete(d.files, ino)
	}
}
