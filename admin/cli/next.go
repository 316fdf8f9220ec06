package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/journal/durable"
)

// Commands that look into a stopped node's directory, and what does the same, or nearly,
// with a running node.
var counterparts = []struct{ stopped, running string }{
	{"journal info", "status"},
	{"journal verify", "verify"},
	{"snapshot list", "snapshots"},
}

// InUse says of a command that was refused a directory because a process has it what to
// do instead.
func InUse(c *cli.Context, err error) error { return inUse(c, err) }

func inUse(c *cli.Context, err error) error {
	var by *appliance.RunningError
	if !errors.As(err, &by) {
		return err
	}
	name, at := commandName(c), atDir(c)
	switch i := slices.IndexFunc(counterparts, func(p struct{ stopped, running string }) bool { return p.stopped == name }); {
	case !by.Serves():
		return fmt.Errorf("%w; try again when that has ended", err)
	case name == "serve":
		return fmt.Errorf("%w; ledge stop%s ends it, and --dir gives this one another directory", err, at)
	case i >= 0:
		return fmt.Errorf("%w; a running node is asked with ledge %s%s", err, counterparts[i].running, at)
	}
	s := fmt.Sprintf("it needs the node to be stopped: ledge stop%s", at)
	if name == "restore" {
		s += "; a backup is restored beside it with --from PATH and another --dir"
	}
	return fmt.Errorf("%w; %s", err, s)
}

// atDir is the option that names the directory of a command again, if it was given.
func atDir(c *cli.Context) string {
	if !c.IsSet("dir") {
		return ""
	}
	return " --dir " + c.String("dir")
}

// whereNode says of a command that has reached no node what to do: by what the directory
// says, where that is how the node is found.
func whereNode(c *cli.Context) string {
	dir, at := c.String("dir"), atDir(c)
	if c.String("server") != "" || !isNodes(dir) {
		return "is the node running? --dir or --server says where it is"
	}
	run, err := readRun(dir)
	if nodeRuns(c) {
		return fmt.Sprintf("the node in %s runs, pid %d: its log says what it is at", dir, run.PID)
	}
	if err == nil && run.PID == 0 && appliance.Held(dir) {
		return fmt.Sprintf("a process has %s, and where its node listens is not written down there, as while it starts or ends: ask again, or name it by --server", dir)
	}
	s := fmt.Sprintf("no node runs in %s: ledge serve%s starts it", dir, at)
	name := commandName(c)
	if name == "switchover" {
		s += ", and if it is gone for good, ledge promote asked of the replica has that lead"
	}
	if i := slices.IndexFunc(counterparts, func(p struct{ stopped, running string }) bool { return p.running == name }); i >= 0 {
		s += fmt.Sprintf(", and ledge %s%s looks into it while it is stopped", counterparts[i].stopped, at)
	}
	return s
}

// nodeRuns reports whether the node in the directory that is meant is known to run.
func nodeRuns(c *cli.Context) bool {
	dir := c.String("dir")
	if c.String("server") != "" || !isNodes(dir) {
		return false
	}
	run, err := readRun(dir)
	return err == nil && run.PID > 0 && alive(run.PID)
}

// isNodes reports whether a directory is one of a node's.
func isNodes(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "ledge.json"))
	return err == nil
}

// Remedy says of an error of a file system what to do about it; "" is nothing that is
// known here.
func Remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EROFS):
		return "; it is mounted read-only: mount it for writing (its kernel log may say why it isn't), or name another directory"
	case durable.Full(err):
		return "; make room there (the disk, or this user's quota), or name another directory"
	}
	return whose(err)
}

// whose says of an error that permission was denied whose the file is, and as whom this
// process runs; "" of any other error.
func whose(err error) string {
	var at *fs.PathError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &at) {
		return ""
	}
	for path := filepath.Clean(at.Path); ; path = filepath.Dir(path) {
		fi, err := os.Lstat(path)
		if err != nil {
			if path == filepath.Dir(path) {
				return ""
			}
			continue // what can be seen of the way there
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok || int(st.Uid) == os.Geteuid() {
			return ""
		}
		return fmt.Sprintf("; %s belongs to %s, and this process runs as %[3]s: run it as that user, or give it what is there (chown)", path, userName(int(st.Uid)), userName(os.Geteuid()))
	}
}

// userName is what the system calls a user.
func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return fmt.Sprintf("user %s (%s)", u.Username, id)
	}
	return "user " + id
}
