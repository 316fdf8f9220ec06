package lua

import (
	"fmt"
	"strings"
	"testing"
)

// The machine's own tests have a small library, worded as Lua's, so that they
// need nothing else.

type library map[string]GoFunction

// open fills a table with functions.
func (l library) open(s *State, into *Table) *Table {
	for name, fn := range l {
		into.SetString(name, FromFunction(s.NewFunction(fn)))
	}
	return into
}

func newGlobals(s *State) *Table {
	g := base.open(s, s.NewTable(0, 0))
	g.SetString("_G", FromTable(g))
	g.SetString("coroutine", FromTable(coroutines.open(s, s.NewTable(0, 0))))
	g.SetString("table", FromTable(tables.open(s, s.NewTable(0, 0))))
	texts := FromTable(stringLib.open(s, s.NewTable(0, 0)))
	g.SetString("string", texts)
	meta := s.NewTable(0, 0)
	meta.SetString("__index", texts)
	s.SetStringMeta(meta)
	return g
}

var base = library{
	"type": func(L *Thread) (int, error) {
		a := L.Args()
		v := a.Any(1)
		if a.Err() == nil {
			L.PushString(v.Kind().String())
		}
		return 1, a.Err()
	},
	"next": func(L *Thread) (int, error) {
		a := L.Args()
		t := a.Table(1)
		if a.Err() != nil {
			return 0, a.Err()
		}
		return pushNext(L, t, L.Arg(2))
	},
	"pairs": func(L *Thread) (int, error) {
		a := L.Args()
		t := a.Table(1)
		if a.Err() != nil {
			return 0, a.Err()
		}
		L.Push(FromFunction(L.State().NewFunction(func(L *Thread) (int, error) {
			return pushNext(L, L.Arg(1).Table(), L.Arg(2))
		})), FromTable(t), Nil)
		return 3, nil
	},
	"ipairs": func(L *Thread) (int, error) {
		a := L.Args()
		t := a.Table(1)
		if a.Err() != nil {
			return 0, a.Err()
		}
		L.Push(FromFunction(L.State().NewFunction(func(L *Thread) (int, error) {
			i := int(L.Arg(2).Float()) + 1
			if L.Push(Int(i), L.Arg(1).Table().GetInt(i)); L.Arg(L.Top()).IsNil() {
				return 1, nil
			}
			return 2, nil
		})), FromTable(t), Int(0))
		return 3, nil
	},
	"setmetatable": func(L *Thread) (int, error) {
		a := L.Args()
		t := a.Table(1)
		if k := L.Arg(2).Kind(); k != KindNil && k != KindTable {
			a.Bad(2, "nil or table expected")
		}
		if a.Err() != nil {
			return 0, a.Err()
		}
		t.SetMeta(L.Arg(2).Table())
		L.SetTop(1)
		return 1, nil
	},
	"rawequal": func(L *Thread) (int, error) {
		L.Push(Bool(Equal(L.Arg(1), L.Arg(2))))
		return 1, nil
	},
	"rawget": func(L *Thread) (int, error) {
		L.Push(L.Arg(1).Table().Get(L.Arg(2)))
		return 1, nil
	},
	"rawset": func(L *Thread) (int, error) {
		return 0, L.TableError(L.Arg(1).Table().Set(L.Arg(2), L.Arg(3)))
	},
	"tostring": func(L *Thread) (int, error) {
		if h := L.Metamethod(L.Arg(1), "__tostring"); !h.IsNil() {
			return L.Call(h, 1, L.Arg(1))
		}
		L.PushString(show(L.Arg(1)))
		return 1, nil
	},
	"tonumber": func(L *Thread) (int, error) {
		if f, ok := ToNumber(L.Arg(1)); ok {
			L.Push(Number(f))
			return 1, nil
		}
		L.Push(Nil)
		return 1, nil
	},
	"error": func(L *Thread) (int, error) {
		a := L.Args()
		level := a.OptInt32(2, 1)
		return 0, L.ErrorAt(level, L.Arg(1))
	},
	"assert": func(L *Thread) (int, error) {
		a := L.Args()
		if v := a.Any(1); a.Err() == nil && !v.Truth() {
			return 0, L.Errorf("%s", a.OptStr(2, "assertion failed!"))
		}
		return L.Top(), a.Err()
	},
	"pcall": func(L *Thread) (int, error) {
		if L.Top() == 0 { // Redis's own pcall then calls the true that it has pushed
			L.Push(True)
		}
		n, caught, err := L.PCallArgs(1, Nil)
		return status1(L, n, caught, err)
	},
	"xpcall": func(L *Thread) (int, error) {
		h := L.Arg(2)
		L.SetTop(1)
		n, caught, err := L.PCallArgs(1, h)
		return status1(L, n, caught, err)
	},
	"select": func(L *Thread) (int, error) {
		if L.Arg(1).Str() == "#" {
			L.Push(Int(L.Top() - 1))
			return 1, nil
		}
		a := L.Args()
		i := a.Int32(1)
		if i < 0 {
			i += L.Top()
		}
		if i < 1 {
			a.Bad(1, "index out of range")
		}
		return max(L.Top()-i, 0), a.Err()
	},
	"unpack": func(L *Thread) (int, error) {
		a := L.Args()
		t := a.Table(1)
		if a.Err() != nil {
			return 0, a.Err()
		}
		i := a.OptInt32(2, 1)
		n := a.OptInt32(3, t.Len())
		if a.Err() != nil || i > n {
			return 0, a.Err()
		}
		if !L.Room(n - i + 1) {
			return 0, L.Errorf("too many results to unpack")
		}
		for at := i; at <= n; at++ {
			L.Push(t.GetInt(at))
		}
		return n - i + 1, nil
	},
	"loadstring": func(L *Thread) (int, error) {
		p, err := Compile(L.Arg(1).Str(), L.Arg(1).Str())
		if err != nil {
			L.Push(Nil)
			L.PushString(err.Error())
			return 2, nil
		}
		f, _ := L.FunctionAt(1)
		L.Push(FromFunction(L.State().Load(p, f.Globals())))
		return 1, nil
	},
}

