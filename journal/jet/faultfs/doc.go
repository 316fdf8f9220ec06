// Package faultfs is a disk that fails when a test tells it to: a FUSE file
// system that passes everything through to a backing directory, except for the
// calls that a Rule is about. The program under test runs on it unchanged.
//
//	func TestMain(m *testing.M) {
//		faultfs.Main()
//		os.Exit(m.Run())
//	}
//
//	disk := faultfs.Start(t)
//	disk.Add(faultfs.Rule{Op: faultfs.OpWrite, Match: ".blk", Errno: syscall.ENOSPC})
//	… run something in disk.Dir …
//	disk.Clear()
//
// The file system is served by a second process, which is the test's own
// executable started again: a Go program that serves a file system to itself
// can stop for good. The two share a socket, so the server ends, and the mount
// with it, however the test does. It needs Linux, /dev/fuse and root.
//
// # What a rule sees
//
// Nothing is cached: files are opened for direct I/O and attributes are asked
// for each time, so every call of the program is a call here, in its order. A
// write of more than 1 MiB comes as several. A write through a file opened with
// O_SYNC or O_DSYNC comes as a write and an fsync, and fdatasync and an fsync
// of a directory are fsyncs as well. Shared writable memory maps of files don't
// work.
//
// A call that fails by a rule has had no effect, apart from the first Short
// bytes of a write. A failing fsync leaves what it should have synced as it
// was, so a later one that passes makes it durable; Linux would not have
// promised that.
//
// # Power cuts
//
// PowerCut takes every file back to what it held when it was last synced: size
// and bytes, those that were overwritten in place too. A file that was never
// synced is left empty. What was there when the file system was mounted counts
// as synced.
//
// Directories are durable at once: what was created, renamed or removed stays
// so, whether or not anybody synced the directory. So a file that was renamed
// into place before it was synced is there after a cut, and empty, which is the
// mistake that this is to show; a directory that should have been synced is not
// noticed. Modes, owners and times are durable at once too.
//
// A cut is total: nothing that was not synced is kept, where a disk may keep
// any part of it. A torn write is a Rule with Short.
//
// Behind a cut all calls fail with EIO until Restore. Files that were open at
// the cut fail for ever, like the process that had them open.
package faultfs
