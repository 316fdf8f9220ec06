package options_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ledge/appliance/options"
	"ledge/packaging/pagetest"
)

// The page's table of options is the program's own.
func TestOptionsPage(t *testing.T) {
	pagetest.Block(t, "OPTIONS.md", "options", optionTable())
}

// The page's configuration file is one that a node takes.
func TestFilePage(t *testing.T) {
	b, err := os.ReadFile("OPTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "```yaml\n")
	text, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("OPTIONS.md has no configuration file")
	}
	dir := t.TempDir()
	secret, path := filepath.Join(dir, "password"), filepath.Join(dir, "ledge.yaml")
	text = strings.Replace(text, "/etc/ledge/password", secret, 1)
	if err := errors.Join(os.WriteFile(secret, []byte("sesame\n"), 0o600), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	file, err := options.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := options.Read(func(string) (string, bool) { return "", false }, file)
	if err != nil || c.Dir != "/var/lib/ledge" || c.Sync != options.SyncInterval {
		t.Errorf("the page's file yields %+v, %v; want what it says", c, err)
	}
}

func optionTable() string {
	var b strings.Builder
	b.WriteString("| option | default | |\n|---|---|---|\n" +
		"| `--config FILE` | none | a YAML file with any of the options below; `LEDGE_CONFIG` |\n")
	for i, r := range options.Table() {
		def := r.Otherwise
		if r.Default != "" {
			def = "`" + r.Default + "`"
		}
		text := r.Doc
		if r.More != "" {
			text += "; " + r.More
		}
		for _, p := range r.Params {
			if p.Live {
				text += "; at run time `" + p.Name + "`"
			}
		}
		if i == 0 {
			text += "; `" + r.Env() + "`, and so on"
		}
		fmt.Fprintf(&b, "| `--%s %s` | %s | %s |\n", r.Name, pagetest.Cell(r.Hint), def, text)
	}
	return b.String()
}