func status1(L *Thread, n int, caught *Error, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	ok := True
	if caught != nil {
		ok = False
		L.Push(caught.Value)
		n = 1
	}
	L.Push(Nil)
	for i := L.Top(); i > L.Top()-n; i-- {
		L.SetArg(i, L.Arg(i-1))
	}
	L.SetArg(L.Top()-n, ok)
	return n + 1, nil
}

func pushNext(L *Thread, t *Table, k Value) (int, error) {
	k, v, err := t.Next(k)
	if err != nil {
		return 0, L.TableError(err)
	}
	if k.IsNil() {
		L.Push(Nil)
		return 1, nil
	}
	L.Push(k, v)
	return 2, nil
}

var coroutines = library{
	"create": func(L *Thread) (int, error) {
		f := L.Arg(1).Function()
		if f == nil || f.IsGo() {
			return 0, L.ArgError(1, "Lua function expected")
		}
		L.Push(FromThread(L.NewThread(f)))
		return 1, nil
	},
	"resume": func(L *Thread) (int, error) {
		co := L.Arg(1).Thread()
		if co == nil {
			return 0, L.ArgError(1, "coroutine expected")
		}
		var args []Value
		for i := 2; i <= L.Top(); i++ {
			args = append(args, L.Arg(i))
		}
		n, caught, err := L.Resume(co, args...)
		return status1(L, n, caught, err)
	},
	"yield": func(L *Thread) (int, error) { return L.Yield(L.Top()) },
	"status": func(L *Thread) (int, error) {
		L.PushString(L.Status(L.Arg(1).Thread()))
		return 1, nil
	},
	"running": func(L *Thread) (int, error) {
		if L.IsMain() {
			L.Push(Nil)
			return 1, nil
		}
		L.Push(FromThread(L))
		return 1, nil
	},
	"wrap": func(L *Thread) (int, error) {
		co := L.NewThread(L.Arg(1).Function())
		L.Push(FromFunction(L.State().NewClosure(func(L *Thread) (int, error) {
			var args []Value
			for i := 1; i <= L.Top(); i++ {
				args = append(args, L.Arg(i))
			}
			n, caught, err := L.Resume(co, args...)
			if caught != nil {
				return 0, L.ErrorAt(1, caught.Value)
			}
			return n, err
		}, FromThread(co))))
		return 1, nil
	},
}

