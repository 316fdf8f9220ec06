package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// A backup is kept in no data directory, by whatever way that is named.
func TestNotOurs(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for _, err := range []error{
		os.Mkdir(data, 0o700), os.Mkdir(filepath.Join(data, "snapshots"), 0o700),
		os.WriteFile(filepath.Join(data, "ledge.json"), []byte("{}"), 0o600),
		os.Symlink(data, filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "backups"), 0o700),
		os.WriteFile(filepath.Join(dir, "old.backup"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, ok := range map[string]bool{
		"data": false, "data/new": false, "data/snapshots": false, "data/x.backup": false, "link": false, "link/a/b": false,
		"data/../data/x": false, "backups": true, "backups/new": true, "x.backup": true, "old.backup": true, "database": true,
	} {
		if err := notOurs(filepath.Join(dir, name)); (err == nil) != ok {
			t.Errorf("notOurs(%s) = %v; want it allowed %v", name, err, ok)
		}
	}
}
