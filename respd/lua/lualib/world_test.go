package lualib_test

import (
	"errors"
	"strings"

	"ledge/respd/lua"
	"ledge/respd/lua/lualib"
)

// world is a state with all libraries, whose globals behave as those of scripts
// do.
type world struct {
	s      *lua.State
	g      *lua.Table
	random lualib.Random
	json   lualib.JSON
	// handler makes a table of what a script raises, as Redis's does.
	handler *lua.Function
}

func newWorld(c lua.Config) *world {
	w := &world{s: lua.New(c)}
	g := w.s.NewTable(0, 0)
	w.g = g
	strings, meta := lualib.OpenString(w.s, g)
	frozen := []*lua.Table{g, strings, meta, lualib.OpenTable(w.s, g), lualib.OpenMath(w.s, g, &w.random),
		lualib.OpenCoroutine(w.s, g), lualib.OpenJSON(w.s, g, &w.json), lualib.OpenMsgpack(w.s, g),
		lualib.OpenStruct(w.s, g), lualib.OpenBit(w.s, g)}
	lualib.OpenBase(w.s, g, lualib.Base{})
	g.SetString("_G", lua.FromTable(g))
	missing := w.s.NewTable(0, 1)
	missing.SetString("__index", lua.FromFunction(w.s.NewFunction(func(L *lua.Thread) (int, error) {
		name, _ := lua.ToText(L.Arg(2))
		return 0, L.Errorf("Script attempted to access nonexistent global variable '%s'", name)
	})))
	g.SetMeta(missing)
	for _, t := range append(frozen, missing) {
		t.SetReadOnly(true)
	}
	w.handler = w.s.NewFunction(func(L *lua.Thread) (int, error) {
		v := L.Arg(1)
		t := v.Table()
		if t == nil || t.ReadOnly() {
			t = L.NewTable(0, 0)
			text, err := L.Call1(g.GetString("tostring"), v)
			if err != nil {
				return 0, err
			}
			t.SetString("err", L.String("ERR "+text.Str()))
		}
		for level := 1; level <= 2; level++ {
			if source, line, ok := L.Place(level); ok {
				t.SetString("source", L.String(source))
				t.SetString("line", lua.Int(line))
				break
			}
		}
		L.Push(lua.FromTable(t))
		return 1, nil
	})
	return w
}

// eval runs a script within a bound of memory, and returns what it returns as a
// text; "error: " begins what it raises.
func (w *world) eval(text string, memory int64) (string, error) {
	w.s.Begin(memory)
	defer w.s.End()
	proto, err := lua.Compile(text, "@user_script")
	if err != nil {
		return "error: " + err.Error(), nil
	}
	v, err := w.s.Main().Run(w.s.Load(proto, w.g), w.handler)
	var raised *lua.Error
	if errors.As(err, &raised) {
		text := "unknown error"
		if raised.Value.IsTable() {
			v, _ := w.s.Main().Index(raised.Value, lua.Shared("err"))
			if s, ok := lua.ToText(v); ok {
				text = s
			}
		}
		// A reply is one line.
		text = strings.NewReplacer("\r", " ", "\n", " ").Replace(strings.TrimRight(text, "\r\n"))
		return "error: " + strings.TrimPrefix(text, "ERR "), nil
	}
	if err != nil {
		return "", err
	}
	s, _ := lua.ToText(v)
	return s, nil
}
