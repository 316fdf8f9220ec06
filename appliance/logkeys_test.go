package appliance_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// An error has one key in the log, whichever package writes the line: whoever looks
// for causes looks for "cause".
func TestLogKeys(t *testing.T) {
	lines, fset := 0, token.NewFileSet()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			bad, isLine := errorKeys(call)
			if isLine {
				lines++
			}
			for _, key := range bad {
				t.Errorf("%s: a line of the log has an error under %q; want \"cause\"", fset.Position(call.Pos()), key)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines < 50 {
		t.Errorf("%d lines of the log were found; want at least 50", lines)
	}
}

// errorKeys returns the keys, others than "cause", that a line of the log has errors
// under, and whether it is one.
func errorKeys(call *ast.CallExpr) (bad []string, ok bool) {
	sel, isSel := call.Fun.(*ast.SelectorExpr)
	if !isSel || !levels[sel.Sel.Name] || len(call.Args) == 0 {
		return nil, false
	}
	if first, isText := call.Args[0].(*ast.BasicLit); !isText || first.Kind != token.STRING {
		return nil, false
	}
	args := call.Args[1:]
	for i := 0; i+1 < len(args); i += 2 {
		lit, isText := args[i].(*ast.BasicLit)
		if !isText {
			break
		}
		key, _ := strconv.Unquote(lit.Value)
		if key != "cause" && (isError(args[i+1]) || errorWords[key]) {
			bad = append(bad, key)
		}
	}
	return bad, true
}

var (
	levels     = map[string]bool{"Debug": true, "Info": true, "Warn": true, "Error": true}
	errorWords = map[string]bool{"err": true, "error": true, "reason": true, "fault": true}
)

// isError reports whether an expression is an error, going by its name, or the text
// of one.
func isError(e ast.Expr) bool {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.CallExpr:
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Error" {
			return true
		}
		id, ok := e.Fun.(*ast.Ident)
		return ok && id.Name == "line"
	}
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "err") || strings.HasSuffix(name, "error") || name == "cause"
}

// A rule that can't fail is no rule.
func TestLogKeysNotice(t *testing.T) {
	for line, want := range map[string]int{
		`log.Warn("take connection", "client", c.addr, "error", err)`: 1,
		`cfg.Log.Warn("taking the stream out", "err", err)`:           1,
		`l.Error("snapshot failed", "why", s.failedErr)`:              1,
		`l.Info("it is over", "reason", text)`:                        1,
		`l.Debug("a", "what", err.Error(), "which", line(err))`:       2,
		`l.Warn("a", "cause", err, "stored", err == nil, "n", 1)`:     0,
		`l.Warn("a")`: 0,
	} {
		e, err := parser.ParseExpr(line)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := errorKeys(e.(*ast.CallExpr)); len(got) != want || !ok {
			t.Errorf("%s: bad keys %q; want %d", line, got, want)
		}
	}
}
