package main

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ledge/appliance/options"
)

// A module without a licence, or with one that nobody has looked at, is refused;
// notices go with the licence.
func TestLicenceIn(t *testing.T) {
	const mit = "MIT License\n\nPermission is hereby granted, free of\ncharge, to any person"
	for _, c := range []struct {
		name    string
		files   map[string]string
		licence string
		texts   int
		err     string
	}{
		{"none", map[string]string{"README.md": "free for all", "license.go": mit}, "", 0, "it has no licence"},
		{"unknown", map[string]string{"LICENSE": "Ask me first."}, "", 0, "nobody has looked at"},
		{"MIT", map[string]string{"LICENSE.md": mit}, "MIT", 1, ""},
		{"British", map[string]string{"licence": mit}, "MIT", 1, ""},
		{"with notice", map[string]string{"LICENSE": "Apache License\n  Version 2.0, January 2004", "NOTICE": "Made by us."}, "Apache-2.0", 2, ""},
		{"BSD", map[string]string{"COPYING": "Redistributions in binary form must reproduce"}, "BSD-2-Clause", 1, ""},
	} {
		dir := t.TempDir()
		for name, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		texts, licence, err := licenceIn(dir)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v; want %q", c.name, err, c.err)
			}
			continue
		}
		if err != nil || licence != c.licence || len(texts) != c.texts {
			t.Errorf("%s: %d texts, %q, %v; want %d, %q", c.name, len(texts), licence, err, c.texts, c.licence)
		}
	}
	if _, _, err := licenceIn(""); err == nil {
		t.Error("a module whose source is nowhere has a licence")
	}
}

// Each module that the program is linked of has a licence that is known.
func TestLicencesOfAll(t *testing.T) {
	list, err := output(context.Background(), "../..", "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Dir}}{{end}}", ".")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"ledge": true}
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) != 2 || seen[f[0]] {
			continue
		}
		seen[f[0]] = true
		if _, _, err := licenceIn(f[1]); err != nil {
			t.Errorf("%s: %v", f[0], err)
		}
	}
	if len(seen) < 10 {
		t.Errorf("%d modules; want all", len(seen))
	}
}

// readConfig takes a configuration file's text as serve does.
func readConfig(t *testing.T, text string) (options.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledge.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := options.ReadFile(path)
	if err != nil {
		return options.Config{}, err
	}
	c, _, err := options.Read(func(string) (string, bool) { return "", false }, file)
	return c, err
}

// The configuration file that packages bring is one that a node takes, and says
// nothing but where the data is. It has each option once, and what it shows as a
// default is the default.
func TestConfigFile(t *testing.T) {
	text := configFile()
	c, err := readConfig(t, text)
	if err != nil || c.Dir != packagedDir || c.Listen != "" && c.Listen != options.DefaultListen {
		t.Fatalf("the file yields %+v, %v; want the defaults, and where the data is", c, err)
	}
	line := regexp.MustCompile(`(?m)^#([a-z-]+): ([^<\n]*)$`)
	for _, r := range options.Table() {
		if n := strings.Count(text, "\n#"+r.Name+": ") + strings.Count(text, "\n"+r.Name+": "); n != 1 {
			t.Errorf("the file has %s %d times; want it once", r.Name, n)
		}
	}
	shown := 0
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		shown++
		if m[1] == "sync-interval" {
			continue // has a meaning only beside sync: interval
		}
		if _, err := readConfig(t, m[1]+": "+m[2]+"\n"); err != nil && !strings.Contains(err.Error(), "has no meaning") {
			t.Errorf("the default that is shown is refused: %v", err)
		}
	}
	if shown < 15 {
		t.Errorf("%d defaults are shown; want all", shown)
	}
	for l := range strings.Lines(text) {
		if len(l) > 80 && strings.Contains(l, " ") && strings.HasPrefix(l, "# ") || strings.Contains(l, "](") {
			t.Errorf("a line is long, or has a link: %s", l)
		}
	}
}

// The manual page of the file has each option.
func TestConfigManual(t *testing.T) {
	page := configManual("0.1.0", time.Unix(0, 0).UTC())
	for _, r := range options.Table() {
		if !strings.Contains(page, `.BI "`+strings.ReplaceAll(r.Name, "-", `\-`)+`: "`) {
			t.Errorf("the page lacks %s", r.Name)
		}
	}
}

// Each page that the configuration file and the manual name is shipped, and each link
// of a page that is shipped leads to another one.
func TestDocuments(t *testing.T) {
	list, err := documents("../..")
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	for _, f := range list {
		there[f.path] = true
	}
	links := 0
	for _, f := range list {
		for _, m := range localLink.FindAllStringSubmatch(string(f.body), -1) {
			if m[2] == "" {
				continue
			}
			links++
			if !there[path.Join(path.Dir(f.path), m[2])] {
				t.Errorf("%s links to %s, which isn't shipped", f.path, m[2])
			}
		}
	}
	named := regexp.MustCompile(`[A-Za-z]+\.md`).FindAllString(configFile()+configManual("0.1.0", time.Unix(0, 0)), -1)
	for _, name := range named {
		if !there["doc/"+name] {
			t.Errorf("%s is named and not shipped", name)
		}
	}
	if links < 40 || len(named) < 10 || len(list) < 20 {
		t.Errorf("%d pages with %d links, %d named; want all", len(list), links, len(named))
	}
}
