package jet_test

import (
	"os"
	"path/filepath"
	"testing"

	"ledge/journal"
	"ledge/journal/jet"
)

// streamDir is where the broker keeps the stream of a journal in dir.
func streamDir(dir string) string {
	return filepath.Join(dir, "jetstream", "JOURNAL", "streams", "J")
}

// A broker that can't load the stream deletes it. What it has deleted, all or a
// part of it, is there again at the next start.
func TestGuard(t *testing.T) {
	for name, harm := range map[string]func(*testing.T, string){
		"all of it":  func(t *testing.T, dir string) { remove(t, dir) },
		"its blocks": func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "msgs")) },
		"nothing":    func(*testing.T, string) {},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, jet.Config{Dir: dir, Create: true})
			fill(t, j, 0, 20)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if err := jet.SetGuard(dir); err != nil {
				t.Fatal(err)
			}
			harm(t, streamDir(dir))
			j = open(t, jet.Config{Dir: dir})
			wantFrames(t, j, 1, 20)
			fill(t, j, 20, 22)
			if _, err := os.Stat(filepath.Join(dir, "guard")); !os.IsNotExist(err) {
				t.Errorf("the guard is still there: %v", err)
			}
		})
	}
}

// The same within a running broker, whose loading is what fails.
func TestGuardLoading(t *testing.T) {
	dir := t.TempDir()
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 20)
	// A file where the broker wants a directory is an error of its own.
	obs := filepath.Join(streamDir(dir), "obs")
	remove(t, obs)
	if err := os.WriteFile(obs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := j.Reopen(t.Context()); err == nil {
		t.Fatal("Reopen of what the broker can't load = nil; want an error")
	}
	wantFrames(t, j, 1, 20)
	if err := j.Append(t.Context(), 20, frame(21)); err == nil {
		t.Error("Append to it = nil; want an error")
	}
	remove(t, obs)
	if err := j.Reopen(t.Context()); err != nil {
		t.Fatalf("Reopen = %v; want nil", err)
	}
	fill(t, j, 20, 22)
	wantFrames(t, j, 1, journal.Seq(22))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
