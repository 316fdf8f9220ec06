package appliance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ledge/journal/freeport"
	"ledge/replay/backup"
)

// fileTimes returns what a directory holds, how long each file is and when it was
// changed.
func fileTimes(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The directory of a stopped node is backed up as a running node is: from its beginning
// or from a snapshot, added to what there is, killed or ended in good order. It comes to
// the same digest, and no byte of the directory is changed.
func TestBackupOfStopped(t *testing.T) {
	t.Parallel()
	ctx, dir, store := t.Context(), t.TempDir(), t.TempDir()
	to := filepath.Join(store, "kept")
	after := uint64(0)
	for i, c := range []struct {
		name string
		end  syscall.Signal
		args []string
	}{
		{"ended", syscall.SIGTERM, nil},
		{"killed", syscall.SIGKILL, nil},
		{"from a snapshot", syscall.SIGTERM, []string{"--base"}},
	} {
		p := start(t, dir, "--nats-listen", freeport.Addr(t))
		for j := range 20 {
			if err := p.client().Set(ctx, fmt.Sprint("k", i, j), j, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if c.args != nil {
			if err := p.client().Save(ctx).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.client().Set(ctx, "last", c.name, 0).Err(); err != nil {
			t.Fatal(err)
		}
		digest := p.info("journal_digest")
		p.end(c.end)
		before := fileTimes(t, dir)
		b := answered[backedUp](t, append([]string{"backup", "--dir", dir, "--json", "--to", to}, c.args...)...)
		if now := fileTimes(t, dir); fmt.Sprint(now) != fmt.Sprint(before) {
			t.Errorf("%s: the directory has changed:\n%v\n%v", c.name, before, now)
		}
		if !strings.HasPrefix(b.State, "verified") || c.args == nil && b.After != after || c.args != nil && b.After == after {
			t.Errorf("%s: %+v; want it verified, and to go on after %d unless it has a snapshot", c.name, b, after)
		}
		after = b.Last
		r := answered[restored](t, "restore", "--json", "--from", to, "--dir", filepath.Join(store, fmt.Sprint("r", i)))
		if r.Digest != digest || r.Number != b.Last {
			t.Errorf("%s: restored as %+v; want number %d and digest %s", c.name, r, b.Last, digest)
		}
	}
	if got := run(t, "backup", "--dir", dir, "--to", to); got.code != 0 || !strings.Contains(got.stdout, "nothing is new") {
		t.Errorf("once more: exit code %d, %q, %s; want nothing new", got.code, got.stdout, got.stderr)
	}
	if got := run(t, "backup", "--dir", dir, "--to", "-"); got.code != 0 || !strings.HasPrefix(got.stdout, "LEDGBKUP") {
		t.Errorf("to standard output: exit code %d, %d bytes, %s; want a backup", got.code, len(got.stdout), got.stderr)
	}
}

// What could not be started is not backed up, and leaves nothing; nor is what another
// command is at.
func TestBackupOfStoppedRefused(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	for i := range 20 {
		if err := p.client().Set(t.Context(), "k", i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p.end(syscall.SIGTERM)
	to := filepath.Join(store, "kept")
	refused := func(name, want string) {
		t.Helper()
		got := run(t, "backup", "--dir", dir, "--to", to)
		if got.code == 0 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: exit code %d, %s; want it refused, and %q", name, got.code, got.stderr, want)
		}
		if parts, err := backup.List(to); err == nil && len(parts) > 0 {
			t.Errorf("%s: %v are left; want nothing", name, parts)
		}
	}
	lock, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	refused("locked", dir)
	lock.Close()
	blocks, err := filepath.Glob(filepath.Join(dir, "journal/jetstream/JOURNAL/streams/J/msgs/*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatalf("the journal has no files, %v", err)
	}
	b, err := os.ReadFile(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(blocks[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("damaged", "number")
}

// Two backups to one place at a time: one is taken, the other refused, and neither does
// harm. What a killed one has left is taken over.
func TestBackupsAtOnce(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), t.TempDir()
	p := start(t, dir, "--nats-listen", freeport.Addr(t))
	if err := p.client().Set(t.Context(), "k", strings.Repeat("v", 1<<20), 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{filepath.Join(store, "kept"), filepath.Join(store, "file.backup")} {
		left := to + ".tmp"
		if err := os.MkdirAll(filepath.Join(store, "kept"), 0o700); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(to) == "" {
			left = filepath.Join(to, "unfinished.backup.tmp")
		}
		if err := os.WriteFile(left, []byte("LEDGBKUP and no more"), 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := backup.Begin(to)
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, "backup", "--dir", dir, "--to", to)
		if got.code != 1 || !strings.Contains(got.stderr, "another backup is being written to it") {
			t.Errorf("a second one to %s: exit code %d, %s; want 1, and why", to, got.code, got.stderr)
		}
		if err := first.Discard(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left, []byte("LEDGBKUP and no more"), 0o600); err != nil {
			t.Fatal(err)
		}
		b := answered[backedUp](t, "backup", "--dir", dir, "--json", "--to", to)
		if !strings.HasPrefix(b.State, "verified") {
			t.Errorf("afterwards: %+v; want it taken", b)
		}
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s is left; want it gone", left)
		}
	}
	results := make(chan ended, 4)
	to := filepath.Join(store, "many")
	for range cap(results) {
		go func() { results <- run(t, "backup", "--dir", dir, "--to", to, "--no-verify") }()
	}
	for range cap(results) {
		got := <-results
		if got.code != 0 && !strings.Contains(got.stderr, "another backup") {
			t.Errorf("one of %d at once: exit code %d, %s", cap(results), got.code, got.stderr)
		}
	}
	if got := run(t, "backup", "verify", to); got.code != 0 || !strings.HasPrefix(got.stdout, "ok: 1 parts") {
		t.Errorf("backup verify after %d at once: exit code %d, %q, %s; want one part that is whole", cap(results), got.code, got.stdout, got.stderr)
	}
}
