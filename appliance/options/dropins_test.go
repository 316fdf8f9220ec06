package options

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files below a new directory and returns it.
func tree(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func silent(string) (string, bool) { return "", false }

// The files beside a configuration file are read after it, in the order of their names,
// and the last one that says something of an option holds. What is not read is named.
func TestDropIns(t *testing.T) {
	dir := tree(t, map[string]string{
		"ledge.yaml":         "max-clients: 1\nsync: off\ndatabases: 4\n",
		"ledge.d/10-a.yaml":  "max-clients: 10\nsync: interval\n",
		"ledge.d/9-b.yaml":   "# later\nmax-clients: 9\n",
		"ledge.d/a.yaml.old": "max-clients: 99\n",
		"ledge.d/.b.yaml":    "nonsense\n",
		"ledge.conf":         "max-clients: 3\n",
		"other.d/a.yaml":     "max-clients: 98\n",
	})
	path := filepath.Join(dir, "ledge.yaml")
	f, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, from, err := Read(silent, f)
	if c.From, c.ConfigFile = from, path; err != nil || c.MaxClients != 9 || c.Sync != SyncInterval || c.Databases != 4 {
		t.Errorf("Read = %d clients, sync %s, %d databases, %v; want 9, interval, 4", c.MaxClients, c.Sync, c.Databases, err)
	}
	for option, want := range map[string]string{"max-clients": ByFile + " " + filepath.Join(dir, "ledge.d/9-b.yaml"),
		"sync": ByFile + " " + filepath.Join(dir, "ledge.d/10-a.yaml"), "databases": ByFile, "listen": ByDefault} {
		if got := c.Origin(option); got != want {
			t.Errorf("Origin(%s) = %q; want %q", option, got, want)
		}
	}
	if want := filepath.Join(dir, "ledge.d/9-b.yaml") + ":2: max-clients"; from.At("max-clients") != want {
		t.Errorf("At = %q; want %q", from.At("max-clients"), want)
	}
	if want := filepath.Join(dir, "ledge.d/a.yaml.old") + " is not read: its name does not end in .yaml"; fmt.Sprint(f.Warnings) != "["+want+"]" {
		t.Errorf("warnings are %q; want %q", f.Warnings, want)
	}
	if f, err := ReadFile(filepath.Join(dir, "ledge.conf")); err != nil || f.values["max-clients"] != "3" {
		t.Errorf("ledge.conf has %v, %v; want what it says alone", f.values, err)
	}
}

// Each fault of each file is named with the file and the line.
func TestDropInFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"unknown":  {map[string]string{"ledge.d/a.yaml": "sync: off\nsink: 1\n"}, "DIR/ledge.d/a.yaml:2: sink: unknown option"},
		"twice":    {map[string]string{"ledge.d/a.yaml": "sync: off\nsync: off\n"}, "DIR/ledge.d/a.yaml:2: sync: stands at DIR/ledge.d/a.yaml:1 already"},
		"syntax":   {map[string]string{"ledge.d/a.yaml": "\nsync: 'o\n"}, "DIR/ledge.d/a.yaml:2: found unexpected end of stream"},
		"value":    {map[string]string{"ledge.d/a.yaml": "sync: some\n"}, `DIR/ledge.d/a.yaml:1: sync: "some" is none of`},
		"clash":    {map[string]string{"ledge.d/b.yaml": "sync-interval: 2s\n"}, "DIR/ledge.d/b.yaml:1: sync-interval: has no meaning with DIR/ledge.yaml:1: sync off"},
		"beside":   {map[string]string{"ledge.yaml": "x: 1\n", "ledge.d/a.yaml": "y: 1\n"}, "DIR/ledge.yaml:1: x: unknown option\nDIR/ledge.d/a.yaml:1: y: unknown option"},
		"no dir":   {map[string]string{"ledge.d": "sync: off\n"}, "--config: open DIR/ledge.d: not a directory"},
		"too many": {many(), "--config: DIR/ledge.d has 257 files; want at most 256"},
	} {
		if tt.files["ledge.yaml"] == "" {
			tt.files["ledge.yaml"] = "sync: off\n"
		}
		dir := tree(t, tt.files)
		f, err := ReadFile(filepath.Join(dir, "ledge.yaml"))
		if err == nil {
			_, _, err = Read(silent, f)
		}
		if got := strings.ReplaceAll(fmt.Sprint(err), dir, "DIR"); !strings.HasPrefix(strings.Replace(got, "fdopendir", "open", 1), tt.want) {
			t.Errorf("%s: %s; want %s", name, got, tt.want)
		}
	}
}

func many() map[string]string {
	m := make(map[string]string)
	for i := range mostDropIns + 1 {
		m[fmt.Sprintf("ledge.d/%d.yaml", i)] = "# nothing\n"
	}
	return m
}

// What is rewritten goes to the file that holds; what none has goes beside the
// configuration file, which stays as it is; and what is taken out is in none.
func TestRewriteDropIns(t *testing.T) {
	dir := tree(t, map[string]string{
		"ledge.yaml":      "# ours\nsync: off\nnotify-keyspace-events: KEA\nlog-level: info\n",
		"ledge.d/a.yaml":  "log-level: warn # so\nnotify-keyspace-events: Ex\n",
		"ledge.d/b.yaml":  "# nothing\n",
		"ledge.d/c.other": "log-level: debug\n",
	})
	path := filepath.Join(dir, "ledge.yaml")
	extra := filepath.Join(dir, "ledge.d/90-config-rewrite.yaml")
	places, err := Rewrite(path, map[string]string{"log-level": "error", "max-clients": "7", "notify-keyspace-events": ""})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"ledge.yaml": "# ours\nsync: off\nlog-level: info\n", "ledge.d/a.yaml": "log-level: error # so\n",
		"ledge.d/b.yaml": "# nothing\n", "ledge.d/c.other": "log-level: debug\n",
		"ledge.d/90-config-rewrite.yaml": rewritten + "\nmax-clients: 7\n"}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != text {
			t.Errorf("%s is %q, %v; want %q", name, got, err, text)
		}
	}
	if places["log-level"] != filepath.Join(dir, "ledge.d/a.yaml") || places["max-clients"] != extra {
		t.Errorf("places are %v; want those that were written", places)
	}
	if info, err := os.Stat(extra); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the new file is %v, %v; want the mode of ledge.yaml", info, err)
	}
	if _, err := Rewrite(path, map[string]string{"max-clients": "8"}); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path)
	if err != nil || !maps.Equal(f.values, map[string]string{"sync": "off", "log-level": "error", "max-clients": "8"}) {
		t.Errorf("the files say %v, %v; want what was written", f.values, err)
	}
}
