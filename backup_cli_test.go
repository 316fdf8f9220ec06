package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
)

// A backup that fails on the way, or that is not what the node has announced, leaves
// nothing that could be taken for one, says what failed, and ends with 1.
func TestBackupFails(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	store := t.TempDir()
	for _, c := range []struct {
		name, verb string
		err        error
		want       string
	}{
		{"refused", "backup.begin", fault.With(fault.Retryable, errors.New("4 backups are being taken already")), "4 backups"},
		{"the disk fails", "backup.read", fault.With(fault.Operator, errors.New("input/output error")), "byte 0 of 4096"},
		{"let go", "backup.read", fault.With(fault.Retryable, errors.New("not held any more; begin anew")), "begin anew"},
		{"other bytes than were announced", "", nil, "byte 4095 of 4096"},
	} {
		var begun atomic.Int64
		node.Hook(func(_ context.Context, verb string, _ any) error {
			if verb == "backup.begin" {
				begun.Add(1)
			}
			if verb == c.verb {
				return c.err
			}
			return nil
		})
		for _, to := range []string{filepath.Join(store, "dir"), filepath.Join(store, "file.backup")} {
			got := ledge(t, "backup", "--dir", b.Dir, "--to", to)
			if got.code != 1 || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
				t.Errorf("%s: exit code %d, %q, %q; want 1 and %q", c.name, got.code, got.stdout, got.stderr, c.want)
			}
		}
		if again := strings.Contains(c.want, "anew"); again != (begun.Load() > 2) {
			t.Errorf("%s: begun %d times for two backups; want more only if the node has let it go", c.name, begun.Load())
		}
		left := 0
		err := filepath.WalkDir(store, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				left++
			}
			return err
		})
		if left > 0 || err != nil {
			t.Errorf("%s: %d files are left, %v; want none", c.name, left, err)
		}
	}
}

// What makes no sense is refused before anything is asked.
func TestBackupUsage(t *testing.T) {
	store := t.TempDir()
	file := filepath.Join(store, "file")
	if err := os.WriteFile(file, []byte("a passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"backup", 1, "password"}, // it takes a node first
		{"backup list", 2, "one path"},
		{"backup list a b", 2, "one path"},
		{"backup list " + store + "/none", 1, "no such file"},
		{"backup verify " + store, 1, "holds no backup"},
		{"backup verify " + file, 1, "want \"LEDGBKUP\""},
		{"backup verify --identity " + file + " " + file, 2, "--identity"},
		{"restore --from " + store, 2, "--dir"},
		{"restore --from " + store + " --dir " + store + "/new", 1, "holds no backup"},
		{"restore --from " + store + " --dir " + store, 1, "empty directory only"},
		{"restore --from " + store + " --dir " + store + "/new --to-number x", 2, "--to-number"},
		{"restore --from " + store + " --dir " + store + "/new --to-time x", 2, "--to-time"},
		{"restore --from " + store + " --dir " + store + "/new --to-time 2099-01-02T03:04:05Z", 2, "future"},
		{"restore --from " + store + " --dir " + store + "/new --to-time 1m --to-number 1", 2, "exclude"},
		{"restore --from - --dir " + store + "/new", 2, "read twice"},
		{"restore --to-number 1 --dir " + store + "/new", 2, "--from"},
		{"restore --from " + store + " --dir " + store + "/new --apply", 2, "--apply"},
	} {
		args := strings.Fields(c.args)
		if args[0] == "backup" && len(args) == 1 {
			args = append(args, "--to", "-", "--dir", store)
		}
		got := ledge(t, args...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) {
			t.Errorf("%s: exit code %d, %q; want %d and %q", c.args, got.code, got.stderr, c.code, c.want)
		}
		if _, err := os.Stat(filepath.Join(store, "new")); err == nil {
			t.Fatalf("%s has made a directory", c.args)
		}
	}
}
