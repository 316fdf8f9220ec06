package scripts

import (
	"math"
	"math/rand/v2"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// formatNumber prints a number as Lua 5.1 does: "%.14g".
func formatNumber(n lua.LNumber) string {
	f := float64(n)
	if i := int64(f); float64(i) == f && -1e14 < f && f < 1e14 && (i != 0 || !math.Signbit(f)) {
		return strconv.FormatInt(i, 10)
	}
	return string(appendG(nil, f, 14))
}

// appendG prints a number as C's "%.<prec>g" does.
func appendG(b []byte, f float64, prec int) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f) && math.Signbit(f):
		return append(b, "-nan"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', prec, 64)
}

// toText is what a string or number is as a string.
func toText(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	}
	return v.String()
}

// toString is tostring.
func toString(L *lua.LState, v lua.LValue) lua.LValue {
	switch x := v.(type) {
	case lua.LString:
		return x
	case lua.LNumber:
		return lua.LString(formatNumber(x))
	case *lua.LUserData:
		if x == null {
			return lua.LString("userdata: (nil)")
		}
	}
	if fn, ok := L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		L.Push(fn)
		L.Push(v)
		L.Call(1, 1)
		ret := L.Get(-1)
		L.Pop(1)
		return ret
	}
	return lua.LString(v.String())
}

// truncate is a number as C casts a double to a long.
func truncate(n lua.LNumber) int64 {
	f := float64(n)
	if f >= -(1<<63) && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64 // NaN and all that is out of range
}

// null is cjson.null, a null pointer.
var null = &lua.LUserData{}

// random is the sequence of drand48, which Redis gives scripts. As effects are
// journaled, it need not be the same on every run, unless a script seeds it.
type random uint64

func (r *random) seed(n int32) { *r = random(uint64(uint32(n))<<16 | 0x330e) }

func (r *random) reset() { *r = random(rand.Uint64()) }

// next returns the next of its numbers, below 1.
func (r *random) next() float64 {
	*r = (*r*0x5deece66d + 0xb) & (1<<48 - 1)
	return float64((*r>>17)%math.MaxInt32) / math.MaxInt32
}

func (s *state) mathFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"random": s.mathRandom, "randomseed": s.mathRandomSeed}
}

func (s *state) mathRandom(L *lua.LState) int {
	r := s.random.next()
	switch L.GetTop() {
	case 0:
		L.Push(lua.LNumber(r))
		return 1
	case 1:
		n := L.CheckInt(1)
		if n < 1 {
			L.ArgError(1, "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(r*float64(n)) + 1))
		return 1
	case 2:
		low, high := L.CheckInt(1), L.CheckInt(2)
		if low > high {
			L.ArgError(2, "interval is empty")
		}
		L.Push(lua.LNumber(math.Floor(r*float64(high-low+1)) + float64(low)))
		return 1
	}
	L.RaiseError("wrong number of arguments")
	return 0
}

func (s *state) mathRandomSeed(L *lua.LState) int {
	s.random.seed(int32(L.CheckInt64(1)))
	s.seeded = true
	return 0
}
