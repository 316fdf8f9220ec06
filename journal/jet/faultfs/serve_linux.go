package faultfs

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// serve mounts a file system and does what comes over the connection until it
// ends. Then it takes the mount away and the process is to exit: that fails
// what others still have going on it.
func serve(m mounting, conn net.Conn) error {
	// An interrupt at the terminal is for the test. The server ends after it.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	d := newDisk()
	if err := mount(m, d); err != nil {
		return fmt.Errorf("mount %s: %w", m.Mount, err)
	}
	defer detach(m.Mount)
	enc, dec := json.NewEncoder(conn), json.NewDecoder(conn)
	for r := (reply{}); ; {
		if enc.Encode(r) != nil {
			return nil
		}
		var q request
		if dec.Decode(&q) != nil {
			return nil
		}
		r = d.answer(q)
	}
}

func mount(m mounting, d *disk) error {
	root, err := fs.NewLoopbackRoot(m.Backing)
	if err != nil {
		return err
	}
	var zero time.Duration
	_, err = fs.Mount(m.Mount, &node{root.(*fs.LoopbackNode), d}, &fs.Options{
		EntryTimeout: &zero, AttrTimeout: &zero, NegativeTimeout: &zero,
		NullPermissions: true,
		MountOptions: fuse.MountOptions{
			DirectMountStrict: true, // there may be no fusermount
			AllowOther:        true,
			DisableXAttrs:     true,
			MaxWrite:          1 << 20, // the most, so that a write is one call
			FsName:            "faultfs",
			Name:              "faultfs",
		},
	})
	return err
}

// detach takes a mount away even while it is in use.
func detach(mount string) { _ = syscall.Unmount(mount, syscall.MNT_DETACH) }
