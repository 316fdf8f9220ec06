package appliance_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Bounds of what a reader has to take in at once.
const (
	mostFileLines     = 420
	mostFunctionLines = 60
	// mostReplayNames bounds what package replay exports: everything stands on it. What
	// knows of a state only what any reader knows has a room of its own. Ten of them are
	// for slots: who owns them, and how they move.
	mostReplayNames = 129
)

// longFunction is the one function that is longer; ARCHITECTURE.md says why.
const longFunction = "respd/lua/exec.go: exec"

// No file and no function grows beyond what can be read in one go.
func TestShapeOfFiles(t *testing.T) {
	files, functions := 0, 0
	var long []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel("..", path)
		name = filepath.ToSlash(name)
		if n := bytes.Count(text, []byte("\n")); n > mostFileLines {
			t.Errorf("%s has %d lines; want at most %d", name, n, mostFileLines)
		}
		of, err := functionLines(name, text)
		for fn, lines := range of {
			if lines > mostFunctionLines {
				long = append(long, fn)
			}
		}
		files, functions = files+1, functions+len(of)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(long) != 1 || long[0] != longFunction {
		t.Errorf("functions of more than %d lines: %q; want %q alone", mostFunctionLines, long, longFunction)
	}
	if files < 500 || functions < 3000 {
		t.Errorf("%d files and %d functions are found; want at least 500 and 3000", files, functions)
	}
}

// functionLines returns how many lines each function of a file has.
func functionLines(name string, text []byte) (map[string]int, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	of := map[string]int{}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			at := fmt.Sprintf("%s: %s", name, f.Name.Name)
			of[at] = max(of[at], set.Position(f.End()).Line-set.Position(f.Pos()).Line+1)
		}
	}
	return of, nil
}

// Package replay exports what is needed of a state and no more: types, functions,
// constants, variables, and the methods of types that are exported.
func TestShapeOfReplay(t *testing.T) {
	paths, err := filepath.Glob("../replay/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		of, err := exportedNames(text)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, of...)
	}
	if len(names) < 50 || len(names) > mostReplayNames {
		t.Errorf("package replay exports %d names; want at most %d, and all of them found:\n%s",
			len(names), mostReplayNames, strings.Join(names, "\n"))
	}
}

// exportedNames returns what a file exports.
func exportedNames(text []byte) (names []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	add := func(of string, ids ...*ast.Ident) {
		for _, id := range ids {
			if id.IsExported() {
				names = append(names, of+id.Name)
			}
		}
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				add("", d.Name)
			} else if of := receiver(d); ast.IsExported(of) {
				add(of+".", d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					add("", s.Name)
				case *ast.ValueSpec:
					add("", s.Names...)
				}
			}
		}
	}
	return names, nil
}

// receiver returns the name of the type that a method is of.
func receiver(d *ast.FuncDecl) string {
	recv := d.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	switch g := recv.(type) {
	case *ast.IndexExpr:
		recv = g.X
	case *ast.IndexListExpr:
		recv = g.X
	}
	return recv.(*ast.Ident).Name
}

// A rule that can't fail is no rule.
func TestShapeNotices(t *testing.T) {
	text := []byte(`package x

const A, b = 1, 2

var C int

type (
	D[T any] struct{ E int }
	f        struct{}
)

func G() {}

func (D[T]) H() {}

func (*D[T]) i() {}

func (f) J() {
}
`)
	names, err := exportedNames(text)
	if got := strings.Join(names, " "); got != "A C D G D.H" || err != nil {
		t.Errorf("exported are %q, %v; want A, C, D, G and D.H", got, err)
	}
	lines, err := functionLines("x.go", text)
	if lines["x.go: G"] != 1 || lines["x.go: J"] != 2 || err != nil {
		t.Errorf("lines are %v, %v; want 1 of G and 2 of J", lines, err)
	}
}
