package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// asOwner has the process, if it is root's, go on as the user whose directory dir is.
// A command that root has run there would leave files that the node may not open. A
// directory that isn't there is for whoever opens it to report.
func asOwner(dir string) error {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return nil
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(int(owner.Gid)), syscall.Setuid(int(owner.Uid))); err != nil {
		return fmt.Errorf("become the owner of %s, user %d: %w", dir, owner.Uid, err)
	}
	return nil
}
