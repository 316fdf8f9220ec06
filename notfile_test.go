package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/appliance"
	"ledge/journal/fault"
)

// A pipe that nobody writes to stands in the place of each of a node's files, and so do
// others that are no files. Nothing waits for it: the commands for a stopped node end,
// and the node starts, by the command that it names if data may be lost.
func TestDamageNotFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, append(sets(1, 5), "SAVE"), func() {})
	const stream = "journal/jetstream/JOURNAL/streams/J/"
	snap, err := filepath.Glob(filepath.Join(dir, "snapshots", "*.snap"))
	if err != nil || len(snap) != 1 {
		t.Fatalf("snapshots %q, %v; want one", snap, err)
	}
	for name, tt := range map[string]struct {
		make func(path string) error
		rels []string
	}{
		"identity":   {pipe, []string{"ledge.json"}},
		"copy":       {pipe, []string{"ledge.json.copy"}},
		"identities": {pipe, []string{"ledge.json", "ledge.json.copy"}},
		"temporary":  {pipe, []string{"ledge.json.tmp", "auth/admin.tmp", "journal/mark.copy.tmp", "reserve.tmp"}},
		"marks":      {pipe, []string{"journal/mark", "journal/mark.copy"}},
		"stream":     {pipe, []string{stream + "meta.inf", stream + "meta.sum"}},
		"blocks":     {pipe, []string{stream + "msgs/1.blk", stream + "msgs/2.blk", stream + "msgs/index.db"}},
		"snapshot":   {pipe, []string{"snapshots/" + filepath.Base(snap[0])}},
		"store":      {pipe, []string{"node.db"}},
		"own":        {pipe, []string{"run.json", "auth/admin", "auth/leader", "auth/before.json"}},
		"foreign":    {pipe, []string{"journal/pipe"}},
		"socket":     {socket, []string{"ledge.json", "node.db", "auth/admin", stream + "msgs/1.blk"}},
		"link":       {loose, []string{"ledge.json", "journal/mark", "node.db", "auth/admin", stream + "msgs/1.blk"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := bare(t, dir)
			for _, rel := range tt.rels {
				path := filepath.Join(to, rel)
				if err := os.RemoveAll(path); err != nil {
					t.Fatal(err)
				}
				if err := tt.make(path); err != nil {
					t.Fatal(err)
				}
			}
			for _, args := range [][]string{{"journal", "verify"}, {"journal", "info"}, {"journal", "tail"},
				{"snapshot", "list"}, {"backup", "--to", filepath.Join(t.TempDir(), "b")}, {"journal", "repair"}, {"health"}} {
				ends(t, strings.Join(args, " "), func() { ledge(t, append(args, "--dir", to)...) })
			}
			ends(t, "start", func() {
				_, err := served(t, to, appliance.DamageStop)
				if err == nil {
					return
				}
				cmd := goesOn.FindStringSubmatch(fault.Line(err))
				if cmd == nil {
					t.Errorf("a start says %v; want the command that goes on", err)
				} else if got := ledge(t, strings.Fields(cmd[1])...); got.code != 0 {
					t.Errorf("%s: exit code %d, %s", cmd[0], got.code, got.stderr)
				}
			})
			lifetime(t, to, nil, func() {})
			if got := ledge(t, "journal", "verify", "--dir", to); got.code != 0 && name != "snapshot" || !strings.Contains(got.stdout, "5 keys") {
				t.Errorf("verify: exit code %d, %s%s; want 5 keys", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// The lock itself can't be set aside, so what stands in its place is named.
func TestLockNotFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	lifetime(t, dir, sets(1, 1), func() {})
	path := filepath.Join(dir, "lock")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := pipe(path); err != nil {
		t.Fatal(err)
	}
	ends(t, "start", func() {
		if _, err := served(t, dir, appliance.DamageStop); err == nil || !strings.Contains(err.Error(), path+" is a named pipe") {
			t.Errorf("a start says %v; want the pipe named", err)
		}
	})
	ends(t, "verify", func() {
		if got := ledge(t, "journal", "verify", "--dir", dir); !strings.Contains(got.stderr, path+" is a named pipe") {
			t.Errorf("verify: exit code %d, %s; want the pipe named", got.code, got.stderr)
		}
	})
}

// ends fails the test if run does not return. What waits for a pipe can't be told to.
func ends(t *testing.T, what string, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s waits", what)
	}
}

func pipe(path string) error { return syscall.Mkfifo(path, 0o600) }

// loose makes a link to nothing.
func loose(path string) error { return os.Symlink(path+".gone", path) }

// socket makes a socket that nobody listens at. Its own name may be longer than a socket's.
func socket(path string) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	short, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		return err
	}
	defer os.RemoveAll(short)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: filepath.Join(short, "s")}); err != nil {
		return err
	}
	return os.Rename(filepath.Join(short, "s"), path)
}

// A backup is read from files: a pipe in the place of one is refused, and not waited for.
func TestBackupFromPipe(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "00000000000000aa-00000000000000000001-00000000000000000002-base.backup")
	if err := pipe(one); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{one, dir} {
		for _, args := range [][]string{{"restore", "--dir", filepath.Join(t.TempDir(), "r"), "--from", from}, {"backup", "verify", from}} {
			ends(t, strings.Join(args, " "), func() {
				if got := ledge(t, args...); got.code == 0 {
					t.Errorf("%v: exit code 0; want it refused", args)
				}
			})
		}
	}
}
