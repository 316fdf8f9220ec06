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

// A node's configuration does not change after the start: what is live stands in
// a value of its own, and what is found out in fields of its own. Nothing here or
// below assigns to a field of a cfg that a struct keeps.
func TestConfigStays(t *testing.T) {
	fset, files := token.NewFileSet(), 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		f, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		for at := range changesConfig(f) {
			t.Errorf("%s changes the configuration", fset.Position(at))
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("read %d files: %v", files, err)
	}
}

// changesConfig yields where a file assigns to x.cfg.Field or takes its address.
func changesConfig(f *ast.File) map[token.Pos]bool {
	found := make(map[token.Pos]bool)
	kept := func(e ast.Expr) {
		field, ok := e.(*ast.SelectorExpr)
		if !ok {
			return
		}
		if cfg, ok := field.X.(*ast.SelectorExpr); ok && cfg.Sel.Name == "cfg" {
			found[e.Pos()] = true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				kept(e)
			}
		case *ast.IncDecStmt:
			kept(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				kept(n.X)
			}
		}
		return true
	})
	return found
}

// A rule that can't fail is no rule.
func TestConfigStaysNotices(t *testing.T) {
	for _, c := range []struct {
		line string
		want int
	}{
		{"n.cfg.NATSListen = a", 1}, {"t.r.n.cfg.Databases++", 1}, {"p := &n.cfg.Live", 1}, {"a, n.cfg.Sync = b, c", 1},
		{"a := n.cfg.Sync", 0}, {"cfg.Listen = a", 0}, {"f(&n.cfg)", 0},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() { "+c.line+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(changesConfig(f)); got != c.want {
			t.Errorf("%s: %d changes; want %d", c.line, got, c.want)
		}
	}
}
