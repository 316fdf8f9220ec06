package scripts

import (
	"fmt"
	"math"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// baseFunctions replaces those of Lua's basic functions that would get around
// what is frozen, that print numbers, or that a script could harm the process
// with.
func (s *state) baseFunctions() map[string]lua.LGFunction {
	next := s.L.NewFunction(s.next)
	return map[string]lua.LGFunction{
		"collectgarbage": collectGarbage,
		"error":          raise,
		"tonumber":       toNumber,
		"gcinfo":         func(L *lua.LState) int { L.Push(kilobytes()); return 1 },
		"getmetatable":   getMetatable,
		"load":           s.loadFrom,
		"loadstring":     s.loadString,
		"next":           s.next,
		"pairs": func(L *lua.LState) int {
			t := L.CheckTable(1)
			L.Push(next)
			L.Push(t)
			L.Push(lua.LNil)
			return 3
		},
		"pcall":  s.pcall,
		"rawget": func(L *lua.LState) int { L.Push(s.seen(L.CheckTable(1)).RawGet(L.CheckAny(2))); return 1 },
		"rawset": func(L *lua.LState) int {
			t := L.CheckTable(1)
			s.changeable(L, t)
			L.RawSet(t, L.CheckAny(2), L.CheckAny(3))
			L.SetTop(1)
			return 1
		},
		"setmetatable": s.setMetatable,
		"tostring": func(L *lua.LState) int {
			L.Push(toString(L, L.CheckAny(1)))
			return 1
		},
	}
}

var osFunctions = map[string]lua.LGFunction{"clock": func(L *lua.LState) int {
	L.Push(lua.LNumber(time.Since(started).Seconds()))
	return 1
}}

var started = time.Now()

func (s *state) next(L *lua.LState) int {
	key, val := s.seen(L.CheckTable(1)).Next(L.Get(2))
	L.Push(key)
	if key == lua.LNil {
		return 1
	}
	L.Push(val)
	return 2
}

func collectGarbage(L *lua.LState) int {
	// The process collects its garbage by itself; a script must not make it
	// stop for that.
	if L.OptString(1, "collect") == "count" {
		L.Push(kilobytes())
	} else {
		L.Push(lua.LNumber(0))
	}
	return 1
}

func kilobytes() lua.LNumber {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return lua.LNumber(sample[0].Value.Uint64() >> 10)
}

// raise is error: it puts the place in front of strings and numbers.
func raise(L *lua.LState) int {
	v := L.Get(1)
	if lua.LVCanConvToString(v) {
		v = lua.LString(place(L, L.OptInt(2, 1)) + toText(v))
	}
	L.Error(v, 0)
	return 0
}

// place is where the function at a level of the stack is, if it is Lua.
func place(L *lua.LState, level int) string {
	if level <= 0 {
		return ""
	}
	dbg, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", dbg, lua.LNil); err != nil || dbg.What == "G" {
		return ""
	}
	return fmt.Sprintf("%s:%d: ", dbg.Source, dbg.CurrentLine)
}

// toNumber is tonumber.
func toNumber(L *lua.LState) int {
	base := L.OptInt(2, 10)
	v := L.CheckAny(1)
	if n, ok := v.(lua.LNumber); ok && base == 10 {
		L.Push(n)
		return 1
	}
	if base < 2 || base > 36 {
		L.ArgError(2, "base out of range")
	}
	result := lua.LValue(lua.LNil)
	if lua.LVCanConvToString(v) {
		result = parseNumber(strings.Trim(toText(v), " \f\n\r\t\v"), base)
	} else if base != 10 {
		L.CheckString(1)
	}
	L.Push(result)
	return 1
}

func parseNumber(text string, base int) lua.LValue {
	if base != 10 {
		if base == 16 {
			text, _ = cutPrefixFold(text, "0x")
		}
		if n, err := strconv.ParseInt(text, base, 64); err == nil {
			return lua.LNumber(n)
		}
		return lua.LNil
	}
	f, err := strconv.ParseFloat(cNumber(text), 64)
	if strings.Contains(text, "_") || err != nil && !math.IsInf(f, 0) {
		return lua.LNil
	}
	return lua.LNumber(f)
}

