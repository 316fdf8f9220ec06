package lua

import (
	"errors"
	"fmt"
)

// Error is an error of a script: what error() raises.
type Error struct {
	Value Value
	// final is set for errors that no handler is asked about: those about
	// errors in handlers.
	final bool
}

// Error returns the text of an error that is a string.
func (e *Error) Error() string {
	if s, ok := ToText(e.Value); ok {
		return s
	}
	return fmt.Sprintf("(error object is a %s value)", e.Value.Kind())
}

// errYield is what a library function returns to suspend its coroutine.
var errYield = errors.New("coroutine yields")

func (L *Thread) textError(s string) *Error { return &Error{Value: L.String(s)} }

// handlerError is what becomes of an error in an error handler.
func (L *Thread) handlerError() error {
	return &Error{Value: L.String("error in error handling"), final: true}
}

// runError returns an error of what runs, with its place if that is Lua code.
func (L *Thread) runError(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if L.ci.isLua() {
		text = fmt.Sprintf("%s:%d: %s", ChunkID(L.ci.fn.proto.Source), L.ci.line(), text)
	}
	return L.textError(text)
}

// Errorf returns an *Error with the place of the Lua function at level 1 (the
// one that called this library function) before it, as luaL_error does.
func (L *Thread) Errorf(format string, args ...any) error {
	return L.textError(L.Where(1) + fmt.Sprintf(format, args...))
}

// ErrorAt is Errorf for any value and level: strings get the place, 0 adds none.
func (L *Thread) ErrorAt(level int, v Value) error {
	if s, ok := ToText(v); ok && level > 0 {
		v = L.String(L.Where(level) + s)
	}
	return &Error{Value: v}
}

// ArgError is luaL_argerror: "bad argument #n to 'name' (text)".
func (L *Thread) ArgError(n int, text string) error {
	kind, name := L.calledAs(L.ci)
	if kind == "method" {
		if n--; n == 0 {
			return L.Errorf("calling '%s' on bad self (%s)", name, text)
		}
	}
	if kind == "" {
		name = "?"
	}
	return L.Errorf("bad argument #%d to '%s' (%s)", n, name, text)
}

// TypeError is luaL_typerror: "bad argument #n to 'name' (want expected, got …)".
func (L *Thread) TypeError(n int, want string) error {
	got := "no value"
	if n <= L.Top() {
		got = L.Arg(n).Kind().String()
	}
	return L.ArgError(n, want+" expected, got "+got)
}

// typeError says that something can't be done to a value. If it is in a
// register, reg, the message has the name of the variable.
func (L *Thread) typeError(v Value, doing string, reg int) error {
	if reg >= 0 && L.ci.isLua() {
		if kind, name := L.ci.variable(reg); kind != "" {
			return L.runError("attempt to %s %s '%s' (a %s value)", doing, kind, name, v.Kind())
		}
	}
	return L.runError("attempt to %s a %s value", doing, v.Kind())
}

// arithError says which operand is no number.
func (L *Thread) arithError(a, b Value, ra, rb int) error {
	if _, ok := ToNumber(a); ok {
		a, ra = b, rb
	}
	return L.typeError(a, "perform arithmetic on", ra)
}

// orderError says that two values have no order. Lua 5.1 takes types for the
// same whose third letters are.
func (L *Thread) orderError(a, b Value) error {
	x, y := a.Kind().String(), b.Kind().String()
	if x[2] == y[2] {
		return L.runError("attempt to compare two %s values", x)
	}
	return L.runError("attempt to compare %s with %s", x, y)
}
