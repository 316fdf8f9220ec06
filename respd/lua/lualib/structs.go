package lualib

import (
	"encoding/binary"
	"math"
	"strings"

	"ledge/respd/lua"
)

// OpenStruct puts the library "struct" into a table, and returns it: strings
// that are laid out like C structures.
func OpenStruct(s *lua.State, into *lua.Table) *lua.Table {
	return library(s, into, "struct", []entry{
		{"pack", structPack},
		{"unpack", structUnpack},
		{"size", structSize},
	})
}

const (
	structMaxAlign = 8
	structMaxInt   = 32
)

// layout reads a format, option by option.
type layout struct {
	L     *lua.Thread
	a     lua.Args
	fmt   string
	big   bool
	align int64
	at    int64 // bytes so far
}

func newLayout(L *lua.Thread) layout {
	l := layout{L: L, a: L.Args(), align: 1}
	l.fmt = cString(l.a.Str(1))
	return l
}

// letter is an option of a format. size is that of what it lays out, which is
// nothing if it is not known, and zeros is how many bytes must be before it.
type letter struct {
	is          byte
	known       bool
	size, zeros int64
}

// next returns the next option. ok is false at the end.
func (l *layout) next() (o letter, ok bool, err error) {
	if err := l.L.Step(1); err != nil || len(l.fmt) == 0 {
		return o, false, err
	}
	o.is = l.fmt[0]
	l.fmt = l.fmt[1:]
	if o.size, o.known, err = l.size(o.is); err != nil {
		return o, false, err
	}
	if o.size > 0 && o.is != 'c' {
		a := min(o.size, l.align)
		o.zeros = (a - l.at&(a-1)) & (a - 1)
	}
	return o, true, nil
}

// control takes an option that says how others are laid out.
func (l *layout) control(letter byte) (err error) {
	switch letter {
	case ' ':
	case '<', '>':
		l.big = letter == '>'
	case '!':
		if l.align, err = l.number(structMaxAlign); err != nil {
			return err
		}
		if l.align <= 0 || l.align&(l.align-1) != 0 {
			return l.L.Errorf("alignment %d is not a power of 2", l.align)
		}
	default:
		return l.L.ArgError(1, "invalid format option '"+string([]byte{letter})+"'")
	}
	return nil
}

// number takes a number off the format, or returns what it is when there is
// none.
func (l *layout) number(otherwise int64) (int64, error) {
	digits := len(l.fmt) - len(strings.TrimLeft(l.fmt, "0123456789"))
	if digits == 0 {
		return otherwise, nil
	}
	n := int64(0)
	for _, c := range []byte(l.fmt[:digits]) {
		if n = n*10 + int64(c-'0'); n > math.MaxInt32 {
			return 0, l.L.Errorf("integral size overflow")
		}
	}
	l.fmt = l.fmt[digits:]
	return n, nil
}

func (l *layout) size(opt byte) (size int64, known bool, err error) {
	switch opt {
	case 'b', 'B', 'x':
		return 1, true, nil
	case 'h', 'H':
		return 2, true, nil
	case 'l', 'L', 'T', 'd':
		return 8, true, nil
	case 'f':
		return 4, true, nil
	case 's':
		return 0, true, nil
	case 'c':
		size, err = l.number(1)
		return size, true, err
	case 'i', 'I':
		size, err = l.number(4)
		if err == nil && size > structMaxInt {
			err = l.L.Errorf("integral size %d is larger than limit of %d", size, structMaxInt)
		}
		return size, true, err
	}
	return 0, false, nil
}

func (l *layout) order() binary.ByteOrder {
	if l.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func structPack(L *lua.Thread) (int, error) {
	l := newLayout(L)
	if err := l.a.Err(); err != nil {
		return 0, err
	}
	// A missing argument is said to be nil.
	L.Push(lua.Nil)
	out := buffer{L: L}
	for arg := 2; ; {
		o, ok, err := l.next()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 1, out.push()
		}
		if !o.known {
			if err := l.control(o.is); err != nil {
				return 0, err
			}
			continue
		}
		var pad [structMaxInt]byte
		if err := out.bytes(pad[:o.zeros]...); err != nil {
			return 0, err
		}
		if err := l.pack(&out, o.is, o.size, arg); err != nil {
			return 0, err
		}
		if o.is != 'x' {
			arg++
		}
		l.at = int64(out.len())
	}
}

// pack adds argument arg.
func (l *layout) pack(out *buffer, opt byte, size int64, arg int) error {
	var b [structMaxInt]byte
	var done []byte
	switch opt {
	case 'x':
		return out.char(0)
	case 'c', 's':
		return l.packText(out, opt, size, arg)
	case 'f':
		done = b[:4]
		l.order().PutUint32(done, math.Float32bits(float32(l.a.Num(arg))))
	case 'd':
		done = b[:8]
		l.order().PutUint64(done, math.Float64bits(l.a.Num(arg)))
	default:
		n := l.a.Num(arg)
		v := uint64(lua.Truncate(n))
		if n >= 0 {
			v = uint64Of(n)
		}
		done = b[:size]
		for i := range done {
			at := i
			if l.big {
				at = len(done) - 1 - i
			}
			done[at] = byte(v)
			v >>= 8
		}
	}
	if err := l.a.Err(); err != nil {
		return err
	}
	return out.bytes(done...)
}

