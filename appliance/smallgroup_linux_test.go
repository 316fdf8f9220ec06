package appliance_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/freeport"
)

// TestSmallGroup runs fillSmallGroup with each way of giving a group 64 MiB.
func TestSmallGroup(t *testing.T) {
	k := groupsHere(t)
	ways := map[string]groupBounds{
		"own":    {inner: map[string]string{k.limit: smallLimit}},
		"around": {outer: map[string]string{k.limit: smallLimit}},
	}
	if k == group2 {
		ways["own"].inner["memory.swap.max"] = "0"
		ways["high"] = groupBounds{inner: map[string]string{"memory.high": smallLimit}}
		ways["around-high"] = groupBounds{
			outer: map[string]string{"memory.high": smallLimit, "memory.max": "134217728"},
			inner: map[string]string{"memory.high": "max", "memory.max": "100663296"},
		}
	}
	for name, bounds := range ways {
		t.Run(name, func(t *testing.T) { fillSmallGroup(t, k.nest(t, bounds)) })
	}
}

// A node in a small control group that nobody has told a bound takes no more than the
// group has: it refuses what needs memory, goes on living, takes writes again once keys
// are deleted, and comes back with all of its data after it was killed.
func fillSmallGroup(t *testing.T, group string) {
	dir, ctx := onDisk(t), t.Context()
	p := inGroup(t, group, dir, "--sync", "interval")
	if got := p.info("mem_bound_by"); got != "cgroup" {
		t.Fatalf("mem_bound_by is %q; want cgroup", got)
	}
	c, value := p.client(), strings.Repeat("v", 10_000)
	next := 0
	refused := func() error {
		for ; next < 20_000; next++ {
			if err := c.Set(ctx, fmt.Sprint("k", next), value+fmt.Sprint(next), 0).Err(); err != nil {
				return err
			}
		}
		return nil
	}
	// A collection that comes late on a slow machine has writes refused for a moment.
	within(t, 30*time.Second, "500 keys of 10 kB fit into a group of 64 MiB", func() bool {
		if err := refused(); err == nil || !strings.HasPrefix(err.Error(), "OOM ") {
			t.Fatalf("200 MB in a group of 64 MiB: %v; want OOM", err)
		}
		return next >= 500
	})
	keys := c.DBSize(ctx).Val()
	p.end(syscall.SIGKILL)
	p = inGroup(t, group, dir, "--sync", "interval", "--nats-listen", freeport.Addr(t))
	c = p.client()
	if got := c.DBSize(ctx).Val(); got > keys+1 || got < keys {
		t.Errorf("%d keys after a kill; want %d", got, keys)
	}
	// What takes memory beside the state is done at the bound, too.
	if got := c.Do(ctx, "LEDGE", "AT", keys/2, "GET", "k1").Val(); got != value+"1" {
		t.Errorf("LEDGE AT %d GET k1 = %.40v …; want what was written", keys/2, got)
	}
	for _, args := range [][]string{{"backup", "--to", filepath.Join(onDisk(t), "kept")}, {"snapshot"}, {"verify"}, {"compact"}} {
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

// A node follows the limit of its group when it is changed, and takes more writes once
// that is raised.
func TestGroupLimitChanges(t *testing.T) {
	k := groupsHere(t)
	group := k.nest(t, groupBounds{inner: map[string]string{k.limit: smallLimit}})
	p := inGroup(t, group, onDisk(t), "--sync", "off")
	c, value := p.client(), strings.Repeat("v", 1_000_000)
	fill := func(keys int) (err error) {
		for i := 0; i < keys && err == nil; i++ {
			err = c.Set(t.Context(), fmt.Sprint("k", i), value, 0).Err()
		}
		return err
	}
	if err := fill(80); err == nil || !strings.HasPrefix(err.Error(), "OOM ") {
		t.Fatalf("80 MB in a group of 64 MiB: %v; want OOM", err)
	}
	for _, tt := range []struct{ limit, bound string }{{"268435456", "214748365"}, {"201326592", "161061274"}} {
		writeGroup(t, group, k.limit, tt.limit)
		within(t, 30*time.Second, "the bound is "+tt.bound, func() bool { return p.info("mem_bound") == tt.bound })
		if err := fill(80); err != nil {
			t.Errorf("80 MB in a group of %s bytes: %v; want them taken", tt.limit, err)
		}
	}
}
