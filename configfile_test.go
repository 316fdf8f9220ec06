package main

import (
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
	known := []option{{name: "name"}, {name: "a"}}
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
			if _, ok := v.(string); !ok || k != "name" && k != "a" || got.lines[k.(string)] == "" {
				t.Errorf("%q: option %v is %v in line %q", b, k, v, got.lines[k.(string)])
			}
		}
	})
}
