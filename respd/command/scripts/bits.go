package scripts

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// bitFunctions is the bit library, BitOp: operations on 32 bits that give
// signed numbers.
var bitFunctions = map[string]lua.LGFunction{
	"tobit": bitOf(func(a int32) int32 { return a }),
	"bnot":  bitOf(func(a int32) int32 { return ^a }),
	"bswap": bitOf(func(a int32) int32 { return int32(bits.ReverseBytes32(uint32(a))) }),
	"band":  bitAll(func(a, b int32) int32 { return a & b }),
	"bor":   bitAll(func(a, b int32) int32 { return a | b }),
	"bxor":  bitAll(func(a, b int32) int32 { return a ^ b }),

	"lshift":  bitShift(func(a int32, n int) int32 { return a << n }),
	"rshift":  bitShift(func(a int32, n int) int32 { return int32(uint32(a) >> n) }),
	"arshift": bitShift(func(a int32, n int) int32 { return a >> n }),
	"rol":     bitShift(func(a int32, n int) int32 { return int32(bits.RotateLeft32(uint32(a), n)) }),
	"ror":     bitShift(func(a int32, n int) int32 { return int32(bits.RotateLeft32(uint32(a), -n)) }),
	"tohex":   toHex,
}

// bit reads argument i, rounded, modulo 2^32.
func bit(L *lua.LState, i int) int32 {
	f := math.RoundToEven(float64(L.CheckNumber(i)))
	if f >= -(1<<63) && f < 1<<63 {
		return int32(int64(f))
	}
	return int32(int64(math.Mod(f, 1<<32)))
}

func pushBit(L *lua.LState, n int32) int {
	L.Push(lua.LNumber(n))
	return 1
}

func bitOf(fn func(int32) int32) lua.LGFunction {
	return func(L *lua.LState) int { return pushBit(L, fn(bit(L, 1))) }
}

func bitAll(fn func(a, b int32) int32) lua.LGFunction {
	return func(L *lua.LState) int {
		n := bit(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			n = fn(n, bit(L, i))
		}
		return pushBit(L, n)
	}
}

func bitShift(fn func(a int32, n int) int32) lua.LGFunction {
	return func(L *lua.LState) int { return pushBit(L, fn(bit(L, 1), int(bit(L, 2)&31))) }
}

func toHex(L *lua.LState) int {
	digits, n := "0123456789abcdef", int32(8)
	v := uint32(bit(L, 1))
	if L.Get(2) != lua.LNil {
		n = bit(L, 2)
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
	L.Push(lua.LString(out))
	return 1
}
