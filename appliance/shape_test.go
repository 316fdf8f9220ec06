package appliance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// mostMethods is how many methods a type may have here. One with more is what
// everything reaches through.
const mostMethods = 25

// No type of the appliance grows into one that does everything.
func TestNoTypeDoesEverything(t *testing.T) {
	count := map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil {
				count[filepath.Dir(path)+"."+receiver(f)]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(count) < 20 {
		t.Errorf("%d types have methods; want at least 20", len(count))
	}
	for name, n := range count {
		if n > mostMethods {
			t.Errorf("%s has %d methods; want at most %d", name, n, mostMethods)
		}
	}
}
