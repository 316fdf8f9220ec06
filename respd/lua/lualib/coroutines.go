package lualib

import (
	"ledge/respd/lua"
)

// OpenCoroutine puts the library "coroutine" into a table, and returns it.
func OpenCoroutine(s *lua.State, into *lua.Table) *lua.Table {
	return library(s, into, "coroutine", []entry{
		{"create", coCreate},
		{"resume", coResume},
		{"running", coRunning},
		{"status", coStatus},
		{"wrap", coWrap},
		{"yield", coYield},
	})
}

func newThread(L *lua.Thread) (*lua.Thread, error) {
	a := L.Args()
	fn := L.Arg(1).Function()
	if fn == nil || fn.IsGo() {
		a.Bad(1, "Lua function expected")
		return nil, a.Err()
	}
	return L.NewThread(fn), nil
}

func coCreate(L *lua.Thread) (int, error) {
	co, err := newThread(L)
	if err != nil {
		return 0, err
	}
	L.Push(lua.FromThread(co))
	return 1, nil
}

func threadArg(L *lua.Thread) (*lua.Thread, error) {
	co := L.Arg(1).Thread()
	if co == nil {
		return nil, L.ArgError(1, "coroutine expected")
	}
	return co, nil
}

func coResume(L *lua.Thread) (int, error) {
	co, err := threadArg(L)
	if err != nil {
		return 0, err
	}
	args := arguments(L, 2)
	L.Push(lua.True)
	n, caught, err := L.Resume(co, args...)
	switch {
	case err != nil:
		return 0, err
	case caught != nil:
		L.Push(lua.False, caught.Value)
		return 2, nil
	}
	return n + 1, nil
}

func coRunning(L *lua.Thread) (int, error) {
	if L.IsMain() {
		L.Push(lua.Nil)
	} else {
		L.Push(lua.FromThread(L))
	}
	return 1, nil
}

func coStatus(L *lua.Thread) (int, error) {
	co, err := threadArg(L)
	if err != nil {
		return 0, err
	}
	L.PushString(L.Status(co))
	return 1, nil
}

// coWrap returns a function that resumes a coroutine and hands its errors on.
func coWrap(L *lua.Thread) (int, error) {
	co, err := newThread(L)
	if err != nil {
		return 0, err
	}
	resume := func(L *lua.Thread) (int, error) {
		n, caught, err := L.Resume(co, arguments(L, 1)...)
		if err != nil || caught == nil {
			return n, err
		}
		return 0, L.ErrorAt(1, caught.Value)
	}
	L.Push(lua.FromFunction(L.State().NewClosure(resume, lua.FromThread(co))))
	return 1, nil
}

func coYield(L *lua.Thread) (int, error) { return L.Yield(L.Top()) }
