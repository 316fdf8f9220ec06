package backup_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"ledge/journal/fault"
	"ledge/replay/backup"
)

// writes begins a part, writes text, and finishes it as path if it is to be.
func writes(at, path, text string, finish bool) error {
	u, err := backup.Begin(at)
	if err != nil {
		return err
	}
	_, err = io.WriteString(u, text)
	if err == nil && finish {
		err = u.Finish(path)
	}
	return errors.Join(err, u.Discard())
}

// namesIn returns what a directory holds.
func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// A file is there whole or not at all, and what was there before stays; what a killed
// program has left is taken over, be it longer than what comes.
func TestUnfinished(t *testing.T) {
	for _, place := range []string{"file", "directory"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.backup")
		at, left := path, path+".tmp"
		if place == "directory" {
			at, left = dir, filepath.Join(dir, "unfinished.backup.tmp")
		}
		for _, c := range []struct {
			text   string
			finish bool
			want   string
		}{{"one", true, "one"}, {"half", false, "one"}, {"two", true, "two"}} {
			if err := os.WriteFile(left, []byte("left by one that was killed"), 0o600); err != nil {
				t.Fatal(err)
			}
			err := writes(at, path, c.text, c.finish)
			if got, _ := os.ReadFile(path); err != nil || string(got) != c.want {
				t.Errorf("%s: %q = %v, and the file has %q; want %q", place, c.text, err, got, c.want)
			}
			if names := namesIn(t, dir); len(names) != 1 {
				t.Errorf("%s: after %q there are %q; want the one file", place, c.text, names)
			}
		}
	}
}

// Two backups to one place are kept apart, to two places they are not. Where the
// unfinished part would stand nothing else is touched.
func TestUnfinishedKeptApart(t *testing.T) {
	dir := t.TempDir()
	for _, at := range []string{dir, filepath.Join(dir, "a.backup")} {
		first, err := backup.Begin(at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Begin(at); !errors.Is(err, backup.ErrTaken) || fault.Of(err) != fault.Retryable {
			t.Errorf("a second one to %s = %v; want a Retryable ErrTaken", at, err)
		}
		if err := writes(filepath.Join(dir, "b.backup"), filepath.Join(dir, "b.backup"), "b", true); err != nil {
			t.Errorf("one beside it = %v; want nil", err)
		}
		if err := errors.Join(first.Discard(), first.Discard()); err != nil {
			t.Error(err)
		}
	}
	if names := namesIn(t, dir); len(names) != 1 {
		t.Errorf("there are %q; want b.backup alone", names)
	}
	for name, make := range map[string]func(path string) error{
		"link": func(path string) error {
			return errors.Join(os.WriteFile(path+".of", []byte("kept"), 0o600), os.Symlink(path+".of", path))
		},
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		at := filepath.Join(dir, name+".backup")
		if err := make(at + ".tmp"); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Begin(at); fault.Of(err) != fault.Operator {
			t.Errorf("where a %s stands: %v; want an Operator error", name, err)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "link.backup.tmp.of")); string(got) != "kept" {
		t.Errorf("what a link led to has %q, %v; want it kept", got, err)
	}
	if _, err := backup.Begin(filepath.Join(dir, "none", "x.backup")); fault.Of(err) != fault.Operator {
		t.Errorf("in no directory: %v; want an Operator error", err)
	}
}

// A part is named once it is finished, and not where that has failed before.
func TestUnfinishedNamed(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]bool{"x.backup": true, "none/x.backup": false} {
		u, err := backup.Begin(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = u.Finish(filepath.Join(dir, name))
		if got := u.Named(); got != want || (err == nil) != want {
			t.Errorf("%s: Finish = %v, Named = %v; want %v", name, err, got, want)
		}
		if err := u.Discard(); err != nil {
			t.Error(err)
		}
	}
}

// Whoever gets to write, the file is always one that somebody has written whole.
func TestUnfinishedRace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.backup")
	if err := writes(path, path, "aaaa", true); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	done := 0
	for _, text := range []string{"bbbb", "cccc", "dddd"} {
		wg.Go(func() {
			for range 30 {
				err := writes(path, path, text, true)
				if err != nil && !errors.Is(err, backup.ErrTaken) {
					t.Errorf("%v", err)
				}
				if err == nil {
					mu.Lock()
					done++
					mu.Unlock()
				}
				b, err := os.ReadFile(path)
				if err != nil || len(b) != 4 || b[0] != b[1] || b[1] != b[2] || b[2] != b[3] {
					t.Errorf("the file has %q, %v; want one text whole", b, err)
				}
			}
		})
	}
	wg.Wait()
	if done == 0 {
		t.Error("none was written; want some")
	}
	if names := namesIn(t, dir); len(names) != 1 {
		t.Errorf("there are %q; want the one file", names)
	}
}
