// Package lualib is Lua 5.1's standard library, as Redis 7.0 shows it to
// scripts, with the libraries that Redis adds: cjson, cmsgpack, struct and bit.
//
// Each function counts its steps and its memory before it does what they are
// for, takes time that is linear in what it goes over, and can be ended by what
// the state's Check returns. Nothing reaches outside of the state.
package lualib

import (
	"strings"
	"unsafe"

	"ledge/respd/lua"
)

// maxString is how long a string may become that a function makes.
const maxString = 512 << 20

const errTooLarge = "resulting string too large"

// How much a step may go over, and how much a loop without calls does between two
// looks at the steps.
const (
	stepBytes = 256
	turnBytes = 64 << 10
)

// entry is a function of a library.
type entry struct {
	name string
	fn   lua.GoFunction
}

// register puts functions into a table, in order: in which order a table is
// walked depends on it.
func register(s *lua.State, t *lua.Table, entries []entry) {
	for _, e := range entries {
		t.SetString(e.name, lua.FromFunction(s.NewFunction(e.fn)))
	}
}

// library makes a table of functions and puts it into another.
func library(s *lua.State, into *lua.Table, name string, entries []entry) *lua.Table {
	t := s.NewTable(0, len(entries))
	register(s, t, entries)
	into.SetString(name, lua.FromTable(t))
	return t
}

// cString is a string as C functions see it: a zero byte ends it.
func cString(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// failText raises a text that gets no place, as Lua's core does within functions
// of the library.
func failText(L *lua.Thread, text string) error {
	return L.ErrorAt(0, L.String(text))
}

// changeable returns an error if scripts can't change t.
func changeable(L *lua.Thread, t *lua.Table) error {
	if t.ReadOnly() {
		return failText(L, "Attempt to modify a readonly table")
	}
	return nil
}

// each calls fn for parts of n bytes from 0 on, and counts the steps of each
// part before.
func each(L *lua.Thread, n int, fn func(from, to int)) error {
	for from := 0; from < n; from += turnBytes {
		to := min(n, from+turnBytes)
		if err := L.Step((to - from) / stepBytes); err != nil {
			return err
		}
		fn(from, to)
	}
	return nil
}

// piece is a part of a string as a value. It does not keep the whole string
// alive.
func piece(L *lua.Thread, whole, part string) lua.Value {
	if len(part) == len(whole) {
		return L.String(part)
	}
	return L.String(strings.Clone(part))
}

// pushPart pushes a part of a string; a large one is counted before it is made.
func pushPart(L *lua.Thread, whole, part string) error {
	v, err := partOf(L, whole, part)
	if err == nil {
		L.Push(v)
	}
	return err
}

func partOf(L *lua.Thread, whole, part string) (lua.Value, error) {
	if len(part) <= stepBytes || len(part) == len(whole) {
		return piece(L, whole, part), nil
	}
	b, err := reserved(L, len(part))
	if err != nil {
		return lua.Nil, err
	}
	err = each(L, len(part), func(from, to int) { copy(b[from:to], part[from:to]) })
	return owned(L, b), err
}

// reserved returns n bytes that have been counted.
func reserved(L *lua.Thread, n int) ([]byte, error) {
	if n > maxString || n < 0 {
		return nil, L.Errorf(errTooLarge)
	}
	if err := L.Reserve(n); err != nil {
		return nil, err
	}
	return make([]byte, n), nil
}

// owned makes a string of reserved bytes, which nobody may change afterwards.
func owned(L *lua.Thread, b []byte) lua.Value {
	return L.Owned(unsafe.String(unsafe.SliceData(b), len(b)))
}
