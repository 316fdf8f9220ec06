package lua

import "math"

// Args reads the arguments of a library function. The first that is wrong
// stays: Err returns it, and everything after it reads as zero. So a function
// takes all of its arguments and looks once:
//
//	a := L.Args()
//	s, n := a.Str(1), a.Int(2)
//	if err := a.Err(); err != nil {
//		return 0, err
//	}
type Args struct {
	L   *Thread
	err error
}

// Args returns a reader of the arguments.
func (L *Thread) Args() Args { return Args{L: L} }

// Err returns what is wrong with the first bad argument.
func (a *Args) Err() error { return a.err }

// Bad says that an argument is wrong.
func (a *Args) Bad(n int, text string) {
	if a.err == nil {
		a.err = a.L.ArgError(n, text)
	}
}

func (a *Args) mistyped(n int, want string) {
	if a.err == nil {
		a.err = a.L.TypeError(n, want)
	}
}

// Any returns an argument that must be there, nil or not.
func (a *Args) Any(n int) Value {
	if n > a.L.Top() {
		a.Bad(n, "value expected")
	}
	return a.L.Arg(n)
}

// Str returns a string; numbers are taken for strings.
func (a *Args) Str(n int) string {
	s, ok := ToText(a.L.Arg(n))
	if !ok {
		a.mistyped(n, "string")
	}
	return s
}

// OptStr is Str for an argument that may be nil or missing.
func (a *Args) OptStr(n int, or string) string {
	if a.L.Arg(n).IsNil() {
		return or
	}
	return a.Str(n)
}

// Num returns a number; strings that look like one are taken for numbers.
func (a *Args) Num(n int) float64 {
	v := a.L.Arg(n)
	if err := a.L.reading(v, Nil); err != nil && a.err == nil {
		a.err = err
	}
	f, ok := ToNumber(v)
	if !ok {
		a.mistyped(n, "number")
	}
	return f
}

// OptNum is Num for an argument that may be nil or missing.
func (a *Args) OptNum(n int, or float64) float64 {
	if a.L.Arg(n).IsNil() {
		return or
	}
	return a.Num(n)
}

// Int returns a number as C casts a double to an integer of 64 bits.
func (a *Args) Int(n int) int64 { return Truncate(a.Num(n)) }

// OptInt is Int for an argument that may be nil or missing.
func (a *Args) OptInt(n int, or int64) int64 {
	if a.L.Arg(n).IsNil() {
		return or
	}
	return a.Int(n)
}

// Int32 returns a number as C casts a double to an int: the low 32 bits of
// what Int returns, as Lua 5.1 does on 64-bit machines.
func (a *Args) Int32(n int) int { return int(int32(a.Int(n))) }

// OptInt32 is Int32 for an argument that may be nil or missing.
func (a *Args) OptInt32(n int, or int) int {
	if a.L.Arg(n).IsNil() {
		return or
	}
	return a.Int32(n)
}

// Table returns a table.
func (a *Args) Table(n int) *Table {
	t := a.L.Arg(n).Table()
	if t == nil {
		a.mistyped(n, "table")
	}
	return t
}

// Function returns a function.
func (a *Args) Function(n int) *Function {
	f := a.L.Arg(n).Function()
	if f == nil {
		a.mistyped(n, "function")
	}
	return f
}

// Truncate is a number as C casts a double to a 64-bit integer on amd64: what is
// out of range, and NaN, is the least integer.
func Truncate(f float64) int64 {
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}
