package scripts

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"ledge/respd/resp"
)

// pushError pushes the table that redis.pcall returns for an error: "CODE text"
// or, where there is no code, "ERR text".
func errorTable(L *lua.LState, text string) *lua.LTable {
	t := L.NewTable()
	t.RawSetString("err", lua.LString(strings.Trim(text, "\r\n")))
	return t
}

// raiseTable raises an error as redis.call does.
func raiseTable(L *lua.LState, text string) int {
	L.Error(errorTable(L, text), 0)
	return 0
}

// handle is the handler of errors that end a script. It makes a table of an
// error and says where the script was.
func (s *state) handle(L *lua.LState) int {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		t = errorTable(L, "ERR "+wording(toText(toString(L, L.Get(1)))))
	}
	if _, frozen := s.frozen[t]; frozen {
		t = errorTable(L, "ERR unknown error")
	}
	for level := 1; level <= 2; level++ {
		dbg, ok := L.GetStack(level)
		if !ok {
			break
		}
		if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.What == "G" {
			continue
		}
		t.RawSetString("source", lua.LString("@"+dbg.Source))
		t.RawSetString("line", lua.LNumber(dbg.CurrentLine))
		break
	}
	L.Push(t)
	return 1
}

// failure is the reply to a run that an error has ended.
func (s *state) failure(r *run, err error) error {
	if s.w.cause != nil && s.w.cause == error(errLater) {
		return s.w.cause
	}
	t, ok := errorObject(err).(*lua.LTable)
	if !ok {
		t = errorTable(s.L, "ERR "+wording(err.Error()))
	}
	text := "ERR unknown error"
	if msg, ok := t.RawGetString("err").(lua.LString); ok {
		text = string(msg)
	}
	if s.w.cause != nil {
		text = s.w.cause.Error()
	}
	source, line := t.RawGetString("source"), t.RawGetString("line")
	if source != lua.LNil && line != lua.LNil {
		text += fmt.Sprintf(" script: %s, on %s:%s.", r.name, toText(source), toText(line))
	}
	return resp.Error(text)
}

// errorObject is the value that was raised.
func errorObject(err error) lua.LValue {
	var api *lua.ApiError
	if errors.As(err, &api) && api.Object != nil {
		return api.Object
	}
	return lua.LString(err.Error())
}

// wordings turn the texts of our Lua's errors into those of Lua 5.1, as far as
// that can be done: it does not know which variable it was.
var wordings = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`bad argument #(\d+) to ([\w.]*?)(\w+) \(`), "bad argument #$1 to '$3' ("},
	{regexp.MustCompile(`attempt to index a non-table object\((\w+)\) with key '(.*)'`),
		"attempt to index a $1 value"},
	{regexp.MustCompile(`attempt to call a non-function object`), "attempt to call a nil value"},
	{regexp.MustCompile(`cannot perform (?:add|sub|mul|div|mod|pow|unm) operation between nil and \w+`),
		"attempt to perform arithmetic on a nil value"},
	{regexp.MustCompile(`cannot perform (?:add|sub|mul|div|mod|pow|unm) operation between \w+ and nil`),
		"attempt to perform arithmetic on a nil value"},
	{regexp.MustCompile(`cannot perform (?:add|sub|mul|div|mod|pow|unm) operation between (\w+) and \w+`),
		"attempt to perform arithmetic on a $1 value"},
}

func wording(text string) string {
	if i := strings.Index(text, "\nstack traceback:"); i >= 0 {
		text = text[:i]
	}
	for _, w := range wordings {
		if w.from.MatchString(text) {
			return w.from.ReplaceAllString(text, w.to)
		}
	}
	return text
}
