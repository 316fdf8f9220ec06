package backup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay/backup"
)

// The parts of a directory are known by their names, and what is none is left out.
func TestList(t *testing.T) {
	dir := t.TempDir()
	h := backup.Header{Lineage: 5, Databases: 1, Last: backup.Point{Pos: journal.Pos{Seq: 9, Digest: 7}, Epoch: 2}}
	next := h
	next.After, next.Last.Seq = h.Last, 12
	names := []string{backup.Name(&next), backup.Name(&h) + backup.Sealed}
	for _, name := range append(names, "other", names[0]+".1.tmp", "unfinished.backup.tmp", strings.Replace(names[0], "adds", "none", 1)) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("xyz"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := backup.List(dir)
	want := []backup.File{
		{Path: filepath.Join(dir, names[1]), Lineage: 5, Last: h.Last, Base: true, Sealed: true, Bytes: 3},
		{Path: filepath.Join(dir, names[0]), Lineage: 5, After: 9, Last: next.Last, Bytes: 3},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("List = %v, %v; want %v", got, err, want)
	}
}
