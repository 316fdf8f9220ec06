//go:build linux

package faultfs

import (
	"context"
	"path"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a file or a directory. It leaves the work to the loopback node and
// lets each call pass the disk first. Extended attributes are off for the whole
// mount, so there are none here.
type node struct {
	*fs.LoopbackNode
	disk *disk
}

// WrapChild makes the nodes that the loopback node finds into ours.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return &node{ops.(*fs.LoopbackNode), n.disk}
}

// at returns the path below the mount of something in this directory, or of
// the node itself.
func (n *node) at(name string) string { return path.Join(n.Path(n.Root()), name) }

func (n *node) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	return n.disk.touch(0, func() syscall.Errno { return n.LoopbackNode.Statfs(ctx, out) })
}

func (n *node) Readlink(ctx context.Context) (target []byte, errno syscall.Errno) {
	errno = n.disk.touch(0, func() (e syscall.Errno) {
		target, e = n.LoopbackNode.Readlink(ctx)
		return e
	})
	return target, errno
}

// Getattr gets an open file where there is one, by which a file is known that
// has no name any more.
func (n *node) Getattr(
	ctx context.Context, fh fs.FileHandle, out *fuse.AttrOut,
) syscall.Errno {
	return n.disk.touch(0, func() syscall.Errno {
		if h, ok := fh.(*handle); ok {
			return h.file.Getattr(ctx, out)
		}
		return n.LoopbackNode.Getattr(ctx, nil, out)
	})
}

// Statx isn't there, so that the kernel asks Getattr.
func (n *node) Statx(
	context.Context, fs.FileHandle, uint32, uint32, *fuse.StatxOut,
) syscall.Errno {
	return syscall.ENOSYS
}

func (n *node) Open(
	ctx context.Context, flags uint32,
) (fh fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	at := n.at("")
	c := call{OpOpen, flags&syscall.O_ACCMODE != syscall.O_RDONLY, []string{at}}
	errno = n.disk.run(c, func() (e syscall.Errno) {
		fh, fuseFlags, e = n.LoopbackNode.Open(ctx, backingFlags(flags))
		return e
	})
	if errno != 0 {
		return nil, 0, errno
	}
	return newHandle(n, fh, flags, at), fuseFlags | fuse.FOPEN_DIRECT_IO, 0
}

// Setattr truncates, or changes modes, owners and times. The kernel makes an
// open with O_TRUNC into an open and a truncation.
func (n *node) Setattr(
	ctx context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut,
) syscall.Errno {
	op := OpAttr
	size, truncates := in.GetSize()
	if truncates {
		op = OpTruncate
	}
	return n.disk.run(call{op, true, []string{n.at("")}}, func() syscall.Errno {
		h, _ := fh.(*handle)
		switch {
		case h == nil && truncates: // by path
			f, _, errno := n.LoopbackNode.Open(ctx, syscall.O_RDWR)
			if errno != 0 {
				return errno
			}
			h = &handle{node: n, file: f.(*fs.LoopbackFile), boot: n.disk.boots}
			h.fd, _ = h.file.PassthroughFd()
			defer h.file.Release(ctx)
		case h == nil:
			return n.LoopbackNode.Setattr(ctx, nil, in, out)
		case h.boot != n.disk.boots:
			return syscall.EIO
		}
		set := func() syscall.Errno { return h.file.Setattr(ctx, in, out) }
		if !truncates {
			return set()
		}
		return h.change(int64(size), toEnd, set)
	})
}

// CopyFileRange isn't there, so that the kernel reads and writes.
func (n *node) CopyFileRange(
	context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64,
) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}
