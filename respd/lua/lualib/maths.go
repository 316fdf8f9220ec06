package lualib

import (
	"math"

	"ledge/respd/lua"
	"ledge/respd/lua/cmath"
)

// OpenMath puts the library "math" into a table, and returns it. r is the
// sequence that math.random takes its numbers from.
func OpenMath(s *lua.State, into *lua.Table, r *Random) *lua.Table {
	t := library(s, into, "math", []entry{
		{"abs", mathOf(math.Abs)},
		{"acos", mathOf(cmath.Acos)},
		{"asin", mathOf(cmath.Asin)},
		{"atan2", mathOf2(cmath.Atan2)},
		{"atan", mathOf(cmath.Atan)},
		{"ceil", mathOf(math.Ceil)},
		{"cosh", mathOf(cmath.Cosh)},
		{"cos", mathOf(cmath.Cos)},
		{"deg", mathOf(func(x float64) float64 { return x / (math.Pi / 180) })},
		{"exp", mathOf(cmath.Exp)},
		{"floor", mathOf(math.Floor)},
		{"fmod", mathOf2(cmath.Fmod)},
		{"frexp", mathFrexp},
		{"ldexp", mathLdexp},
		{"log10", mathOf(cmath.Log10)},
		{"log", mathOf(cmath.Log)},
		{"max", mathMax},
		{"min", mathMin},
		{"modf", mathModf},
		{"pow", mathOf2(cmath.Pow)},
		{"rad", mathOf(func(x float64) float64 { return x * (math.Pi / 180) })},
		{"random", r.random},
		{"randomseed", r.randomSeed},
		{"sinh", mathOf(cmath.Sinh)},
		{"sin", mathOf(cmath.Sin)},
		{"sqrt", mathOf(cmath.Sqrt)},
		{"tanh", mathOf(cmath.Tanh)},
		{"tan", mathOf(cmath.Tan)},
	})
	t.SetString("pi", lua.Number(math.Pi))
	t.SetString("huge", lua.Number(math.Inf(1)))
	// In 5.1, mod is fmod, the same function.
	t.SetString("mod", t.GetString("fmod"))
	return t
}

// mathOf is a function of a number.
func mathOf(fn func(float64) float64) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := L.Args()
		x := a.Num(1)
		if err := a.Err(); err != nil {
			return 0, err
		}
		L.Push(lua.Number(fn(x)))
		return 1, nil
	}
}

// mathOf2 is a function of two numbers, of which the second is looked at first.
func mathOf2(fn func(x, y float64) float64) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := L.Args()
		y := a.Num(2)
		x := a.Num(1)
		if err := a.Err(); err != nil {
			return 0, err
		}
		L.Push(lua.Number(fn(x, y)))
		return 1, nil
	}
}

func mathMax(L *lua.Thread) (int, error) {
	return best(L, func(x, than float64) bool { return x > than })
}

func mathMin(L *lua.Thread) (int, error) {
	return best(L, func(x, than float64) bool { return x < than })
}

// best pushes the argument that is better than those before it.
func best(L *lua.Thread, better func(x, than float64) bool) (int, error) {
	a := L.Args()
	x := a.Num(1)
	n := L.Top()
	if err := L.Step(n / 8); err != nil {
		return 0, err
	}
	for i := 2; i <= n && a.Err() == nil; i++ {
		if y := a.Num(i); better(y, x) {
			x = y
		}
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(lua.Number(x))
	return 1, nil
}

func mathFrexp(L *lua.Thread) (int, error) {
	a := L.Args()
	x := a.Num(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	f, e := math.Frexp(x)
	L.Push(lua.Number(f), lua.Int(e))
	return 2, nil
}

func mathLdexp(L *lua.Thread) (int, error) {
	a := L.Args()
	e := a.Int32(2)
	x := a.Num(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	L.Push(lua.Number(math.Ldexp(x, e)))
	return 1, nil
}

func mathModf(L *lua.Thread) (int, error) {
	a := L.Args()
	x := a.Num(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	whole := math.Trunc(x)
	part := math.Copysign(x-whole, x)
	if math.IsInf(x, 0) {
		part = math.Copysign(0, x)
	}
	L.Push(lua.Number(whole), lua.Number(part))
	return 2, nil
}
