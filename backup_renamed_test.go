package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A part that somebody has given another name is passed over, and whoever asks is told what
// it is to be called; so is one that is encrypted, of which that is not known. Files that are
// no parts are nobody's concern.
func TestBackupRenamed(t *testing.T) {
	m := newMixed(t)
	if got := m.writes(); got.code != 0 {
		t.Fatal(got.stderr)
	}
	first := m.names()
	if got := m.writes(); got.code != 0 || strings.Contains(got.stderr, "passed over") {
		t.Fatalf("backup: exit code %d, %s", got.code, got.stderr)
	}
	second := strings.TrimSpace(strings.Replace(m.names(), first, "", 1))
	at := filepath.Join(m.kept, "of monday.bak")
	if err := os.Rename(filepath.Join(m.kept, second), at); err != nil {
		t.Fatal(err)
	}
	sealed := filepath.Join(m.kept, "sealed")
	for path, text := range map[string]string{sealed: "age-encryption.org/v1\n", filepath.Join(m.kept, "notes.txt"): "mine\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"backup", "list", m.kept}, {"backup", "list", "--json", m.kept}, {"backup", "verify", m.kept},
		{"restore", "--from", m.kept, "--dir", filepath.Join(t.TempDir(), "new")}} {
		got := ledge(t, args...)
		if got.code != 0 || strings.Count(got.stderr, "passed over") != 2 || !strings.Contains(got.stderr, at+" is passed over: ") ||
			!strings.Contains(got.stderr, "name it "+second+"\n") || !strings.Contains(got.stderr, sealed+" is passed over: ") {
			t.Errorf("%q: exit code %d, stderr\n%s\nwant the two files said, and the name of one", args, got.code, got.stderr)
		}
	}
	if err := os.Rename(at, filepath.Join(m.kept, second)); err != nil {
		t.Fatal(err)
	}
	if got := ledge(t, "backup", "list", m.kept); got.code != 0 || strings.Contains(got.stderr, at) || !strings.Contains(got.stdout, second) {
		t.Errorf("with its name: exit code %d, %s%s; want it listed", got.code, got.stdout, got.stderr)
	}
}
