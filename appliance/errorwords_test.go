package appliance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// goName is how Go names what a package has, where an error would say what was done.
var goName = regexp.MustCompile(`(^|: )[a-z]+\.[A-Z][A-Za-z]+(: |$)`)

// What errors say is read by whoever operates a node: no text of one names a function
// of ours, be it given to fault.As, fmt.Errorf or errors.New, or kept in a constant.
func TestErrorWords(t *testing.T) {
	texts := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, lit := range errorTexts(n) {
				text, err := strconv.Unquote(lit.Value)
				if texts++; err == nil && goName.MatchString(text) {
					t.Errorf("%s: %q names what Go calls it; want what was being done, in words", path, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if texts < 500 {
		t.Errorf("%d texts of errors are found; want at least 500", texts)
	}
	for _, bad := range []string{"journal.Read", "replay.Snapshot: %w", "open: jet.Reopen: %w", "backup.Load: x"} {
		if !goName.MatchString(bad) {
			t.Errorf("%q is not found to be a name of Go's", bad)
		}
	}
}

// errorTexts returns the literals of a node that become texts of errors.
func errorTexts(n ast.Node) (list []*ast.BasicLit) {
	add := func(exprs ...ast.Expr) {
		for _, e := range exprs {
			if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				list = append(list, lit)
			}
		}
	}
	switch n := n.(type) {
	case *ast.ValueSpec:
		if len(n.Names) == 1 && n.Names[0].Name == "op" {
			add(n.Values...)
		}
	case *ast.CallExpr:
		sel, ok := n.Fun.(*ast.SelectorExpr)
		if !ok {
			return nil
		}
		pkg, _ := sel.X.(*ast.Ident)
		if pkg == nil {
			return nil
		}
		switch pkg.Name + "." + sel.Sel.Name {
		case "fault.As", "fmt.Errorf", "errors.New":
			add(n.Args...)
		}
	}
	return list
}
