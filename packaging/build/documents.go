package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// documentPaths are the pages for whoever runs ledge: what README.md and the pages of
// options lead to.
var documentPaths = []string{
	"README.md", "CHANGELOG.md", "ARCHITECTURE.md",
	"admin/SUBJECTS.md", "appliance/options/OPTIONS.md", "appliance/report/METRICS.md", "respd/COMMANDS.md",
	"journal/FORMAT.md", "replay/snapshot/SNAPSHOT.md", "replay/remote/PROTOCOL.md", "replay/backup/BACKUP.md",
	"packaging/bench/RESULTS.md", "packaging/docs/*.md",
}

// documents reads them for one directory in which all of them are.
func documents(root string) ([]file, error) {
	bodies, names := make(map[string]string), []string(nil)
	for _, pattern := range documentPaths {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			return nil, fmt.Errorf("no page %s: %w", pattern, os.ErrNotExist)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name := filepath.Base(path)
			if _, twice := bodies[name]; twice {
				return nil, fmt.Errorf("two pages are called %s", name)
			}
			bodies[name], names = string(b), append(names, name)
		}
	}
	var list []file
	for _, name := range names {
		list = append(list, file{path: "doc/" + name, mode: 0o644, body: []byte(relinked(bodies[name], "", names))})
	}
	list = append(list, file{path: "README.md", mode: 0o644, body: []byte(relinked(bodies["README.md"], "doc/", names))})
	return list, nil
}

var localLink = regexp.MustCompile(`\[([^\]]+)\]\(([^):#]*)(#[^)]*)?\)`)

// relinked has the links of a page lead to the pages in dir. What isn't there is named
// and not linked to.
func relinked(text, dir string, names []string) string {
	return localLink.ReplaceAllStringFunc(text, func(link string) string {
		m := localLink.FindStringSubmatch(link)
		switch name := m[2][strings.LastIndex(m[2], "/")+1:]; {
		case m[2] == "":
			return link // to a heading of the same page
		case slices.Contains(names, name):
			return fmt.Sprintf("[%s](%s%s%s)", m[1], dir, name, m[3])
		}
		return m[1]
	})
}

// documents are the pages among all that a tarball has, by their names.
func (c contents) documents() (list []file) {
	for _, f := range c.pages {
		if name, ok := strings.CutPrefix(f.path, "doc/"); ok {
			f.path = name
			list = append(list, f)
		}
	}
	return list
}
