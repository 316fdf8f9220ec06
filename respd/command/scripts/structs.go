package scripts

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// structFunctions is the struct library: strings that are laid out like C
// structures.
var structFunctions = map[string]lua.LGFunction{
	"pack": structPack, "unpack": structUnpack, "size": structSize,
}

const (
	structMaxAlign = 8
	structMaxInt   = 32
)

// layout reads a format, option by option.
type layout struct {
	L     *lua.LState
	fmt   string
	big   bool
	align int
	at    int // bytes so far
}

// next returns the next option, its size, and the zeros in front of it. ok is
// false at the end.
func (l *layout) next() (opt byte, size, zeros int, ok bool) {
	for len(l.fmt) > 0 {
		opt = l.fmt[0]
		l.fmt = l.fmt[1:]
		switch opt {
		case ' ':
			continue
		case '<', '>':
			l.big = opt == '>'
			continue
		case '!':
			l.align = l.number(structMaxAlign)
			if !powerOf2(l.align) {
				l.L.RaiseError("alignment %d is not a power of 2", l.align)
			}
			continue
		}
		size = l.size(opt)
		if size > 0 && opt != 'c' {
			a := min(size, l.align)
			zeros = (a - l.at&(a-1)) & (a - 1)
		}
		return opt, size, zeros, true
	}
	return 0, 0, 0, false
}

func powerOf2(n int) bool { return n > 0 && n&(n-1) == 0 }

// number takes a number off the format, or returns what it is when there is
// none.
func (l *layout) number(otherwise int) int {
	digits := len(l.fmt) - len(strings.TrimLeft(l.fmt, "0123456789"))
	if digits == 0 {
		return otherwise
	}
	n := 0
	for _, c := range []byte(l.fmt[:digits]) {
		if n > (math.MaxInt32-int(c-'0'))/10 {
			l.L.RaiseError("integral size overflow")
		}
		n = n*10 + int(c-'0')
	}
	l.fmt = l.fmt[digits:]
	return n
}

func (l *layout) size(opt byte) int {
	switch opt {
	case 'b', 'B', 'x':
		return 1
	case 'h', 'H':
		return 2
	case 'l', 'L', 'T', 'd':
		return 8
	case 'f':
		return 4
	case 'c':
		return l.number(1)
	case 's':
		return 0
	case 'i', 'I':
		n := l.number(4)
		if n > structMaxInt {
			l.L.RaiseError("integral size %d is larger than limit of %d", n, structMaxInt)
		}
		if !powerOf2(n) {
			l.L.RaiseError("integral size %d is not a power of 2", n)
		}
		return n
	}
	l.L.ArgError(1, fmt.Sprintf("invalid format option '%c'", opt))
	return 0
}

func (l *layout) order() binary.ByteOrder {
	if l.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func structPack(L *lua.LState) int {
	l := layout{L: L, fmt: L.CheckString(1), align: 1}
	var b []byte
	arg := 1
	for {
		opt, size, zeros, ok := l.next()
		if !ok {
			L.Push(lua.LString(b))
			return 1
		}
		b = append(b, make([]byte, zeros)...)
		if arg++; opt == 'x' {
			arg--
		}
		b = l.pack(b, opt, size, arg)
		if l.at = len(b); l.at > maxString {
			L.RaiseError("result too large")
		}
	}
}

// pack adds argument arg to b.
func (l *layout) pack(b []byte, opt byte, size, arg int) []byte {
	L := l.L
	switch opt {
	case 'x':
		return append(b, 0)
	case 'f':
		var f [4]byte
		l.order().PutUint32(f[:], math.Float32bits(float32(L.CheckNumber(arg))))
		return append(b, f[:]...)
	case 'd':
		var f [8]byte
		l.order().PutUint64(f[:], math.Float64bits(float64(L.CheckNumber(arg))))
		return append(b, f[:]...)
	case 'c', 's':
		str := L.CheckString(arg)
		if size == 0 {
			size = len(str)
		}
		if len(str) < size {
			L.ArgError(arg, "string too short")
		}
		if b = append(b, str[:size]...); opt == 's' {
			b = append(b, 0)
		}
		return b
	}
	n := float64(L.CheckNumber(arg))
	v := uint64(truncate(lua.LNumber(n)))
	if n >= 1<<63 && n < 1<<64 {
		v = uint64(n)
	}
	for i := range size {
		if l.big {
			i = size - 1 - i
		}
		c := byte(0)
		if i < 8 {
			c = byte(v >> (8 * i))
		}
		b = append(b, c)
	}
	return b
}

func structUnpack(L *lua.LState) int {
	l := layout{L: L, fmt: L.CheckString(1), align: 1}
	data := L.CheckString(2)
	l.at = L.OptInt(3, 1) - 1
	if l.at < 0 {
		L.ArgError(3, "offset must be 1 or greater")
	}
	var out []lua.LValue
	for {
		opt, size, zeros, ok := l.next()
		if !ok {
			break
		}
		l.at += zeros
		if l.at > len(data) || size > len(data)-l.at {
			L.ArgError(2, "data string too short")
		}
		out, size = l.unpack(out, data[l.at:], opt, size)
		l.at += size
		if len(out) > 4096 {
			L.RaiseError("too many results")
		}
	}
	for _, v := range out {
		L.Push(v)
	}
	L.Push(lua.LNumber(l.at + 1))
	return len(out) + 1
}

// unpack adds what stands at the beginning of data to out, and returns how
// long it is.
func (l *layout) unpack(out []lua.LValue, data string, opt byte, size int) ([]lua.LValue, int) {
	switch opt {
	case 'x':
		return out, size
	case 'f':
		return append(out, lua.LNumber(math.Float32frombits(l.order().Uint32([]byte(data[:4]))))), size
	case 'd':
		return append(out, lua.LNumber(math.Float64frombits(l.order().Uint64([]byte(data[:8]))))), size
	case 'c':
		if size == 0 {
			n, ok := lua.LNumber(0), false
			if len(out) > 0 {
				n, ok = out[len(out)-1].(lua.LNumber)
			}
			if !ok {
				l.L.RaiseError("format 'c0' needs a previous size")
			}
			out, size = out[:len(out)-1], int(truncate(n))
			if size < 0 || size > len(data) {
				l.L.ArgError(2, "data string too short")
			}
		}
		return append(out, lua.LString(data[:size])), size
	case 's':
		i := strings.IndexByte(data, 0)
		if i < 0 {
			l.L.RaiseError("unfinished string in data")
		}
		return append(out, lua.LString(data[:i])), i + 1
	}
	return append(out, l.integer(data[:size], 'a' <= opt)), size
}

// integer is the number that data is.
func (l *layout) integer(data string, signed bool) lua.LValue {
	v := uint64(0)
	for i := range data {
		c := data[i]
		if !l.big {
			c = data[len(data)-1-i]
		}
		v = v<<8 | uint64(c)
	}
	if !signed {
		return lua.LNumber(v)
	}
	if n := 8 * len(data); n < 64 && v>>(n-1) != 0 {
		v |= ^uint64(0) << n
	}
	return lua.LNumber(int64(v))
}

func structSize(L *lua.LState) int {
	l := layout{L: L, fmt: L.CheckString(1), align: 1}
	for {
		opt, size, zeros, ok := l.next()
		switch {
		case !ok:
			L.Push(lua.LNumber(l.at))
			return 1
		case opt == 's':
			L.ArgError(1, "option 's' has no fixed size")
		case opt == 'c' && size == 0:
			L.ArgError(1, "option 'c0' has no fixed size")
		}
		l.at += zeros + size
	}
}
