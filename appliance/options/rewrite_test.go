package options

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Values go where the option stands, or to the end; all else stays as it is.
func TestRewrite(t *testing.T) {
	set := map[string]string{"max-clients": "77", "log-level": "warn", "client-output-buffer-limit": "normal 1 0 0 slave 0 0 0"}
	const added = rewritten + "\nclient-output-buffer-limit: normal 1 0 0 slave 0 0 0\nlog-level: warn\nmax-clients: 77\n"
	for name, tt := range map[string]struct {
		text, want string
		values     map[string]string
	}{
		"empty":                                  {"", added, set},
		"remarks":                                {"# nothing\n", "# nothing\n" + added, set},
		"no end":                                 {"sync: off", "sync: off\n" + added, set},
		"in place":                               {"# a\nmax-clients: 5 # five\n\nsync: off\nlog-level:   'info'   # so\n# z\n", "# a\nmax-clients: 77 # five\n\nsync: off\nlog-level:   warn   # so\n# z\n", map[string]string{"max-clients": "77", "log-level": "warn"}},
		"removed":                                {"sync: off\nnotify-keyspace-events: KEA # all\nnode: x\n", "sync: off\nnode: x\n", map[string]string{"notify-keyspace-events": ""}},
		"same":                                   {"log-level: \"warn\"\n", "log-level: \"warn\"\n", map[string]string{"log-level": "warn"}},
		"again":                                  {rewritten + "\nlog-level: warn\n", rewritten + "\nlog-level: warn\nsync: off\n", map[string]string{"sync": "off"}},
		"quoted":                                 {"node: x\n", "node: \"~\"\n" + rewritten + "\nnotify-keyspace-events: 'a: #b'\n", map[string]string{"node": "~", "notify-keyspace-events": "a: #b"}},
		"hash value":                             {"node: a#b # c\n", "node: d # c\n", map[string]string{"node": "d"}},
		"removed options and unknown lines stay": {"some-day: 1\nsync: always\n", "some-day: 1\nsync: interval\n", map[string]string{"sync": "interval"}},
	} {
		got, err := rewrite("f", []byte(tt.text), tt.values)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: rewrite = %q, %v; want %q", name, got, err, tt.want)
		}
	}
	// What is written in another way is left as it is.
	for _, text := range []string{"{sync: off, log-level: info}\n", "log-level: |\n  info\n", "log-level: info\n...\n", "log-level: >-\n  info\nsync: off\n",
		"log-level: info\nlog-level: warn\n", "- x\n", "log-level: \"in\\\n  fo\"\n"} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		_, err := Rewrite(path, map[string]string{"log-level": "debug", "sync": "always"})
		got, _ := os.ReadFile(path)
		again, parsed := scalars("f", got)
		if err == nil && (parsed != nil || again["log-level"].Value != "debug") || err != nil && string(got) != text {
			t.Errorf("Rewrite of %q = %v, and the file is %q; want it refused and left, or right", text, err, got)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
			t.Errorf("Rewrite of %q leaves %q; want nothing", text, left)
		}
	}
}

// The file keeps its mode, a link stays one, and what can't be written changes nothing.
func TestRewriteFile(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	if err := os.WriteFile(path, []byte("sync: off\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Rewrite(link, map[string]string{"sync": "always"}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v; want mode 0640", info.Mode(), err)
	}
	if to, err := os.Readlink(link); to != path {
		t.Errorf("the link is to %q, %v; want %q", to, err, path)
	}
	if got, _ := os.ReadFile(path); string(got) != "sync: always\n" {
		t.Errorf("the file is %q; want sync: always", got)
	}
	if err := replace(path, path, []byte("sync: off\n"), []byte("x")); err == nil || !strings.Contains(err.Error(), errChangedNow.Error()) {
		t.Errorf("replace of a file that has changed = %v; want %v", err, errChangedNow)
	}
	if _, err := Rewrite(filepath.Join(dir, "missing"), map[string]string{"sync": "off"}); !os.IsNotExist(err) {
		t.Errorf("Rewrite of no file = %v; want that there is none", err)
	}
}
