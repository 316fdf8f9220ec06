package appliance_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Past --max-memory commands that need memory are refused as Redis words it,
// others go on, and once there is room again all do. The process never takes
// much more than it was told.
func TestMaxMemory(t *testing.T) {
	const limit = 64 << 20
	ctx := t.Context()
	p := start(t, t.TempDir(), "--max-memory", "64MiB", "--sync", "off")
	c := p.client()
	value := strings.Repeat("v", 64<<10)
	var err error
	n := 0
	for ; n < 4096 && err == nil; n++ {
		err = c.Set(ctx, fmt.Sprint("k", n), value, 0).Err()
	}
	const want = "OOM command not allowed when used memory > 'maxmemory'."
	if err == nil || err.Error() != want {
		t.Fatalf("SET number %d = %v; want %s", n, err, want)
	}
	if got := n * len(value); got < limit/2 || got > limit {
		t.Errorf("%d bytes of values fit; want between half of %d and all of it", got, limit)
	}
	if err := c.Get(ctx, "k").Err(); err != redis.Nil {
		t.Errorf("GET = %v; want %v", err, redis.Nil)
	}
	if rss := p.resident("VmRSS"); rss > limit+limit/2 {
		t.Errorf("resident set is %d; want at most half more than %d", rss, limit)
	}
	if err := c.FlushAll(ctx).Err(); err != nil {
		t.Errorf("FLUSHALL: %v", err)
	}
	within(t, 20*time.Second, "SET works again", func() bool {
		return c.Set(ctx, "k", "v", 0).Err() == nil
	})
	p.end(syscall.SIGTERM)
}

// A snapshot is taken when the journal has grown by what was asked for. The
// journal is truncated behind the older of the two that stay, and recovery
// begins with the newest.
func TestSnapshots(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	p := start(t, dir, "--snapshot-every", "1MiB", "--sync", "off")
	c := p.client()
	value := strings.Repeat("v", 32<<10)
	truncated := func() bool {
		for range 8 {
			if err := c.Set(ctx, "k", value, 0).Err(); err != nil {
				t.Fatalf("SET: %v", err)
			}
		}
		return p.info("journal_first_seq") != "1"
	}
	within(t, 30*time.Second, "the journal is truncated", truncated)
	saved := c.LastSave(ctx).Val()
	var err error
	within(t, 30*time.Second, "no snapshot is being taken any more", func() bool {
		err = c.Save(ctx).Err()
		return err == nil || !strings.Contains(err.Error(), "already in progress")
	})
	if err != nil || c.LastSave(ctx).Val() < saved {
		t.Errorf("SAVE: %v; LASTSAVE %d, before it %d", err, c.LastSave(ctx).Val(), saved)
	}
	if got := p.info("rdb_changes_since_last_save"); got != "0" {
		t.Errorf("changes since SAVE = %s; want 0", got)
	}
	if err := c.Set(ctx, "last", "1", 0).Err(); err != nil {
		t.Fatalf("SET: %v", err)
	}
	p.end(syscall.SIGKILL)
	verified(t, dir)
	if got := run(t, "snapshot", "list", "--dir", dir); got.code != 0 || strings.Count(got.stdout, "\n") != 2 {
		t.Errorf("snapshot list: exit code %d, %q, %s; want two lines", got.code, got.stdout, got.stderr)
	}
	p = start(t, dir)
	if want := "and 1 numbers behind it"; !strings.Contains(p.greeting, want) {
		t.Errorf("greeting is %q; want %q in it", p.greeting, want)
	}
	got, err := p.client().MGet(ctx, "k", "last").Result()
	if err != nil || got[0] != value || got[1] != "1" {
		t.Errorf("MGET after recovery: %v; want both values", err)
	}
}
