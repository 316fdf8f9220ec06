package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	urfave "github.com/urfave/cli/v2"
)

// markdown returns the text of each page by its path.
func markdown(t *testing.T) map[string]string {
	t.Helper()
	pages := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".md") {
			b, err := os.ReadFile(path)
			pages[path] = string(b)
			return err
		}
		return nil
	})
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages, %v; want all of them", len(pages), err)
	}
	return pages
}

// Whoever meets ledge for the first time reads the README to its end.
func TestReadmeIsShort(t *testing.T) {
	if n := strings.Count(markdown(t)["README.md"], "\n"); n > 250 {
		t.Errorf("README.md has %d lines; want at most 250", n)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noWord  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor is what a heading is linked by.
func anchor(heading string) string {
	return strings.ReplaceAll(noWord.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// Each link from a page to a file, or to a heading of it, leads somewhere.
func TestLinks(t *testing.T) {
	pages, links := markdown(t), 0
	for path, text := range pages {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			links++
			to := path
			if u.Path != "" {
				to = filepath.Join(filepath.Dir(path), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
				continue
			}
			if u.Fragment == "" {
				continue
			}
			var anchors []string
			for _, h := range heading.FindAllStringSubmatch(pages[to], -1) {
				anchors = append(anchors, anchor(h[1]))
			}
			if !slices.Contains(anchors, u.Fragment) {
				t.Errorf("%s links to %s; the headings there are %q", path, m[1], anchors)
			}
		}
	}
	if links < 20 {
		t.Errorf("%d links; want all of them", links)
	}
}

// Files that are no pages of this tree, though a page names them as if they were.
var foreign = []string{
	"server/filestore.go", // nats-server's
}

// mention is a path of our tree in a text, or the name of a Go file.
var mention = regexp.MustCompile("`((?:[a-z0-9_]+/)*[a-z0-9_]+\\.(?:go|sh|md)|(?:[a-z0-9_.]+/)+[a-z0-9_]*|[A-Z]+\\.md)`")

// Files and packages that pages tell of are there: whoever moves one has to say so.
func TestMentions(t *testing.T) {
	n := 0
	for path, text := range markdown(t) {
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			name := m[1]
			if slices.Contains(foreign, name) || !ours(name) {
				continue
			}
			n++
			_, here := os.Stat(filepath.Join(filepath.Dir(path), name))
			if _, err := os.Stat(name); err != nil && here != nil {
				t.Errorf("%s tells of %s: %v", path, name, err)
			}
		}
	}
	if n < 40 {
		t.Errorf("%d files and packages are mentioned; want all that are", n)
	}
}

// ours reports whether a path is meant to be one of this tree, and not of a node's
// directory.
func ours(name string) bool {
	first, _, under := strings.Cut(name, "/")
	if !under {
		return true
	}
	switch first {
	case "admin", "appliance", "journal", "packaging", "replay", "respd":
		return name != "journal/" // of a node's directory, too
	}
	return strings.HasSuffix(name, ".go")
}

// What pages call by a Go name is declared: a test, or a type's or package's name
// with one that belongs to it. The pages on how it is built and measured do so.
func TestNames(t *testing.T) {
	declared := declarations(t)
	pages := markdown(t)
	n := 0
	for _, path := range []string{"ARCHITECTURE.md", "packaging/bench/RESULTS.md", "journal/FORMAT.md"} {
		for _, m := range goName.FindAllStringSubmatch(pages[path], -1) {
			n++
			for name := range strings.SplitSeq(m[1]+m[2], ".") {
				if !declared[name] {
					t.Errorf("%s tells of %s; nothing is called %s", path, m[0], name)
				}
			}
		}
	}
	if n < 20 {
		t.Errorf("%d names are mentioned; want all that are", n)
	}
}

// The form of the broker's files is described as of the version that is built in, so
// that whoever raises it looks there.
func TestServerVersion(t *testing.T) {
	b, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`github.com/nats-io/nats-server/v2 v(\S+)`).FindSubmatch(b)
	if m == nil {
		t.Fatal("go.mod has no nats-server")
	}
	if want := "as of " + string(m[1]) + " "; !strings.Contains(markdown(t)["journal/FORMAT.md"], want) {
		t.Errorf("journal/FORMAT.md does not say %q", want)
	}
}

// Options of other programs that pages show.
var othersOptions = []string{
	"tls", "cacert", "cert", "key", "pipe", "cluster-slave", "cluster-replicas", // redis-cli
	"arch", "out", // packaging/build
	"is-ancestor",                        // git
	"now", "system", "name", "reference", // systemctl, useradd, docker, chown
	"user", "password", "inbox-prefix", "replies", "raw", // nats
}

// Options that pages tell of are options of some command.
func TestOptionsMentioned(t *testing.T) {
	known := make(map[string]bool)
	var add func(list []*urfave.Command)
	add = func(list []*urfave.Command) {
		for _, c := range list {
			for _, f := range c.Flags {
				for _, name := range f.Names() {
					known[name] = true
				}
			}
			add(c.Subcommands)
		}
	}
	add(newApp(io.Discard, io.Discard).Commands)
	n := 0
	for path, text := range markdown(t) {
		for _, m := range option.FindAllStringSubmatch(text, -1) {
			n++
			if !known[m[1]] && !slices.Contains(othersOptions, m[1]) {
				t.Errorf("%s tells of --%s, which no command has", path, m[1])
			}
		}
	}
	if n < 100 {
		t.Errorf("%d options are mentioned; want all that are", n)
	}
}

var option = regexp.MustCompile("[ `(|]--([a-z][a-z-]*[a-z])\\b")

// A test that a page says how to run is in the package that the page names.
func TestRunLines(t *testing.T) {
	n := 0
	for path, text := range markdown(t) {
		for _, m := range runLine.FindAllStringSubmatch(text, -1) {
			n++
			found := false
			files, err := filepath.Glob(filepath.Join(m[1], "*_test.go"))
			for _, file := range files {
				b, rerr := os.ReadFile(file)
				err = errors.Join(err, rerr)
				found = found || strings.Contains(string(b), "\nfunc "+m[2]+"(")
			}
			if err != nil || !found {
				t.Errorf("%s says %q; %s has no such test: %v", path, m[0], m[1], err)
			}
		}
	}
	if n < 8 {
		t.Errorf("%d pages say how a test is run; want all that do", n)
	}
}

var runLine = regexp.MustCompile(`go test (\S+) -run (Test\w+)`)

// goName is the name of a test, or names with points between them in backquotes,
// the last of which is exported, with an argument list or without.
var goName = regexp.MustCompile("\\b(Test[A-Z]\\w+)|`((?:[A-Za-z]+\\.)+[A-Z]\\w*)(?:\\([^`]*\\))?`")

// declarations returns the names of all packages, types, functions, methods, fields,
// constants and variables of the tree.
func declarations(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names[file.Name.Name] = true
		ast.Inspect(file, func(n ast.Node) bool {
			var list []*ast.Ident
			switch n := n.(type) {
			case *ast.FuncDecl:
				list = []*ast.Ident{n.Name}
			case *ast.TypeSpec:
				list = []*ast.Ident{n.Name}
			case *ast.ValueSpec:
				list = n.Names
			case *ast.Field:
				list = n.Names
			}
			for _, id := range list {
				names[id.Name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
