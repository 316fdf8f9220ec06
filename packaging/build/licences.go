package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// part is a module that is linked into a binary, or Go's library.
type part struct {
	path, version string
	sum           string // as go.sum has it, "" of Go's library
	licence       string // by SPDX's name
	texts         []file // its licence, and the notices that go with it
}

// linked reads out of a binary what it is made of, and finds the licence of each
// part where the go command has its source. What has none, or one that nobody has
// looked at, may not be passed on, so it is an error.
func linked(ctx context.Context, binary string) ([]part, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	list, err := output(ctx, ".", "go", "list", "-m", "-f", "{{.Path}} {{.Version}} {{.Dir}}", "all")
	if err != nil {
		return nil, err
	}
	dirs := make(map[string]string)
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) == 3 {
			dirs[f[0]+" "+f[1]] = f[2]
		}
	}
	goroot, err := output(ctx, ".", "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	parts := []part{{path: "std", version: strings.TrimPrefix(info.GoVersion, "go")}}
	dirs["std "+parts[0].version] = goroot
	for _, m := range info.Deps {
		if m.Replace != nil {
			return nil, fmt.Errorf("%s is replaced by %s; what is passed on has no replacements", m.Path, m.Replace.Path)
		}
		parts = append(parts, part{path: m.Path, version: m.Version, sum: m.Sum})
	}
	for i := range parts {
		p := &parts[i]
		if p.texts, p.licence, err = licenceIn(dirs[p.path+" "+p.version]); err != nil {
			return nil, fmt.Errorf("%s %s: %w", p.path, p.version, err)
		}
	}
	return parts, nil
}

// licenceFile is what the files are called that have a licence, or a notice that
// the licence wants passed on.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|patents|notice)([.-].*)?$`)

// licenceIn returns the texts in a module's directory, and the licence that they
// are.
func licenceIn(dir string) (texts []file, licence string, err error) {
	if dir == "" {
		return nil, "", fmt.Errorf("its source is nowhere; go mod download fetches it")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		body, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, "", err
		}
		texts = append(texts, file{path: e.Name(), body: body})
		if found := identify(string(body)); found != "" && licence == "" {
			licence = found
		}
	}
	switch {
	case len(texts) == 0:
		return nil, "", fmt.Errorf("it has no licence")
	case licence == "":
		return nil, "", fmt.Errorf("%s is a licence that nobody has looked at", texts[0].path)
	}
	return texts, licence, nil
}

// marks are words that only one licence has, the most particular first.
var marks = []struct{ licence, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"BSD-3-Clause", "neither the name of"},
	{"BSD-3-Clause", "the names of its contributors may not be used to endorse"},
	{"BSD-2-Clause", "redistributions in binary form must reproduce"},
	{"MIT", "permission is hereby granted, free of charge"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software"},
	{"ISC", "permission to use, copy, modify, and distribute this software"},
	{"CC0-1.0", "cc0 1.0 universal"},
	{"Unlicense", "this is free and unencumbered software"},
}

// identify returns the licence that a text is, "" if none that is known.
func identify(text string) string {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	text = strings.ReplaceAll(text, "license, version", "license version")
	for _, m := range marks {
		if strings.Contains(text, m.words) {
			return m.licence
		}
	}
	return ""
}

// licenceTexts is one document with the licences of all parts, each in full.
func licenceTexts(parts []part) []byte {
	var b strings.Builder
	b.WriteString("ledge is licensed under the Apache License 2.0. What is linked into it has the\n" +
		"licences below, each with the text that came with it.\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "\n%s\n%s %s: %s\n%[1]s\n", strings.Repeat("=", 78), p.path, p.version, p.licence)
		for _, f := range p.texts {
			fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(string(f.body), "\n"))
		}
	}
	return []byte(b.String())
}

// copyright is the file that Debian wants of each package. It has each licence
// but the Apache License in full, which Debian has on every machine.
func copyright(parts []part) []byte {
	var b strings.Builder
	b.WriteString("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n" +
		"Upstream-Name: ledge\nSource: https://ledge.invalid/\n\n" +
		"Files: *\nCopyright: The ledge authors\nLicense: Apache-2.0\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "\nFiles: %s/*\nCopyright: %s\nLicense: %s\n", p.path, strings.Join(holders(p), "\n "), p.label())
	}
	b.WriteString("\nLicense: Apache-2.0\n On Debian systems the text of the Apache License 2.0 is in\n" +
		" /usr/share/common-licenses/Apache-2.0.\n")
	for _, p := range parts {
		if p.licence == "Apache-2.0" {
			continue
		}
		fmt.Fprintf(&b, "\nLicense: %s\n", p.label())
		for _, f := range p.texts {
			for line := range strings.Lines(strings.TrimRight(string(f.body), "\n") + "\n") {
				if line = strings.TrimRight(line, " \t\r\n"); line == "" {
					line = "."
				}
				b.WriteString(" " + line + "\n")
			}
		}
	}
	return []byte(b.String())
}

// label names a part's licence where each has a text of its own.
func (p part) label() string {
	if p.licence == "Apache-2.0" {
		return p.licence
	}
	return p.licence + "-" + strings.NewReplacer("/", "-").Replace(p.path)
}

var holder = regexp.MustCompile(`(?i)^\W*(copyright .*\d{4}.*)$`)

// holders returns whose work a part is, as its texts say it.
func holders(p part) []string {
	var list []string
	for _, f := range p.texts {
		for line := range strings.Lines(string(f.body)) {
			if m := holder.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
				list = append(list, m[1])
			}
		}
	}
	if len(list) == 0 {
		list = []string{"the authors of " + p.path}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
