package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Without a directory, a server and a node where it is run, a command is about the node
// of the package, and says so.
func TestLocate(t *testing.T) {
	here, etc, data := t.TempDir(), t.TempDir(), t.TempDir()
	t.Chdir(here)
	config := filepath.Join(etc, "ledge.yaml")
	beside := filepath.Join(etc, "ledge.d", "a.yaml")
	if err := os.Mkdir(filepath.Dir(beside), 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	locate := func(config string, args ...string) (dir, said string) {
		t.Helper()
		var stderr bytes.Buffer
		app := &cli.App{ErrWriter: &stderr, Flags: operateFlags(), Action: func(c *cli.Context) error {
			err := locateBy(c, config)
			dir = c.String("dir")
			return err
		}}
		if err := app.Run(append([]string{"ledge"}, args...)); err != nil {
			t.Fatal(err)
		}
		return dir, stderr.String()
	}
	put(config, "dir: "+filepath.Join(data, "gone")+"\n")
	if dir, said := locate(config); dir != "./ledge-data" || said != "" {
		t.Errorf("where the package's node has no data, it is about %s, saying %q; want ./ledge-data", dir, said)
	}
	put(config, "nonsense: 1\ndir: /nowhere\n")
	put(beside, "dir: "+data+"\n")
	if dir, said := locate(config); dir != data || !strings.Contains(said, "the node in "+data+", as "+beside+":1 says; --dir") {
		t.Errorf("it is about %s, saying %q; want %s, and why", dir, said, data)
	}
	for name, args := range map[string][]string{"--dir": {"--dir", "x"}, "--server": {"--server", "nats://127.0.0.1:1"}} {
		if dir, said := locate(config, args...); dir == data || said != "" {
			t.Errorf("with %s it is about %s, saying %q", name, dir, said)
		}
	}
	if dir, said := locate(filepath.Join(etc, "none.yaml")); dir != "./ledge-data" || said != "" {
		t.Errorf("without a package it is about %s, saying %q; want ./ledge-data", dir, said)
	}
	t.Setenv("LEDGE_DIR", "y")
	if dir, said := locate(config); dir != "y" || said != "" {
		t.Errorf("with LEDGE_DIR it is about %s, saying %q; want y", dir, said)
	}
	os.Unsetenv("LEDGE_DIR")
	if err := os.Mkdir("ledge-data", 0o700); err != nil {
		t.Fatal(err)
	}
	if dir, said := locate(config); dir != "./ledge-data" || said != "" {
		t.Errorf("beside a ledge-data it is about %s, saying %q; want that", dir, said)
	}
}
