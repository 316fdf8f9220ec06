package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"

	"ledge/appliance"
)

// nextOf returns what a command in the app says by next.
func nextOf(t *testing.T, args []string, next func(*cli.Context) string) (said string) {
	t.Helper()
	flags := []cli.Flag{&cli.StringFlag{Name: "dir", Value: "ledge-data"}, &cli.StringFlag{Name: "server"}}
	act := func(c *cli.Context) error {
		said = next(c)
		return nil
	}
	leaf := func(name string) *cli.Command { return &cli.Command{Name: name, Flags: flags, Action: act} }
	app := &cli.App{Name: "ledge", Writer: io.Discard, Commands: []*cli.Command{leaf("serve"), leaf("status"), leaf("compact"), leaf("verify"), leaf("switchover"),
		leaf("restore"), {Name: "journal", Subcommands: []*cli.Command{leaf("verify"), leaf("info")}}}}
	if err := app.Run(append([]string{"ledge"}, args...)); err != nil {
		t.Fatal(err)
	}
	return said
}

// A directory that another process has: its name, and what to do instead, which depends
// on both commands.
func TestInUse(t *testing.T) {
	for _, tt := range []struct{ command, by, want string }{
		{"serve --dir d", "ledge serve", "d belongs to a running process, pid 7, ledge serve; ledge stop --dir d ends it, and --dir gives"},
		{"serve --dir d", "ledge journal verify", "pid 7, ledge journal verify; try again when that has ended"},
		{"journal info", "ledge serve", "; a running node is asked with ledge status"},
		{"journal verify --dir d", "", "pid 7; a running node is asked with ledge verify --dir d"},
		{"restore --dir d", "ledge serve", "; it needs the node to be stopped: ledge stop --dir d; a backup is restored beside it with --from PATH and another --dir"},
		{"restore --dir d", "ledge restore", "; try again when that has ended"},
	} {
		err := fmt.Errorf("--dir: %w", &appliance.RunningError{Dir: "d", PID: "7", Command: tt.by})
		got := nextOf(t, strings.Fields(tt.command), func(c *cli.Context) string { return inUse(c, err).Error() })
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s while %q has the directory says %q; want %q", tt.command, tt.by, got, tt.want)
		}
	}
	other := errors.New("other")
	if got := nextOf(t, []string{"serve"}, func(c *cli.Context) string { return inUse(c, other).Error() }); got != "other" {
		t.Errorf("another error becomes %q", got)
	}
}

// A command that reaches no node says what the directory shows: that it is no node's,
// that its node doesn't run, or that it does and is at something else.
func TestWhereNode(t *testing.T) {
	node, none := t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(node, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ledge.json", "{}")
	says := func(command, want string) {
		t.Helper()
		if got := nextOf(t, strings.Fields(command), whereNode); got != want {
			t.Errorf("%s says %q; want %q", command, got, want)
		}
	}
	const where = "is the node running? --dir or --server says where it is"
	says("status --dir "+none, where)
	says("status --server nats://x --dir "+node, where)
	starts := "no node runs in " + node + ": ledge serve --dir " + node + " starts it"
	says("compact --dir "+node, starts)
	says("switchover --dir "+node, starts+", and if it is gone for good, ledge promote asked of the replica has that lead")
	says("status --dir "+node, starts+", and ledge journal info --dir "+node+" looks into it while it is stopped")
	held, err := os.Open(node)
	if err == nil {
		err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		t.Fatal(err)
	}
	says("status --dir "+node, "a process has "+node+", and where its node listens is not written down there, as while it starts or ends: ask again, or name it by --server")
	held.Close()
	write("run.json", `{"pid":2147483646,"nats":"nats://127.0.0.1:1"}`) // was killed
	says("verify --dir "+node, starts+", and ledge journal verify --dir "+node+" looks into it while it is stopped")
	write("run.json", fmt.Sprintf(`{"pid":%d,"nats":"nats://127.0.0.1:1"}`, os.Getpid()))
	says("verify --dir "+node, fmt.Sprintf("the node in %s runs, pid %d: its log says what it is at", node, os.Getpid()))
}

// What a file system refuses says what to do. Permission that is denied says whose the file is, or the nearest of what contains it
// that can be seen.
func TestRemedy(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, 4242, 4242)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(path, "msgs", "1.blk")} {
		err := fmt.Errorf("open journal: %w", &fs.PathError{Op: "open", Path: p, Err: syscall.EACCES})
		if got := Remedy(err); !strings.Contains(got, "; "+path+" belongs to user 4242, and this process runs as user root (0)") {
			t.Errorf("of %v: %q; want whose %s is", err, got, path)
		}
	}
	for errno, want := range map[syscall.Errno]string{syscall.EROFS: "mount it for writing", syscall.ENOSPC: "make room", syscall.EDQUOT: "quota"} {
		if got := Remedy(&fs.PathError{Op: "write", Path: path, Err: errno}); !strings.Contains(got, want) {
			t.Errorf("of %v: %q; want %q", errno, got, want)
		}
	}
	for _, err := range []error{
		&fs.PathError{Op: "open", Path: dir, Err: syscall.EACCES}, // it is ours
		fs.ErrPermission,
		nil,
	} {
		if got := Remedy(err); got != "" {
			t.Errorf("of %v: %q; want nothing", err, got)
		}
	}
}
