package cli

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A backup takes the place of an older one, and of nothing else.
func TestMayReplace(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, name := range []string{"notes.txt", "old.backup", "old.backup.age"} {
		if err := os.WriteFile(at(name), []byte("kept"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Mkdir(at("days"), 0o700), os.Symlink("days", at("link-to-days")), os.Symlink("old.backup", at("latest.backup")),
		syscall.Mkfifo(at("pipe.backup"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, ok := range map[string]bool{
		"days": true, "link-to-days": true, "old.backup": true, "old.backup.age": true, "new.backup": true, "new": true,
		"notes.txt": false, "latest.backup": false, "pipe.backup": false, "notes.txt/x": false,
	} {
		if err := mayReplace(at(name)); (err == nil) != ok {
			t.Errorf("mayReplace(%s) = %v; want it allowed %v", name, err, ok)
		}
	}
	if err := mayReplace("/dev/null"); err == nil {
		t.Error("a backup may take the place of /dev/null")
	}
}
