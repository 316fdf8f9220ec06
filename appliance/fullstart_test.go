package appliance_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
)

// smallDisk mounts a disk of some size for a test, with a file on it that leaves so
// much room.
func smallDisk(t *testing.T, options string) (mnt string) {
	t.Helper()
	mnt = t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, options); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	return mnt
}

// health asks the node how it is.
func (p *peer) health() (h admin.Health) {
	p.t.Helper()
	p.asked(func(ctx context.Context, c *admin.Conn) (err error) {
		h, err = c.Health(ctx, filepath.Base(p.dir))
		return err
	})
	return h
}

// A node that is started on a nearly full disk has no reserve: it is suspended from
// its first moment, says what is free, and takes deletes only, as if the disk had
// filled while it ran. Once there is room it holds the reserve. When the disk fills
// later, keys can be deleted, and the compact that makes room has writes resumed at
// once, however far off the next attempt is.
func TestReserveAfterFullStart(t *testing.T) {
	mnt := smallDisk(t, "size=40m")
	ballast := filepath.Join(mnt, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 30<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := lead(t, filepath.Join(mnt, "node"), "--resume-interval", "1h")
	if got := p.field("journal_reserve_missing"); got != "1" {
		t.Errorf("journal_reserve_missing is %q on a full disk; want 1", got)
	}
	h := p.health()
	if h.State != admin.StateSuspended || !h.Deletes || !h.ReserveMissing || h.NextAttempt == nil ||
		!strings.Contains(h.Cause, "hold back 16.0 MiB") || !strings.Contains(h.Cause, "MiB are free") {
		t.Errorf("health on a full disk = %+v; want suspended for want of a reserve, with what is free", h)
	}
	p.refuses("no space left on device", "LEDGE", "RESUME")
	p.refuses("reads and deletes are served", "SET", "k", "v")
	p.do("DEL", "k")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.do("LEDGE", "RESUME")
	p.do("SET", "k", "v")
	if got, want := p.field("journal_reserve_bytes"), "16777216"; got != want || p.field("journal_reserve_missing") != "0" {
		t.Errorf("with room again journal_reserve_bytes is %q; want %s", got, want)
	}
	value, ctx := strings.Repeat("x", 1<<20), t.Context()
	for i := 0; p.c.Do(ctx, "SET", i, value).Err() == nil; i++ {
		if i == 40 {
			t.Fatal("40 MiB fit on a disk of 40 MiB")
		}
	}
	p.noRoomToCompact(ballast)
	within(t, 30*time.Second, "deletes are taken", func() bool { return p.c.Do(ctx, "FLUSHALL").Err() == nil })
	p.compact()
	within(t, 30*time.Second, "writes are taken", func() bool { return p.c.Do(ctx, "SET", "k", "v").Err() == nil })
	if got := p.field("journal_reserve_missing"); got != "0" {
		t.Errorf("journal_reserve_missing is %q afterwards; want 0", got)
	}
}

// noRoomToCompact has the node compact while there is no room for a snapshot, and
// checks what that says: what is needed, what is free, and no name of our code.
func (p *peer) noRoomToCompact(ballast string) {
	p.t.Helper()
	within(p.t, 30*time.Second, "the reserve is given up", func() bool { return p.health().Deletes })
	if err := os.WriteFile(ballast, make([]byte, 12<<20), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.asked(func(ctx context.Context, c *admin.Conn) error {
		for name, ask := range map[string]func() error{
			"compact":  func() error { _, err := c.Compact(ctx, filepath.Base(p.dir)); return err },
			"snapshot": func() error { _, err := c.Snapshot(ctx, filepath.Base(p.dir)); return err },
		} {
			err := ask()
			if err == nil || !strings.Contains(err.Error(), "MiB are free") || !strings.Contains(err.Error(), "a snapshot needs about") ||
				regexp.MustCompile(`\w\.[A-Z]\w*:`).MatchString(err.Error()) {
				p.t.Errorf("%s without room for a snapshot = %v; want what it needs and what is free, in words", name, err)
			}
		}
		return nil
	})
	if err := os.Remove(ballast); err != nil {
		p.t.Fatal(err)
	}
}

// A node that is started where no file can be made any more says so.
func TestStartWithoutInodes(t *testing.T) {
	mnt := smallDisk(t, "size=60m,nr_inodes=100")
	p := lead(t, filepath.Join(mnt, "node"))
	p.do("SET", "k", "v")
	p.end(syscall.SIGTERM)
	for i := 0; ; i++ {
		f, err := os.Create(filepath.Join(mnt, strings.Repeat("f", i+1)))
		if err != nil {
			break
		}
		f.Close()
	}
	p = lead(t, p.dir)
	if got := p.do("GET", "k"); got != "v" {
		t.Errorf("GET = %v; want v", got)
	}
	if h := p.health(); h.State != admin.StateSuspended || !strings.Contains(h.Cause, "there are next to no inodes left") {
		t.Errorf("health without inodes = %+v; want suspended", h)
	}
}