func getMetatable(L *lua.LState) int {
	L.Push(L.GetMetatable(L.CheckAny(1)))
	return 1
}

func (s *state) setMetatable(L *lua.LState) int {
	t := L.CheckTable(1)
	L.CheckTypes(2, lua.LTNil, lua.LTTable)
	s.changeable(L, t)
	if meta, ok := t.Metatable.(*lua.LTable); ok && meta.RawGetString("__metatable") != lua.LNil {
		L.RaiseError("cannot change a protected metatable")
	}
	L.SetMetatable(t, L.Get(2))
	L.SetTop(1)
	return 1
}

// pcall returns the text of an error that redis.call has raised, as Redis does.
func (s *state) pcall(L *lua.LState) int {
	fn, ok := L.CheckAny(1).(*lua.LFunction)
	err := L.PCall(L.GetTop()-1, lua.MultRet, nil)
	if err == nil {
		L.Insert(lua.LTrue, 1)
		return L.GetTop()
	}
	L.Push(lua.LFalse)
	text := errorText(errorObject(err))
	if str, is := text.(lua.LString); is && ok && fn.IsG && fn != s.raise {
		// It was called by pcall, which has no place.
		text = lua.LString(strings.TrimPrefix(string(str), place(L, 1)))
	}
	L.Push(text)
	return 2
}

// errorText is what pcall shows of an error.
func errorText(v lua.LValue) lua.LValue {
	if t, ok := v.(*lua.LTable); ok {
		if text, ok := t.RawGetString("err").(lua.LString); ok {
			return text
		}
	}
	if text, ok := v.(lua.LString); ok {
		return lua.LString(wording(string(text)))
	}
	return v
}

func (s *state) loadString(L *lua.LState) int {
	return s.compiled(L, L.CheckString(1), L.OptString(2, ""))
}

func (s *state) loadFrom(L *lua.LState) int {
	fn := L.CheckFunction(1)
	name := L.OptString(2, "=(load)")
	var b strings.Builder
	for b.Len() < maxString {
		L.Push(fn)
		L.Call(0, 1)
		part := L.Get(-1)
		L.Pop(1)
		if part == lua.LNil || part == lua.LString("") {
			return s.compiled(L, b.String(), name)
		}
		if !lua.LVCanConvToString(part) {
			break
		}
		b.WriteString(toText(part))
	}
	L.Push(lua.LNil)
	L.Push(lua.LString("reader function must return a string"))
	return 2
}

// compiled pushes the function that a text is.
func (s *state) compiled(L *lua.LState, text, name string) int {
	switch {
	case name == "":
		line, _, _ := strings.Cut(text, "\n")
		name = `[string "` + line + `"]`
	case name[0] == '=' || name[0] == '@':
		name = name[1:]
	default:
		name = `[string "` + name + `"]`
	}
	proto, err := compile(text, name)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

// coroutineFunctions watches coroutines like the script that made them.
func (s *state) coroutineFunctions(from *lua.LTable) map[string]lua.LGFunction {
	create, resume := from.RawGetString("create"), from.RawGetString("resume")
	make := func(L *lua.LState) *lua.LState {
		fn := L.CheckFunction(1)
		if s.w.grew(16 << 10); fn.IsG {
			L.ArgError(1, "Lua function expected")
		}
		L.Push(create)
		L.Push(fn)
		L.Call(1, 1)
		co := L.Get(-1).(*lua.LState)
		L.Pop(1)
		co.SetContext(&s.w)
		return co
	}
	return map[string]lua.LGFunction{
		"create": func(L *lua.LState) int { L.Push(make(L)); return 1 },
		"wrap": func(L *lua.LState) int {
			co := make(L)
			L.Push(L.NewFunction(func(L *lua.LState) int {
				n := L.GetTop()
				L.Insert(resume, 1)
				L.Insert(co, 2)
				L.Call(n+1, lua.MultRet)
				if !lua.LVAsBool(L.Get(1)) {
					L.Error(L.Get(2), 0)
				}
				return L.GetTop() - 1
			}))
			return 1
		},
	}
}
