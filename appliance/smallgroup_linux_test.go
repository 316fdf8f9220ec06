package appliance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memoryGroup makes a control group that may have so many bytes, of whichever kind the
// machine has, and returns where it is. Only root may make one.
func memoryGroup(t *testing.T, bytes int64) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may make a control group")
	}
	name := fmt.Sprintf("ledge-test-%d-%s", os.Getpid(), t.Name())
	// The newer kind has the file only where the group around it hands memory on.
	_ = os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+memory"), 0)
	var errs []string
	for _, kind := range []struct{ root, file string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		group := filepath.Join(kind.root, name)
		err := os.Mkdir(group, 0o700)
		if err == nil {
			t.Cleanup(func() { os.Remove(group) })
			// In a directory that is no control group this would make a plain file.
			if _, err = os.Stat(filepath.Join(group, kind.file)); err == nil {
				err = os.WriteFile(filepath.Join(group, kind.file), fmt.Append(nil, bytes), 0)
			}
		}
		if err == nil {
			return group
		}
		errs = append(errs, err.Error())
	}
	t.Fatalf("no control group can be made: %s", strings.Join(errs, "; "))
	return ""
}

// inGroup starts a node in a control group.
func inGroup(t *testing.T, group, dir string, opts ...string) *process {
	t.Helper()
	args := append([]string{"-c", `echo $$ > "$0"/cgroup.procs; exec "$@"`, group, binary(t)}, serving(dir, opts...)...)
	return launch(t, exec.Command("/bin/sh", args...))
}

// A node in a small control group that nobody has told a bound takes no more than the
// group has: it refuses what needs memory, goes on living, takes writes again once keys
// are deleted, and comes back with all of its data after it was killed.
func TestSmallGroup(t *testing.T) {
	group, dir, ctx := memoryGroup(t, 64<<20), t.TempDir(), t.Context()
	p := inGroup(t, group, dir, "--sync", "interval")
	if got := p.info("mem_bound_by"); got != "cgroup" {
		t.Fatalf("mem_bound_by is %q; want cgroup", got)
	}
	c, value := p.client(), strings.Repeat("v", 10_000)
	refused := func() error {
		for i := range 20_000 {
			if err := c.Set(ctx, fmt.Sprint("k", i), value+fmt.Sprint(i), 0).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	if err := refused(); err == nil || !strings.HasPrefix(err.Error(), "OOM ") {
		t.Fatalf("200 MB in a group of 64 MiB: %v; want OOM", err)
	}
	keys := c.DBSize(ctx).Val()
	if keys < 500 {
		t.Errorf("%d keys of 10 kB fit into a group of 64 MiB; want at least 500", keys)
	}
	p.end(syscall.SIGKILL)
	p = inGroup(t, group, dir, "--sync", "interval", "--nats-listen", "127.0.0.1:0")
	c = p.client()
	if got := c.DBSize(ctx).Val(); got > keys+1 || got < keys {
		t.Errorf("%d keys after a kill; want %d", got, keys)
	}
	// What takes memory beside the state is done at the bound, too.
	if got := c.Do(ctx, "LEDGE", "AT", keys/2, "GET", "k1").Val(); got != value+"1" {
		t.Errorf("LEDGE AT %d GET k1 = %.40v …; want what was written", keys/2, got)
	}
	for _, args := range [][]string{{"backup", "--to", filepath.Join(t.TempDir(), "kept")}, {"snapshot"}, {"verify"}, {"compact"}} {
		if got := run(t, append(args, "--dir", dir)...); got.code != 0 {
			t.Errorf("%s: exit code %d, %s", args[0], got.code, got.stderr)
		}
	}
	if err := c.FlushAll(ctx).Err(); err != nil {
		t.Errorf("FLUSHALL = %v; want it taken", err)
	}
	within(t, 30*time.Second, "writes are taken", func() bool { return c.Set(context.Background(), "k", value, 0).Err() == nil })
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
}
