package options

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever stands in a configuration file, what is taken from it is text for an
// option that there is, with its line; and each fault names the file.
func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{
		"", "name: a\n", "a: 1\nname: b\n", "name: [1]\n", "- x\n", "name: *x\n", "name: 1\n---\nname: 2\n", "\xff", "{", "old: 1",
		"name: a\nname: b\n", "name: !!binary aGk=\n",
	} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "ledge.yaml")
	known := []Row{{Name: "name"}, {Name: "a"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readFile(path, known, map[string]string{"old": "nothing"})
		if err != nil {
			if !strings.Contains(err.Error(), path+":") {
				t.Errorf("%q: %v; want the file and a line", b, err)
			}
			return
		}
		for k, v := range got.values {
			if k != "name" && k != "a" || got.lines[k] == "" {
				t.Errorf("%q: option %s is %q in line %q", b, k, v, got.lines[k])
			}
		}
	})
}

// An option that was removed is taken with a warning that names its line, so
// that a new program starts with an old file.
func TestRemovedOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledge.yaml")
	if err := os.WriteFile(path, []byte("sync: off\nfsync-threads: 4\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := readFile(path, Table(), map[string]string{"fsync-threads": "there is one writer"})
	if err != nil {
		t.Fatalf("readFile = %v; want no error", err)
	}
	want := []string{path + ":2: fsync-threads is no option any more and does nothing: there is one writer"}
	if fmt.Sprint(f.Warnings) != fmt.Sprint(want) {
		t.Errorf("warnings are %q; want %q", f.Warnings, want)
	}
	if f.values["sync"] != "off" || len(f.values) != 1 {
		t.Errorf("values are %v; want sync off alone", f.values)
	}
}
