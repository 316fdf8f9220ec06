package lualib

import (
	"errors"
	"slices"

	"ledge/respd/lua"
)

// pcall calls a function and catches what it raises. As in Redis, it returns the
// text of an error that is a table with a field "err", as redis.call raises it;
// with another table, it returns what is in that field, too.
func pcall(L *lua.Thread) (int, error) {
	n := L.Top()
	// Without arguments, Redis calls the boolean that it returns later.
	fn, args := lua.True, []lua.Value(nil)
	if n > 0 {
		fn = L.Arg(1)
		args = arguments(L, 2)
	}
	L.Push(lua.True)
	results, caught, err := L.PCall(fn, lua.Nil, args...)
	switch {
	case err != nil:
		return 0, err
	case caught == nil:
		return results + 1, nil
	}
	L.SetTop(n)
	L.Push(lua.False)
	if !caught.Value.IsTable() {
		L.Push(caught.Value)
		return 2, nil
	}
	text, err := L.Index(caught.Value, lua.Shared("err"))
	if err != nil {
		return 0, err
	}
	if text.IsString() || text.IsNumber() {
		L.Push(text)
		return 2, nil
	}
	L.Push(caught.Value, text)
	return 3, nil
}

// arguments are the arguments from the i-th on.
func arguments(L *lua.Thread, i int) []lua.Value {
	n := L.Top()
	if i > n {
		return nil
	}
	args := make([]lua.Value, 0, n-i+1)
	for ; i <= n; i++ {
		args = append(args, L.Arg(i))
	}
	return args
}

// xpcall calls a function, and a handler with what it raises.
func xpcall(L *lua.Thread) (int, error) {
	a := L.Args()
	a.Any(2)
	if err := a.Err(); err != nil {
		return 0, err
	}
	n := L.Top()
	fn, handler := L.Arg(1), L.Arg(2)
	usable := handler.IsFunction()
	if !usable {
		handler = lua.Nil
	}
	L.Push(lua.True)
	results, caught, err := L.PCall(fn, handler)
	switch {
	case err != nil:
		return 0, err
	case caught == nil:
		return results + 1, nil
	}
	L.SetTop(n)
	v := caught.Value
	if !usable {
		v = L.String("error in error handling")
	}
	L.Push(lua.False, v)
	return 2, nil
}

// load compiles what a function returns, part by part. What that function raises
// is returned like what is wrong with the text, and is handled as it would be
// without load.
func (b *base) load(L *lua.Thread) (int, error) {
	a := L.Args()
	name := a.OptStr(2, "=(load)")
	reader := lua.FromFunction(a.Function(1))
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.SetTop(2)
	read := func() (string, error) {
		part, raised, err := b.readPart(L, reader)
		if raised != nil {
			return "", raised
		}
		if err == nil {
			err = b.afford(L, len(part))
		}
		return part, err
	}
	proto, err := lua.CompileReader(read, cString(name))
	return b.loaded(L, proto, err)
}

// readPart calls a function that returns a part of a text.
func (b *base) readPart(L *lua.Thread, reader lua.Value) (part string, raised *lua.Error, err error) {
	n, raised, err := L.PCall(reader, L.Handler())
	v := lua.Nil
	if n > 0 {
		v = L.Arg(3)
	}
	L.SetTop(2)
	if raised != nil || err != nil {
		return "", raised, err
	}
	part, ok := lua.ToText(v)
	if ok || v.IsNil() {
		return part, nil, nil
	}
	err = L.Errorf("reader function must return a string")
	if errors.As(err, &raised) && L.Handler().IsFunction() {
		raised.Value, err = L.Call1(L.Handler(), raised.Value)
		return "", raised, err
	}
	return "", nil, err
}

func (b *base) loadString(L *lua.Thread) (int, error) {
	a := L.Args()
	text := a.Str(1)
	name := a.OptStr(2, text)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return b.compiled(L, text, name)
}

// How much memory the code of a chunk takes at most, for each byte of text, and
// how many bytes are compiled in a step.
const (
	codeBytes    = 32
	compileBytes = 16
)

// afford counts what it takes to compile n bytes.
func (b *base) afford(L *lua.Thread, n int) error {
	if err := L.Step(n / compileBytes); err != nil {
		return err
	}
	return L.Reserve(n * codeBytes)
}

// compiled pushes the function that a text is.
func (b *base) compiled(L *lua.Thread, text, name string) (int, error) {
	if err := b.afford(L, len(text)); err != nil {
		return 0, err
	}
	proto, err := L.Compile(text, cString(name))
	return b.loaded(L, proto, err)
}

// loaded pushes a function, or nil and what is wrong.
func (b *base) loaded(L *lua.Thread, proto *lua.Proto, err error) (int, error) {
	var raised *lua.Error
	var wrong *lua.SyntaxError
	switch {
	case err == nil:
		L.Push(lua.FromFunction(L.State().Load(proto, b.Globals())))
		return 1, nil
	case errors.As(err, &raised):
		L.Push(lua.Nil, raised.Value)
	case errors.As(err, &wrong):
		L.Push(lua.Nil, L.String(cString(wrong.Text)))
	default:
		return 0, err
	}
	return 2, nil
}

var garbageOptions = []string{"stop", "restart", "collect", "count", "step", "setpause", "setstepmul"}

// collectGarbage answers as if it did what it is asked for. The process collects
// its garbage by itself, and a script must not make it stop for that.
func (b *base) collectGarbage(L *lua.Thread) (int, error) {
	a := L.Args()
	option := a.OptStr(1, "collect")
	if a.Err() == nil && !slices.Contains(garbageOptions, cString(option)) {
		a.Bad(1, "invalid option '"+cString(option)+"'")
	}
	a.OptInt32(2, 0)
	if err := a.Err(); err != nil {
		return 0, err
	}
	switch cString(option) {
	case "count":
		L.Push(lua.Number(float64(b.Memory()) / 1024))
	case "step":
		L.Push(lua.True)
	case "setpause", "setstepmul":
		L.Push(lua.Int(200))
	default:
		L.Push(lua.Int(0))
	}
	return 1, nil
}

func (b *base) gcInfo(L *lua.Thread) (int, error) {
	L.Push(lua.Int(int(b.Memory() >> 10)))
	return 1, nil
}
