//go:build linux

package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// handle is an open file. It has the loopback file and is not one, because the
// kernel would read and write that without asking.
type handle struct {
	node   *node
	file   *fs.LoopbackFile
	fd     int  // file's, which has it open until Release
	synced bool // every write is to be synced
	// appends means that writes go where the file ends, which the kernel
	// doesn't know after a torn write.
	appends bool
	opened  string
	boot    int
}

// backingFlags are what a file is opened with below: readable, because what a
// write replaces is read first, and without what this layer does itself.
func backingFlags(flags uint32) uint32 {
	flags &^= syscall.O_SYNC | syscall.O_DSYNC | syscall.O_DIRECT
	if flags&syscall.O_ACCMODE == syscall.O_WRONLY {
		flags = flags&^syscall.O_ACCMODE | syscall.O_RDWR
	}
	return flags
}

func newHandle(n *node, fh fs.FileHandle, flags uint32, at string) *handle {
	h := &handle{node: n, file: fh.(*fs.LoopbackFile), opened: at, boot: n.disk.boot()}
	h.fd, _ = h.file.PassthroughFd()
	h.appends = flags&syscall.O_APPEND != 0
	h.synced = flags&syscall.O_DSYNC != 0 // a bit of O_SYNC too
	return h
}

// at returns where the file is, or where it was opened if it is gone.
func (h *handle) at() []string {
	if _, dir := h.node.Parent(); dir == nil {
		return []string{h.opened}
	}
	return []string{h.node.at("")}
}

func (h *handle) memory() *file { return h.node.disk.file(h.node.StableAttr().Ino) }

// change makes a change to the bytes from off to end.
func (h *handle) change(off, end int64, do func() syscall.Errno) syscall.Errno {
	return fs.ToErrno(h.memory().change(h.fd, off, end, func() error {
		if errno := do(); errno != 0 {
			return errno
		}
		return nil
	}))
}

func (h *handle) Read(
	_ context.Context, b []byte, off int64,
) (fuse.ReadResult, syscall.Errno) {
	if v := h.node.disk.admit(call{OpRead, false, h.at()}); v.errno != 0 {
		return nil, v.errno
	}
	n := 0
	errno := h.node.disk.touch(h.boot, func() (e syscall.Errno) {
		n, e = retry(func() (int, error) { return syscall.Pread(h.fd, b, off) })
		return e
	})
	if errno != 0 {
		return nil, errno
	}
	return fuse.ReadResultData(b[:n]), 0
}

func (h *handle) Write(ctx context.Context, b []byte, off int64) (uint32, syscall.Errno) {
	v := h.node.disk.admit(call{OpWrite, true, h.at()})
	if v.errno != 0 && v.short == 0 {
		return 0, v.errno
	}
	if v.short > 0 {
		b = b[:min(v.short, len(b))]
	}
	n := 0
	errno := h.node.disk.touch(h.boot, func() (e syscall.Errno) {
		n, e = h.write(b, off)
		return e
	})
	if errno == 0 {
		errno = v.errno
	}
	if errno == 0 && h.synced {
		errno = h.Fsync(ctx, 0)
	}
	return uint32(n), errno
}

func (h *handle) write(b []byte, off int64) (n int, errno syscall.Errno) {
	if h.appends {
		var st syscall.Stat_t
		if err := syscall.Fstat(h.fd, &st); err != nil {
			return 0, fs.ToErrno(err)
		}
		off = st.Size
	}
	errno = h.change(off, off+int64(len(b)), func() (e syscall.Errno) {
		n, e = retry(func() (int, error) { return syscall.Pwrite(h.fd, b, off) })
		return e
	})
	return n, errno
}

// Fsync syncs the backing file as well, so that it costs what it costs there.
func (h *handle) Fsync(_ context.Context, flags uint32) syscall.Errno {
	if v := h.node.disk.admit(call{OpFsync, false, h.at()}); v.errno != 0 {
		return v.errno
	}
	const dataOnly = 1
	return h.node.disk.touch(h.boot, func() syscall.Errno {
		return fs.ToErrno(h.memory().sync(func() error {
			if flags&dataOnly != 0 {
				return syscall.Fdatasync(h.fd)
			}
			return syscall.Fsync(h.fd)
		}))
	})
}

func (h *handle) Allocate(
	ctx context.Context, off, size uint64, mode uint32,
) syscall.Errno {
	const keepSize = 1
	from := int64(off)
	if mode&^keepSize == 0 {
		from = toEnd // the bytes stay, only the size may change
	}
	if v := h.node.disk.admit(call{OpAllocate, true, h.at()}); v.errno != 0 {
		return v.errno
	}
	return h.node.disk.touch(h.boot, func() syscall.Errno {
		return h.change(from, toEnd, func() syscall.Errno {
			return h.file.Allocate(ctx, off, size, mode)
		})
	})
}

func (h *handle) Lseek(
	ctx context.Context, off uint64, whence uint32,
) (at uint64, errno syscall.Errno) {
	errno = h.node.disk.touch(h.boot, func() (e syscall.Errno) {
		at, e = h.file.Lseek(ctx, off, whence)
		return e
	})
	return at, errno
}

// Flush is what a close waits for. Nothing is kept here that would need it.
func (h *handle) Flush(context.Context) syscall.Errno {
	return h.node.disk.touch(h.boot, func() syscall.Errno { return 0 })
}

// Release works without power: the file is let go of, not written.
func (h *handle) Release(ctx context.Context) syscall.Errno { return h.file.Release(ctx) }

// dirStream is what the loopback's directory handle can do.
type dirStream interface {
	fs.FileReaddirenter
	fs.FileSeekdirer
	fs.FileReleasedirer
	fs.FileFsyncdirer
}

// dirHandle is an open directory.
type dirHandle struct {
	dirStream
	node *node
	boot int
}

func (h *dirHandle) Readdirent(
	ctx context.Context,
) (e *fuse.DirEntry, errno syscall.Errno) {
	errno = h.node.disk.touch(h.boot, func() (no syscall.Errno) {
		e, no = h.dirStream.Readdirent(ctx)
		return no
	})
	return e, errno
}

func (h *dirHandle) Fsyncdir(ctx context.Context, flags uint32) syscall.Errno {
	if v := h.node.disk.admit(call{OpFsync, false, []string{h.node.at("")}}); v.errno != 0 {
		return v.errno
	}
	return h.node.disk.touch(h.boot, func() syscall.Errno {
		return h.dirStream.Fsyncdir(ctx, flags)
	})
}

// retry makes a system call until no signal interrupts it.
func retry(f func() (int, error)) (int, syscall.Errno) {
	for {
		n, err := f()
		if err == nil {
			return n, 0
		}
		if errno := fs.ToErrno(err); errno != syscall.EINTR {
			return 0, errno
		}
	}
}
