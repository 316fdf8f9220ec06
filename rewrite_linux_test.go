package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Where the node may not write its configuration, config rewrite and CONFIG REWRITE say
// in one line what lets it, and that nothing is lost: the setting holds after a restart.
// Once it may write there they do.
func TestRewriteUnwritable(t *testing.T) {
	t.Parallel()
	etc, dir := mounted(t, "size=1m"), filepath.Join(t.TempDir(), "node")
	file, mine := filepath.Join(etc, "ledge.yaml"), filepath.Join(etc, "ledge.d")
	if err := errors.Join(os.WriteFile(file, []byte("max-clients: 100\n"), 0o644), os.Mkdir(mine, 0o755)); err != nil {
		t.Fatal(err)
	}
	remount(t, etc, syscall.MS_RDONLY)
	serve := func() (n *background, addr string) {
		n = runShipped(t, "serve", "--config", file, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--dir", dir)
		addr = address.FindStringSubmatch(n.says(t, "  redis  "))[1]
		n.says(t, "  state  ")
		return n, addr
	}
	refused := func(set, where, addr string) {
		t.Helper()
		if got := talk(t, addr, "CONFIG SET "+set); got != "+OK" {
			t.Fatalf("CONFIG SET %s = %s; want OK", set, got)
		}
		want := "read-only file system; the node may not write there: its unit may allow it (systemctl edit ledge, [Service], ReadWritePaths=" +
			where + ", and a restart); what was set holds all the same, from node.db"
		got := asUser(t, 0, "config", "rewrite", "--dir", dir)
		if got.code != 1 || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("config rewrite = %+v; want 1 and the line %q", got, want)
		}
		if got := talk(t, addr, "CONFIG REWRITE"); !strings.HasPrefix(got, "-ERR Rewriting config file: ") || !strings.HasSuffix(got, want) {
			t.Errorf("CONFIG REWRITE = %s; want %q", got, want)
		}
	}
	n, addr := serve()
	refused("maxclients 123", etc, addr) // which stands in the file itself
	if err := n.end(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n, addr = serve()
	if got := asUser(t, 0, "config", "get", "--dir", dir, "maxclients"); !strings.Contains(got.stdout, "123") {
		t.Errorf("after a restart maxclients is %+v; want 123", got)
	}
	remount(t, etc, 0)
	if got := asUser(t, 0, "config", "rewrite", "--dir", dir); got.code != 0 {
		t.Errorf("config rewrite where it may = %+v; want 0", got)
	}
	if b, err := os.ReadFile(file); string(b) != "max-clients: 123\n" {
		t.Errorf("the file has %q, %v; want 123 clients", b, err)
	}
	remount(t, etc, syscall.MS_RDONLY)
	refused("timeout 77", mine, addr) // which no file has
	if err := n.end(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// remount mounts what is mounted at dir again, otherwise.
func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	// A process that another test starts has what is open for writing here open, too,
	// until it has become another program.
	err := syscall.EBUSY
	for end := time.Now().Add(10 * time.Second); err == syscall.EBUSY && time.Now().Before(end); time.Sleep(time.Millisecond) {
		err, _ = syscall.Mount("none", dir, "", syscall.MS_REMOUNT|flags, "").(syscall.Errno)
	}
	if err != 0 {
		t.Fatal(err)
	}
}
