//go:build linux

package faultfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// This file has what a node does as a directory.

// change is a call that changes which names there are.
func (n *node) change(op Op, f func() syscall.Errno, paths ...string) syscall.Errno {
	return n.disk.run(call{op, true, paths}, f)
}

// make is a call that makes a name and returns what it is for.
func (n *node) make(
	name string, f func() (*fs.Inode, syscall.Errno),
) (ch *fs.Inode, errno syscall.Errno) {
	errno = n.change(OpCreate, func() (e syscall.Errno) {
		ch, e = f()
		return e
	}, n.at(name))
	return ch, errno
}

func (n *node) Lookup(
	ctx context.Context, name string, out *fuse.EntryOut,
) (ch *fs.Inode, errno syscall.Errno) {
	errno = n.disk.touch(0, func() (e syscall.Errno) {
		ch, e = n.LoopbackNode.Lookup(ctx, name, out)
		return e
	})
	return ch, errno
}

func (n *node) Mknod(
	ctx context.Context, name string, mode, dev uint32, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return n.make(name, func() (*fs.Inode, syscall.Errno) {
		return n.LoopbackNode.Mknod(ctx, name, mode, dev, out)
	})
}

func (n *node) Mkdir(
	ctx context.Context, name string, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return n.make(name, func() (*fs.Inode, syscall.Errno) {
		return n.LoopbackNode.Mkdir(ctx, name, mode, out)
	})
}

func (n *node) Symlink(
	ctx context.Context, target, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return n.make(name, func() (*fs.Inode, syscall.Errno) {
		return n.LoopbackNode.Symlink(ctx, target, name, out)
	})
}

func (n *node) Link(
	ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return n.make(name, func() (*fs.Inode, syscall.Errno) {
		return n.LoopbackNode.Link(ctx, target, name, out)
	})
}

func (n *node) Create(
	ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut,
) (ch *fs.Inode, fh fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	at := n.at(name)
	ch, errno = n.make(name, func() (ch *fs.Inode, e syscall.Errno) {
		ch, fh, fuseFlags, e = n.LoopbackNode.Create(ctx, name, backingFlags(flags), mode, out)
		return ch, e
	})
	if errno != 0 {
		return nil, nil, 0, errno
	}
	fh = newHandle(ch.Operations().(*node), fh, flags, at)
	return ch, fh, fuseFlags | fuse.FOPEN_DIRECT_IO, 0
}

// Tmpfile isn't there: a file that gets its name later would be one more case
// of the power cut.
func (n *node) Tmpfile(
	context.Context, uint32, uint32, *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.ENOSYS
}

func (n *node) Unlink(ctx context.Context, name string) syscall.Errno {
	gone := n.GetChild(name)
	errno := n.change(OpUnlink, func() syscall.Errno {
		return n.LoopbackNode.Unlink(ctx, name)
	}, n.at(name))
	n.unnamed(gone, errno)
	return errno
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno {
	return n.change(OpUnlink, func() syscall.Errno {
		return n.LoopbackNode.Rmdir(ctx, name)
	}, n.at(name))
}

func (n *node) Rename(
	ctx context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32,
) syscall.Errno {
	dir := to.(*node)
	gone := dir.GetChild(newName)
	errno := n.change(OpRename, func() syscall.Errno {
		return n.LoopbackNode.Rename(ctx, name, to, newName, flags)
	}, n.at(name), dir.at(newName))
	n.unnamed(gone, errno)
	return errno
}

// unnamed is called when a call may have taken a file's last name.
func (n *node) unnamed(ch *fs.Inode, errno syscall.Errno) {
	if ch != nil && errno == 0 {
		n.disk.removed(ch.StableAttr().Ino)
	}
}

func (n *node) OpendirHandle(
	ctx context.Context, flags uint32,
) (fh fs.FileHandle, fuseFlags uint32, errno syscall.Errno) {
	errno = n.disk.touch(0, func() (e syscall.Errno) {
		fh, fuseFlags, e = n.LoopbackNode.OpendirHandle(ctx, flags)
		return e
	})
	if errno != 0 {
		return nil, 0, errno
	}
	return &dirHandle{fh.(dirStream), n, n.disk.boot()}, fuseFlags, 0
}