var tables = library{
	"concat": func(L *Thread) (int, error) {
		a := L.Args()
		t, sep := a.Table(1), a.OptStr(2, "")
		if a.Err() != nil {
			return 0, a.Err()
		}
		var b strings.Builder
		for i := 1; i <= t.Len(); i++ {
			if i > 1 {
				b.WriteString(sep)
			}
			s, _ := ToText(t.GetInt(i))
			b.WriteString(s)
		}
		L.PushString(b.String())
		return 1, nil
	},
	"insert": func(L *Thread) (int, error) {
		a := L.Args()
		if t := a.Table(1); a.Err() == nil {
			t.SetInt(t.Len()+1, L.Arg(2))
		}
		return 0, a.Err()
	},
}

var stringLib = library{
	"rep": func(L *Thread) (int, error) {
		a := L.Args()
		s, n := a.Str(1), a.Int32(2)
		if a.Err() != nil {
			return 0, a.Err()
		}
		if err := L.Reserve(len(s) * max(n, 0)); err != nil {
			return 0, err
		}
		if err := L.Step(len(s) * max(n, 0) / 256); err != nil {
			return 0, err
		}
		L.Push(L.Owned(strings.Repeat(s, max(n, 0))))
		return 1, nil
	},
	"upper": func(L *Thread) (int, error) {
		a := L.Args()
		s := a.Str(1)
		if a.Err() == nil {
			L.PushString(strings.ToUpper(s))
		}
		return 1, a.Err()
	},
	"len": func(L *Thread) (int, error) {
		a := L.Args()
		L.Push(Int(len(a.Str(1))))
		return 1, a.Err()
	},
}

// show is tostring without addresses.
func show(v Value) string {
	switch v.Kind() {
	case KindNil:
		return "nil"
	case KindBool:
		return fmt.Sprint(v.Truth())
	case KindNumber, KindString:
		s, _ := ToText(v)
		return s
	}
	return fmt.Sprintf("%s: 0x%x", v.Kind(), v.Address())
}

// world is a state with the small library.
type world struct {
	s *State
	g *Table
}

func newWorld(c Config) *world {
	s := New(c)
	return &world{s, newGlobals(s)}
}

// run compiles and runs a script.
func (w *world) run(text string) (Value, error) {
	p, err := Compile(text, "@user_script")
	if err != nil {
		return Nil, err
	}
	return w.s.Main().Run(w.s.Load(p, w.g), nil)
}

// eval is run within a limit of memory; it returns a text for the result.
func (w *world) eval(text string, memory int64) string {
	w.s.Begin(memory)
	defer w.s.End()
	v, err := w.run(text)
	if err != nil {
		return "error: " + err.Error()
	}
	return show(v)
}

func TestSmoke(t *testing.T) {
	w := newWorld(Config{})
	for _, c := range []struct{ text, want string }{
		{"return 1+1", "2"},
		{"local t = {} for i = 1, 100 do t[i] = i end return #t", "100"},
		{"local function f(n) if n < 2 then return n end return f(n-1)+f(n-2) end return f(20)", "6765"},
		{"local s = '' for k, v in pairs({1,2,3}) do s = s .. k .. v end return s", "112233"},
		{"local function f(...) local a, b = ... return select('#', ...) + b end return f(1, 2, 3)", "5"},
		{"local x = nil; return x.y", "error: user_script:1: attempt to index local 'x' (a nil value)"},
		{"return tostring(pcall(error, 'x'))", "false"},
		{"local co = coroutine.wrap(function(a) local b = coroutine.yield(a+1) return b*2 end) return co(1) + co(10)", "22"},
	} {
		if got := w.eval(c.text, 1<<20); got != c.want {
			t.Errorf("%s = %s; want %s", c.text, got, c.want)
		}
	}
}
