package scripts

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"ledge/respd/command"
	"ledge/respd/lua"
	"ledge/respd/resp"
)

// errorTable makes the table that redis.pcall returns for an error: "CODE text".
func errorTable(L *lua.Thread, text string) lua.Value {
	t := L.NewTable(0, 1)
	t.SetString("err", L.String(strings.Trim(text, "\r\n")))
	return lua.FromTable(t)
}

// raiseTable raises an error as redis.call does.
func raiseTable(L *lua.Thread, text string) (int, error) {
	return 0, &lua.Error{Value: errorTable(L, text)}
}

// handle is the handler of errors that end a script. It makes a table of an
// error and says where the script was.
func (s *state) handle(L *lua.Thread) (int, error) {
	raised := L.Arg(1)
	t := raised.Table()
	if t == nil {
		text, err := L.Call1(lua.FromFunction(s.tostring), raised)
		if err != nil {
			return 0, err
		}
		raised = errorTable(L, "ERR "+text.Str())
		t = raised.Table()
	}
	if source, line, ok := raisedAt(L); ok {
		if t.ReadOnly() {
			// In Redis the handler is code in Lua, which fails here.
			raised = errorTable(L, "ERR err_handler_def:10: Attempt to modify a readonly table")
			t, source, line = raised.Table(), "@err_handler_def", 10
		}
		t.SetString("source", L.String(source))
		t.SetString("line", lua.Int(line))
	}
	L.Push(raised)
	return 1, nil
}

// raisedAt returns the place of what raised the error that a handler is called
// with, or of what called it if it is a function of the library.
func raisedAt(L *lua.Thread) (source string, line int, ok bool) {
	for level := 1; level <= 2; level++ {
		f, there := L.FunctionAt(level)
		if !there {
			return source, line, ok
		}
		if f == nil || !f.IsGo() {
			return L.Place(level)
		}
		source, line, ok = "=[C]", -1, true
	}
	return source, line, ok
}

// failure is the reply to a run that an error has ended.
func (s *state) failure(r *run, err error) error {
	text, place := "ERR unknown error", ""
	var raised *lua.Error
	switch {
	case err == error(errLater), err == error(errInternal), err == error(command.ErrMoving):
		return err
	case errors.As(err, &raised):
		text, place = described(raised.Value)
	default:
		if text = err.Error(); errors.Is(err, lua.ErrMemory) {
			text = errMemory.Error()
		}
		if source, line, ok := s.lua.EndedAt(); ok {
			place = fmt.Sprintf("%s:%d", source, line)
		}
	}
	if place != "" {
		text += fmt.Sprintf(" script: %s, on %s.", r.name, place)
	}
	return resp.Error(text)
}

// described is the text and the place of what was raised and handled.
func described(v lua.Value) (text, place string) {
	t := v.Table()
	if t == nil {
		// The handler failed.
		if text, ok := lua.ToText(v); ok {
			return "ERR " + text, ""
		}
		return "ERR unknown error", ""
	}
	text, ok := lua.ToText(t.GetString("err"))
	if !ok {
		text = "ERR unknown error"
	}
	source, is := lua.ToText(t.GetString("source"))
	line, has := lua.ToText(t.GetString("line"))
	if is && has {
		place = source + ":" + line
	}
	return text, place
}

// internal makes a panic of ours an error. Nobody knows what the state is like
// after it, so it is thrown away; what the script did is undone as after any
// error.
func (s *state) internal(r *run, cause any) error {
	s.broken = true
	s.e.cfg.Logger.Error("internal error in a script", "script", r.name, "cause", cause,
		"stack", string(debug.Stack()))
	return errInternal
}

const errInternal resp.Error = "ERR internal error in a script"
