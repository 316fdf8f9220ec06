package scripts

import (
	"errors"
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"ledge/respd/resp"
)

// compile turns Lua into code. Names of sources are as Lua prints them, without
// the "@".
func compile(body, name string) (proto *lua.FunctionProto, err error) {
	defer func() {
		// The parser panics on some input that it does not take.
		if r := recover(); r != nil {
			err = fmt.Errorf("%s:1: %v", name, r)
		}
	}()
	chunk, err := parse.Parse(strings.NewReader(body), name)
	if err != nil {
		return nil, syntaxError(body, name, err)
	}
	chunk = rewriteBlock(chunk)
	proto, err = lua.Compile(chunk, name)
	if err != nil {
		return nil, syntaxError(body, name, err)
	}
	// Otherwise each call makes a table "arg", which no script of 5.1 has.
	proto.IsVarArg &^= lua.VarArgNeedsArg
	return proto, nil
}

// syntaxError words an error as Lua does: "user_script:1: … near 'x'".
func syntaxError(body, name string, err error) error {
	var pe *parse.Error
	var ce *lua.CompileError
	switch {
	case errors.As(err, &ce):
		return fmt.Errorf("%s:%d: %s", name, ce.Line, ce.Message)
	case !errors.As(err, &pe):
		return fmt.Errorf("%s:1: %w", name, err)
	case pe.Pos.Line == parse.EOF || pe.Token == "":
		return fmt.Errorf("%s:%d: unexpected symbol near '<eof>'", name, 1+strings.Count(body, "\n"))
	}
	what := pe.Message
	if what == "syntax error" {
		what = "unexpected symbol"
	}
	return fmt.Errorf("%s:%d: %s near '%s'", name, pe.Pos.Line, what, pe.Token)
}

func compileError(doing string, err error) error {
	return resp.Error("ERR " + doing + err.Error())
}

// concatName is a global that no script can name: what ".." becomes. The Lua
// that we run prints numbers with all their digits, and Lua 5.1 with 14, which
// shows in keys that are made of numbers; and it would let two strings double
// and double until memory is gone.
const concatName = "\x00concat"

// rewriteBlock makes calls of all concatenations in a block.
func rewriteBlock(stmts []ast.Stmt) []ast.Stmt {
	for _, s := range stmts {
		rewriteStmt(s)
	}
	return stmts
}

func rewriteStmt(stmt ast.Stmt) {
	switch s := stmt.(type) {
	case *ast.AssignStmt:
		rewriteAll(s.Lhs)
		rewriteAll(s.Rhs)
	case *ast.LocalAssignStmt:
		rewriteAll(s.Exprs)
	case *ast.FuncCallStmt:
		s.Expr = rewrite(s.Expr)
	case *ast.DoBlockStmt:
		rewriteBlock(s.Stmts)
	case *ast.WhileStmt:
		s.Condition = rewrite(s.Condition)
		rewriteBlock(s.Stmts)
	case *ast.RepeatStmt:
		s.Condition = rewrite(s.Condition)
		rewriteBlock(s.Stmts)
	case *ast.IfStmt:
		s.Condition = rewrite(s.Condition)
		rewriteBlock(s.Then)
		rewriteBlock(s.Else)
	case *ast.NumberForStmt:
		s.Init, s.Limit, s.Step = rewrite(s.Init), rewrite(s.Limit), rewrite(s.Step)
		rewriteBlock(s.Stmts)
	case *ast.GenericForStmt:
		rewriteAll(s.Exprs)
		rewriteBlock(s.Stmts)
	case *ast.FuncDefStmt:
		rewriteBlock(s.Func.Stmts)
	case *ast.ReturnStmt:
		rewriteAll(s.Exprs)
	}
}

func rewriteAll(exprs []ast.Expr) {
	for i, e := range exprs {
		exprs[i] = rewrite(e)
	}
}

func rewrite(expr ast.Expr) ast.Expr {
	switch e := expr.(type) {
	case *ast.AttrGetExpr:
		e.Object, e.Key = rewrite(e.Object), rewrite(e.Key)
	case *ast.TableExpr:
		for _, f := range e.Fields {
			f.Key, f.Value = rewrite(f.Key), rewrite(f.Value)
		}
	case *ast.FuncCallExpr:
		e.Func, e.Receiver = rewrite(e.Func), rewrite(e.Receiver)
		rewriteAll(e.Args)
	case *ast.LogicalOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.RelationalOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.ArithmeticOpExpr:
		e.Lhs, e.Rhs = rewrite(e.Lhs), rewrite(e.Rhs)
	case *ast.UnaryMinusOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.UnaryNotOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.UnaryLenOpExpr:
		e.Expr = rewrite(e.Expr)
	case *ast.FunctionExpr:
		rewriteBlock(e.Stmts)
	case *ast.StringConcatOpExpr:
		return concatCall(e)
	}
	return expr
}

// concatCall is a call with all operands of "a .. b .. c". None of them may
// become more than one value.
func concatCall(e *ast.StringConcatOpExpr) ast.Expr {
	name := &ast.IdentExpr{Value: concatName}
	call := &ast.FuncCallExpr{Func: name, AdjustRet: true}
	for _, x := range []ast.Expr{name, call} {
		x.SetLine(e.Line())
		x.SetLastLine(e.LastLine())
	}
	var operand ast.Expr = e
	for {
		chain, more := operand.(*ast.StringConcatOpExpr)
		if !more {
			call.Args = append(call.Args, single(rewrite(operand)))
			return call
		}
		call.Args = append(call.Args, single(rewrite(chain.Lhs)))
		operand = chain.Rhs
	}
}

// single cuts a call or "..." down to one value.
func single(expr ast.Expr) ast.Expr {
	switch e := expr.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	return expr
}
