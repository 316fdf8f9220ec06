package backup_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/backup"
)

// A file is there whole or not at all, and what was there before stays.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.backup")
	failed := errors.New("the node has gone")
	for _, c := range []struct {
		text string
		err  error
		want string
	}{{"one", nil, "one"}, {"half", failed, "one"}, {"two", nil, "two"}} {
		err := backup.Create(path, func(w io.Writer) error {
			_, werr := io.WriteString(w, c.text)
			return errors.Join(werr, c.err)
		})
		if got, _ := os.ReadFile(path); !errors.Is(err, c.err) || string(got) != c.want {
			t.Errorf("Create of %q = %v, and the file has %q; want %v and %q", c.text, err, got, c.err, c.want)
		}
		if list, _ := os.ReadDir(dir); len(list) != 1 {
			t.Errorf("after %q there are %v; want the one file", c.text, list)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); err == nil {
		t.Fatal("there is a directory that nobody has made")
	}
	if err := backup.Create(filepath.Join(dir, "none", "x"), func(io.Writer) error { return nil }); fault.Of(err) != fault.Operator {
		t.Errorf("Create in no directory = %v; want an Operator error", err)
	}
}

// The parts of a directory are known by their names, and what is none is left out.
func TestList(t *testing.T) {
	dir := t.TempDir()
	h := backup.Header{Lineage: 5, Databases: 1, Last: backup.Point{Pos: journal.Pos{Seq: 9, Digest: 7}, Epoch: 2}}
	next := h
	next.After, next.Last.Seq = h.Last, 12
	names := []string{backup.Name(&next), backup.Name(&h) + backup.Sealed}
	for _, name := range append(names, "other", names[0]+".1.tmp", strings.Replace(names[0], "adds", "none", 1)) {
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
