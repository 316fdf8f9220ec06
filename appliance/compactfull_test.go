package appliance_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// A disk fills again and again, while the node tries to resume by itself all the time: each
// time deletes are taken, a compact gives the room back, and writes go on. Nothing stays behind
// that keeps the next round from having as much room as the first.
func TestCompactOnFullDisk(t *testing.T) {
	mnt := smallDisk(t, "size=48m")
	p := lead(t, filepath.Join(mnt, "node"), "--resume-interval", "100ms")
	value, ctx := strings.Repeat("x", 256<<10), t.Context()
	free := func() int64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(mnt, &st); err != nil {
			t.Fatal(err)
		}
		return int64(st.Bavail) * st.Bsize
	}
	for round := range 4 {
		n := 0
		for ; p.c.Do(ctx, "SET", fmt.Sprint("k", n), value).Err() == nil; n++ {
			if n == 48*4 {
				t.Fatal("48 MiB fit on a disk of 48 MiB")
			}
		}
		within(t, 30*time.Second, "deletes are taken", func() bool { return p.c.Do(ctx, "FLUSHALL").Err() == nil })
		within(t, 30*time.Second, "a compact makes room", func() bool {
			var err error
			p.asked(func(ctx context.Context, c *admin.Conn) error {
				_, err = c.Compact(ctx, filepath.Base(p.dir))
				return nil
			})
			if err != nil {
				t.Logf("round %d: compact: %v", round, err)
			}
			return err == nil
		})
		within(t, 30*time.Second, "writes are taken", func() bool { return p.c.Do(ctx, "SET", "k", "v").Err() == nil })
		// The broker sets a truncated journal's files aside, and removes them in the background.
		// What is left then is the reserve of 16 MiB and little else.
		within(t, 30*time.Second, "28 MiB are free", func() bool { return free() >= 28<<20 })
		t.Logf("round %d: %d values fit, %d MiB are free afterwards", round, n, free()>>20)
	}
}
