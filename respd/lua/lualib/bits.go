package lualib

import (
	"math"
	"math/bits"

	"ledge/respd/lua"
)

// OpenBit puts the library "bit" into a table, and returns it: operations on 32
// bits that give signed numbers.
func OpenBit(s *lua.State, into *lua.Table) *lua.Table {
	return library(s, into, "bit", []entry{
		{"tobit", bitOf(func(a uint32) uint32 { return a })},
		{"bnot", bitOf(func(a uint32) uint32 { return ^a })},
		{"band", bitAll(func(a, b uint32) uint32 { return a & b })},
		{"bor", bitAll(func(a, b uint32) uint32 { return a | b })},
		{"bxor", bitAll(func(a, b uint32) uint32 { return a ^ b })},
		{"lshift", bitShift(func(a uint32, n int) uint32 { return a << n })},
		{"rshift", bitShift(func(a uint32, n int) uint32 { return a >> n })},
		{"arshift", bitShift(func(a uint32, n int) uint32 { return uint32(int32(a) >> n) })},
		{"rol", bitShift(bits.RotateLeft32)},
		{"ror", bitShift(func(a uint32, n int) uint32 { return bits.RotateLeft32(a, -n) })},
		{"bswap", bitOf(bits.ReverseBytes32)},
		{"tohex", toHex},
	})
}

// bitsOf is the low 32 bits of a number, rounded to an integer if it is small
// enough: those of the sum's mantissa.
func bitsOf(f float64) uint32 {
	const shift = 1<<52 + 1<<51
	return uint32(math.Float64bits(f + shift))
}

func pushBits(L *lua.Thread, n uint32) (int, error) {
	L.Push(lua.Int(int(int32(n))))
	return 1, nil
}

func bitOf(fn func(uint32) uint32) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := L.Args()
		n := bitsOf(a.Num(1))
		if err := a.Err(); err != nil {
			return 0, err
		}
		return pushBits(L, fn(n))
	}
}

func bitAll(fn func(a, b uint32) uint32) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := L.Args()
		n := bitsOf(a.Num(1))
		if err := L.Step(L.Top() / 8); err != nil {
			return 0, err
		}
		for i := L.Top(); i > 1 && a.Err() == nil; i-- {
			n = fn(n, bitsOf(a.Num(i)))
		}
		if err := a.Err(); err != nil {
			return 0, err
		}
		return pushBits(L, n)
	}
}

func bitShift(fn func(a uint32, n int) uint32) lua.GoFunction {
	return func(L *lua.Thread) (int, error) {
		a := L.Args()
		x, n := bitsOf(a.Num(1)), bitsOf(a.Num(2))
		if err := a.Err(); err != nil {
			return 0, err
		}
		return pushBits(L, fn(x, int(n&31)))
	}
}

func toHex(L *lua.Thread) (int, error) {
	a := L.Args()
	digits, n := hexDigits, int32(8)
	v := bitsOf(a.Num(1))
	if L.Top() > 1 {
		n = int32(bitsOf(a.Num(2)))
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	if n < 0 {
		n, digits = -n, "0123456789ABCDEF"
	}
	if n > 8 || n < 0 {
		n = 8
	}
	out := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		out[i] = digits[v&15]
		v >>= 4
	}
	L.Push(L.Bytes(out))
	return 1, nil
}
