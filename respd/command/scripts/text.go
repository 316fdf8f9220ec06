package scripts

import (
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// concat is "..": see concatName.
func (s *state) concat(L *lua.LState) int {
	n := L.GetTop()
	size := 0
	for i := 1; i <= n; i++ {
		switch v := L.Get(i).(type) {
		case lua.LString:
			size += len(v)
		case lua.LNumber:
			size += 8
		default:
			return s.concatMeta(L)
		}
	}
	s.grow(L, size)
	var b strings.Builder
	b.Grow(size)
	for i := 1; i <= n; i++ {
		b.WriteString(toText(L.Get(i)))
	}
	L.Push(lua.LString(b.String()))
	return 1
}

// concatMeta concatenates what is not all strings and numbers, from the right.
func (s *state) concatMeta(L *lua.LState) int {
	right := L.Get(L.GetTop())
	for i := L.GetTop() - 1; i > 0; i-- {
		left := L.Get(i)
		if lua.LVCanConvToString(left) && lua.LVCanConvToString(right) {
			l, r := toText(left), toText(right)
			s.grow(L, len(l)+len(r))
			right = lua.LString(l + r)
			continue
		}
		op := L.GetMetaField(left, "__concat")
		if op == lua.LNil {
			op = L.GetMetaField(right, "__concat")
		}
		if op == lua.LNil {
			bad := right
			if !lua.LVCanConvToString(left) {
				bad = left
			}
			L.Error(lua.LString("attempt to concatenate a "+bad.Type().String()+" value"), 2)
		}
		L.Push(op)
		L.Push(left)
		L.Push(right)
		L.Call(2, 1)
		right = L.Get(-1)
		L.Pop(1)
	}
	L.Push(right)
	return 1
}

// grow raises an error if a string of n bytes would be too long, and counts it.
func (s *state) grow(L *lua.LState, n int) {
	if n > maxString || n < 0 {
		L.RaiseError("resulting string too large")
	}
	s.w.grew(n)
}

func (s *state) stringFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"format": s.format,
		"gfind":  s.L.G.Global.RawGetString("string").(*lua.LTable).RawGetString("gmatch").(*lua.LFunction).GFunction,
		"rep": func(L *lua.LState) int {
			str, n := L.CheckString(1), L.CheckInt(2)
			if n <= 0 || str == "" {
				L.Push(lua.LString(""))
				return 1
			}
			if n > maxString {
				n = maxString + 1
			}
			s.grow(L, len(str)*n)
			L.Push(lua.LString(strings.Repeat(str, n)))
			return 1
		},
	}
}

func (s *state) tableFunctions() map[string]lua.LGFunction {
	from := s.L.G.Global.RawGetString("table").(*lua.LTable)
	guard := func(name string) lua.LGFunction {
		fn := from.RawGetString(name).(*lua.LFunction).GFunction
		return func(L *lua.LState) int {
			s.changeable(L, L.CheckTable(1))
			return fn(L)
		}
	}
	return map[string]lua.LGFunction{
		"insert": guard("insert"), "remove": guard("remove"),
		"concat": s.tableConcat, "sort": s.tableSort,
		"foreach": s.forEach, "foreachi": forEachI,
		"setn": func(L *lua.LState) int { L.RaiseError("'setn' is obsolete"); return 0 },
	}
}

func (s *state) tableConcat(L *lua.LState) int {
	t := L.CheckTable(1)
	sep := L.OptString(2, "")
	first, last := L.OptInt(3, 1), L.OptInt(4, t.Len())
	size := 0
	for i := first; i <= last; i++ {
		v := t.RawGetInt(i)
		if !lua.LVCanConvToString(v) {
			L.RaiseError("invalid value (%s) at index %d in table for 'concat'", v.Type().String(), i)
		}
		if str, ok := v.(lua.LString); ok {
			size += len(str)
		}
		if size += len(sep); size > maxString {
			break
		}
	}
	s.grow(L, size)
	var b strings.Builder
	for i := first; i <= last; i++ {
		b.WriteString(toText(t.RawGetInt(i)))
		if i < last {
			b.WriteString(sep)
		}
	}
	L.Push(lua.LString(b.String()))
	return 1
}

// sorter sorts a table in place.
type sorter struct {
	L  *lua.LState
	t  *lua.LTable
	fn *lua.LFunction
	n  int
}

func (o sorter) Len() int { return o.n }

func (o sorter) Swap(i, j int) {
	a, b := o.t.RawGetInt(i+1), o.t.RawGetInt(j+1)
	o.t.RawSetInt(i+1, b)
	o.t.RawSetInt(j+1, a)
}

func (o sorter) Less(i, j int) bool {
	a, b := o.t.RawGetInt(i+1), o.t.RawGetInt(j+1)
	if o.fn == nil {
		return o.L.LessThan(a, b)
	}
	o.L.Push(o.fn)
	o.L.Push(a)
	o.L.Push(b)
	o.L.Call(2, 1)
	less := lua.LVAsBool(o.L.Get(-1))
	o.L.Pop(1)
	return less
}

func (s *state) tableSort(L *lua.LState) int {
	o := sorter{L: L, t: L.CheckTable(1)}
	s.changeable(L, o.t)
	if L.GetTop() > 1 && L.Get(2) != lua.LNil {
		o.fn = L.CheckFunction(2)
	}
	o.n = o.t.Len()
	sort.Sort(o)
	return 0
}

func (s *state) forEach(L *lua.LState) int {
	t, fn := s.seen(L.CheckTable(1)), L.CheckFunction(2)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		if ret := apply(L, fn, k, v); ret != lua.LNil {
			L.Push(ret)
			return 1
		}
	}
	return 0
}

func forEachI(L *lua.LState) int {
	t, fn := L.CheckTable(1), L.CheckFunction(2)
	for i := 1; i <= t.Len(); i++ {
		if ret := apply(L, fn, lua.LNumber(i), t.RawGetInt(i)); ret != lua.LNil {
			L.Push(ret)
			return 1
		}
	}
	return 0
}

func apply(L *lua.LState, fn *lua.LFunction, args ...lua.LValue) lua.LValue {
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(len(args), 1)
	ret := L.Get(-1)
	L.Pop(1)
	return ret
}
