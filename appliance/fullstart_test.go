package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A node that is started on a nearly full disk has no reserve and says so. Once
// there is room it holds it, so that a disk that fills later is no dead end: keys
// can be deleted, the journal be compacted, and writes be resumed.
func TestReserveAfterFullStart(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=40m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 30<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := lead(t, filepath.Join(mnt, "node"), "--resume-interval", "1s")
	if got := p.field("journal_reserve_missing"); got != "1" {
		t.Errorf("journal_reserve_missing is %q on a full disk; want 1", got)
	}
	p.refuses("no space left on device", "LEDGE", "RESUME")
	p.do("SET", "k", "v") // there is room for that
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	within(t, 30*time.Second, "the reserve is held", func() bool {
		return p.field("journal_reserve_missing") == "0" && p.field("journal_reserve_bytes") == "16777216"
	})
	value, ctx := strings.Repeat("x", 1<<20), t.Context()
	for i := 0; p.c.Do(ctx, "SET", i, value).Err() == nil; i++ {
		if i == 40 {
			t.Fatal("40 MiB fit on a disk of 40 MiB")
		}
	}
	within(t, 30*time.Second, "deletes are taken", func() bool { return p.c.Do(ctx, "FLUSHALL").Err() == nil })
	p.compact()
	within(t, 30*time.Second, "writes are taken", func() bool { return p.c.Do(ctx, "SET", "k", "v").Err() == nil })
	if got := p.field("journal_reserve_missing"); got != "0" {
		t.Errorf("journal_reserve_missing is %q afterwards; want 0", got)
	}
}