func (l *layout) packText(out *buffer, opt byte, size int64, arg int) error {
	s := l.a.Str(arg)
	if size == 0 {
		size = int64(len(s))
	}
	if int64(len(s)) < size {
		l.a.Bad(arg+1, "string too short")
	}
	if err := l.a.Err(); err != nil {
		return err
	}
	if err := out.text(s[:size]); err != nil || opt != 's' {
		return err
	}
	return out.char(0)
}

func structUnpack(L *lua.Thread) (int, error) {
	l := newLayout(L)
	data := l.a.Str(2)
	l.at = l.a.OptInt(3, 1)
	if l.at == 0 {
		l.a.Bad(3, "offset must be 1 or greater")
	}
	if err := l.a.Err(); err != nil {
		return 0, err
	}
	l.at--
	n := 0
	for {
		o, ok, err := l.next()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		l.at += o.zeros
		// A place before the beginning is one far after the end in C.
		if l.at < 0 || o.size > int64(len(data)) || l.at > int64(len(data))-o.size {
			return 0, L.ArgError(2, "data string too short")
		}
		if !L.Room(2) {
			return 0, overflow(L, "too many results")
		}
		if !o.known {
			if err := l.control(o.is); err != nil {
				return 0, err
			}
			continue
		}
		size, err := l.unpack(data, o.is, o.size, &n)
		if err != nil {
			return 0, err
		}
		l.at += size
	}
	L.Push(lua.Number(float64(l.at + 1)))
	return n + 1, nil
}

// unpack pushes what is at the current place, and returns how long it is. n is
// the number of values so far.
func (l *layout) unpack(data string, opt byte, size int64, n *int) (int64, error) {
	part := data[l.at : l.at+size]
	var v lua.Value
	switch opt {
	case 'x':
		return size, nil
	case 'f':
		v = lua.Number(float64(math.Float32frombits(l.order().Uint32([]byte(part)))))
	case 'd':
		v = lua.Number(math.Float64frombits(l.order().Uint64([]byte(part))))
	case 'c', 's':
		return l.unpackText(data, opt, size, n)
	default:
		v = l.integer(part, isLower(opt))
	}
	*n++
	l.L.Push(v)
	return size, nil
}

func (l *layout) unpackText(data string, opt byte, size int64, n *int) (int64, error) {
	rest := data[l.at:]
	skip := int64(0)
	switch {
	case opt == 's':
		if size = int64(strings.IndexByte(rest, 0)); size < 0 {
			return 0, l.L.Errorf("unfinished string in data")
		}
		skip = 1
	case size == 0:
		f, ok := 0.0, *n > 0
		if ok {
			f, ok = lua.ToNumber(l.L.Arg(l.L.Top()))
		}
		if !ok {
			return 0, l.L.Errorf("format 'c0' needs a previous size")
		}
		l.L.SetTop(l.L.Top() - 1)
		*n--
		if uint64Of(f) > uint64(len(rest)) {
			return 0, l.L.ArgError(2, "data string too short")
		}
		size = int64(uint64Of(f))
	}
	if err := l.L.Step(int(size) / stepBytes); err != nil {
		return 0, err
	}
	*n++
	return size + skip, pushPart(l.L, data, rest[:size])
}

// integer is the number that data is. What is longer than 8 bytes is taken as it
// is on a processor that shifts by the amount modulo 64.
func (l *layout) integer(data string, signed bool) lua.Value {
	v := uint64(0)
	for i := range len(data) {
		c := data[i]
		if !l.big {
			c = data[len(data)-1-i]
		}
		v = v<<8 | uint64(c)
	}
	if !signed {
		return lua.Number(float64(v))
	}
	if mask := ^uint64(0) << ((8*len(data) - 1) & 63); v&mask != 0 {
		v |= mask
	}
	return lua.Number(float64(int64(v)))
}

func structSize(L *lua.Thread) (int, error) {
	l := newLayout(L)
	if err := l.a.Err(); err != nil {
		return 0, err
	}
	for {
		o, ok, err := l.next()
		switch {
		case err != nil:
			return 0, err
		case !ok:
			L.Push(lua.Number(float64(l.at)))
			return 1, nil
		case o.is == 's':
			return 0, L.ArgError(1, "option 's' has no fixed size")
		case o.is == 'c' && o.size == 0:
			return 0, L.ArgError(1, "option 'c0' has no fixed size")
		case !isAlnum(o.is):
			if err := l.control(o.is); err != nil {
				return 0, err
			}
		}
		l.at += o.zeros + o.size
	}
}
