package lualib

import (
	"ledge/respd/lua"
)

// Base is what the basic functions need to know of whoever runs scripts. All
// fields may be left out.
type Base struct {
	// Globals returns the table that loaded chunks find their globals in; the
	// table that OpenBase fills if it is nil.
	Globals func() *lua.Table
	// Memory returns the bytes in use that collectgarbage("count") reports.
	Memory func() int64
}

// base is what the basic functions share.
type base struct {
	Base
	next lua.Value
}

// OpenBase puts the basic functions of Lua into t.
func OpenBase(s *lua.State, t *lua.Table, config Base) {
	if config.Globals == nil {
		config.Globals = func() *lua.Table { return t }
	}
	if config.Memory == nil {
		config.Memory = func() int64 { live, _ := s.Used(); return live }
	}
	b := &base{Base: config}
	b.next = lua.FromFunction(s.NewFunction(next))
	ipairs := lua.FromFunction(s.NewFunction(ipairsNext))
	t.SetString("_VERSION", lua.Shared("Lua 5.1"))
	register(s, t, []entry{
		{"assert", assert},
		{"collectgarbage", b.collectGarbage},
		{"error", raise},
		{"gcinfo", b.gcInfo},
		{"getmetatable", getMetatable},
		{"load", b.load},
		{"loadstring", b.loadString},
		{"pcall", pcall},
		{"rawequal", rawEqual},
		{"rawget", rawGet},
		{"rawset", rawSet},
		{"select", choose},
		{"setmetatable", setMetatable},
		{"tonumber", toNumber},
		{"tostring", toString},
		{"type", typeOf},
		{"unpack", unpack},
		{"xpcall", xpcall},
		{"ipairs", func(L *lua.Thread) (int, error) { return iterate(L, ipairs, lua.Int(0)) }},
		{"pairs", func(L *lua.Thread) (int, error) { return iterate(L, b.next, lua.Nil) }},
	})
	t.SetString("next", b.next)
}

func assert(L *lua.Thread) (int, error) {
	a := L.Args()
	ok := a.Any(1).Truth()
	if ok || a.Err() != nil {
		return L.Top(), a.Err()
	}
	text := a.OptStr(2, "assertion failed!")
	if err := a.Err(); err != nil {
		return 0, err
	}
	return 0, L.ErrorAt(1, L.String(cString(text)))
}

// raise is error: it puts the place before strings and numbers.
func raise(L *lua.Thread) (int, error) {
	a := L.Args()
	level := a.OptInt32(2, 1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	v := L.Arg(1)
	if text, ok := lua.ToText(v); ok && level > 0 {
		return 0, L.ErrorAt(level, L.String(text))
	}
	return 0, L.ErrorAt(0, v)
}

func getMetatable(L *lua.Thread) (int, error) {
	a := L.Args()
	v := a.Any(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	meta := L.Metatable(v)
	if meta == nil {
		L.Push(lua.Nil)
		return 1, nil
	}
	if shown := meta.GetString("__metatable"); !shown.IsNil() {
		L.Push(shown)
		return 1, nil
	}
	L.Push(lua.FromTable(meta))
	return 1, nil
}

func setMetatable(L *lua.Thread) (int, error) {
	a := L.Args()
	t, meta := a.Table(1), L.Arg(2)
	if L.Top() < 2 || !meta.IsNil() && !meta.IsTable() {
		a.Bad(2, "nil or table expected")
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	if old := t.Meta(); old != nil && !old.GetString("__metatable").IsNil() {
		return 0, L.Errorf("cannot change a protected metatable")
	}
	if err := changeable(L, t); err != nil {
		return 0, err
	}
	t.SetMeta(meta.Table())
	L.Push(L.Arg(1))
	return 1, nil
}

func rawEqual(L *lua.Thread) (int, error) {
	a := L.Args()
	x, y := a.Any(1), a.Any(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if x.IsString() && y.IsString() {
		if err := L.Step(min(len(x.Str()), len(y.Str())) / stepBytes); err != nil {
			return 0, err
		}
	}
	L.Push(lua.Bool(lua.Equal(x, y)))
	return 1, nil
}

func rawGet(L *lua.Thread) (int, error) {
	a := L.Args()
	t, k := a.Table(1), a.Any(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(t.Get(k))
	return 1, nil
}

func rawSet(L *lua.Thread) (int, error) {
	a := L.Args()
	t, k, v := a.Table(1), a.Any(2), a.Any(3)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if err := setRaw(L, t, k, v); err != nil {
		return 0, err
	}
	L.Push(L.Arg(1))
	return 1, nil
}

// setRaw is t[k] = v without metamethods, for keys that a script chose.
func setRaw(L *lua.Thread, t *lua.Table, k, v lua.Value) error {
	if err := changeable(L, t); err != nil {
		return err
	}
	return L.TableError(t.Set(k, v))
}

func next(L *lua.Thread) (int, error) {
	a := L.Args()
	t := a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	k, v, err := t.Next(L.Arg(2))
	switch {
	case err != nil:
		return 0, L.TableError(err)
	case k.IsNil():
		L.Push(lua.Nil)
		return 1, nil
	}
	L.Push(k, v)
	return 2, nil
}

// iterate is pairs, or ipairs: they differ in the function and in where it
// begins.
func iterate(L *lua.Thread, fn, from lua.Value) (int, error) {
	a := L.Args()
	a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(fn, L.Arg(1), from)
	return 3, nil
}

func ipairsNext(L *lua.Thread) (int, error) {
	a := L.Args()
	i, t := a.Int32(2), a.Table(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	i = int(int32(i + 1))
	v := t.GetInt(i)
	if v.IsNil() {
		return 0, nil
	}
	L.Push(lua.Int(i), v)
	return 2, nil
}

// choose is select.
func choose(L *lua.Thread) (int, error) {
	a := L.Args()
	n := L.Top()
	if v := L.Arg(1); v.IsString() && len(v.Str()) > 0 && v.Str()[0] == '#' {
		L.Push(lua.Int(n - 1))
		return 1, nil
	}
	i := a.Int32(1)
	if i < 0 {
		i += n
	}
	i = min(i, n)
	if i < 1 {
		a.Bad(1, "index out of range")
	}
	return n - i, a.Err()
}

func typeOf(L *lua.Thread) (int, error) {
	a := L.Args()
	v := a.Any(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(typeNames[v.Kind()])
	return 1, nil
}

// typeNames are what type returns.
var typeNames = func() (names [lua.KindThread + 1]lua.Value) {
	for k := range names {
		names[k] = lua.Shared(lua.Kind(k).String())
	}
	return names
}()

func unpack(L *lua.Thread) (int, error) {
	a := L.Args()
	t, first := a.Table(1), a.OptInt32(2, 1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	last := 0
	if L.Arg(3).IsNil() {
		last = t.Len()
	} else if last = a.Int32(3); a.Err() != nil {
		return 0, a.Err()
	}
	if first > last {
		return 0, nil
	}
	if int64(last)-int64(first) >= stackSlots || !L.Room(last-first+1) {
		return 0, L.Errorf("too many results to unpack")
	}
	n := last - first + 1
	if err := L.Step(n / 8); err != nil {
		return 0, err
	}
	for i := first; i <= last; i++ {
		L.Push(t.GetInt(i))
	}
	return n, nil
}
