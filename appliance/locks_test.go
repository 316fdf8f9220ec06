package appliance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// lockedPackages are those whose locks stand in ARCHITECTURE.md.
var lockedPackages = []string{
	"appliance", "appliance/process", "appliance/replication", "appliance/report", "appliance/options", "appliance/store", "appliance/web", "admin",
	"journal", "journal/jet", "journal/broker", "journal/blocks", "journal/rare", "journal/progress", "admin/cli",
	"replay", "replay/value", "replay/snapshot", "replay/catalog", "replay/watch", "replay/writer", "replay/remote", "replay/move", "replay/peer",
	"respd", "respd/client", "respd/hub", "respd/stats", "respd/command", "respd/command/scripts", "respd/lua",
}

// Each lock has a line in ARCHITECTURE.md that says what it guards and what may be
// taken while it is held. Locks are the fields of struct types that are mutexes, of
// package sync or of our own.
func TestLockTable(t *testing.T) {
	page, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, dir := range lockedPackages {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for _, lock := range locksIn(t, name) {
				found++
				if !strings.Contains(string(page), lock+"`") {
					t.Errorf("lock %s of %s has no line in ARCHITECTURE.md; want what it guards, and what is taken after it", lock, name)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("%d locks are found; want at least 40", found)
	}
}

// locksIn returns the locks of a file, as Type.field.
func locksIn(t *testing.T, name string) (locks []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			if isLock(f.Type) {
				for _, field := range f.Names {
					locks = append(locks, spec.Name.Name+"."+field.Name)
				}
			}
		}
		return true
	})
	return locks
}

// isLock reports whether a type is that of a lock: sync.Mutex, sync.RWMutex, or a
// turn.Turn, which can be waited for with a context.
func isLock(typ ast.Expr) bool {
	switch x := typ.(type) {
	case *ast.SelectorExpr:
		pkg, ok := x.X.(*ast.Ident)
		return ok && (pkg.Name == "sync" && (x.Sel.Name == "Mutex" || x.Sel.Name == "RWMutex") ||
			pkg.Name == "turn" && x.Sel.Name == "Turn")
	}
	return false
}
