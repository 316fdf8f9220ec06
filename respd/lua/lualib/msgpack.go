package lualib

import (
	"encoding/binary"
	"math"

	"ledge/respd/lua"
)

// msgpackDepth is how deep packed tables may be; what is deeper becomes nil.
const msgpackDepth = 16

// OpenMsgpack puts the library "cmsgpack" into a table, and returns it.
func OpenMsgpack(s *lua.State, into *lua.Table) *lua.Table {
	t := s.NewTable(0, 0)
	register(s, t, []entry{
		{"pack", msgPack},
		{"unpack", msgUnpack},
		{"unpack_one", msgUnpackOne},
		{"unpack_limit", msgUnpackLimit},
	})
	t.SetString("_NAME", lua.Shared("cmsgpack"))
	t.SetString("_VERSION", lua.Shared("lua-cmsgpack 0.4.0"))
	t.SetString("_COPYRIGHT", lua.Shared("Copyright (C) 2012, Salvatore Sanfilippo"))
	t.SetString("_DESCRIPTION", lua.Shared("MessagePack C implementation for Lua"))
	into.SetString("cmsgpack", lua.FromTable(t))
	return t
}

// overflow is the error about values that do not fit on Lua's stack.
func overflow(L *lua.Thread, what string) error {
	return L.Errorf("stack overflow (%s)", what)
}

func msgPack(L *lua.Thread) (int, error) {
	n := L.Top()
	if n == 0 {
		return 0, L.ArgError(0, "MessagePack pack needs input.")
	}
	p := packer{L: L, out: buffer{L: L}}
	for i := 1; i <= n; i++ {
		if n+i > stackSlots {
			return 0, overflow(L, "in function mp_check")
		}
		if err := p.value(L.Arg(i), 0); err != nil {
			return 0, err
		}
	}
	return 1, p.out.push()
}

// packer writes MessagePack.
type packer struct {
	L   *lua.Thread
	out buffer
}

func (p *packer) value(v lua.Value, depth int) error {
	if err := p.L.Step(1); err != nil {
		return err
	}
	switch v.Kind() {
	case lua.KindString:
		s := v.Str()
		if err := p.head(len(s), 0xa0, 32, 0xd9, 0xda, 0xdb); err != nil {
			return err
		}
		return p.out.text(s)
	case lua.KindBool:
		return p.out.char(0xc2 + byte(truthOf(v.Truth())))
	case lua.KindNumber:
		var b [9]byte
		return p.out.bytes(packNumber(b[:0], v.Float())...)
	case lua.KindTable:
		if depth < msgpackDepth {
			return p.table(v.Table(), depth)
		}
	}
	return p.out.char(0xc0)
}

// head writes the length of a string, array or map. Eight is the mark for a
// length of one byte, 0 if there is none.
func (p *packer) head(n int, fix byte, below int, eight, sixteen, thirtyTwo byte) error {
	var b [5]byte
	switch {
	case n < below:
		return p.out.char(fix | byte(n))
	case n <= 0xff && eight != 0:
		return p.out.bytes(eight, byte(n))
	case n <= 0xffff:
		return p.out.bytes(binary.BigEndian.AppendUint16(append(b[:0], sixteen), uint16(n))...)
	}
	return p.out.bytes(binary.BigEndian.AppendUint32(append(b[:0], thirtyTwo), uint32(n))...)
}

func packNumber(b []byte, f float64) []byte {
	be := binary.BigEndian
	if !math.IsInf(f, 0) && float64(lua.Truncate(f)) == f {
		return packInt(b, lua.Truncate(f))
	}
	if float64(float32(f)) == f {
		return be.AppendUint32(append(b, 0xca), math.Float32bits(float32(f)))
	}
	return be.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}

func packInt(b []byte, n int64) []byte {
	be := binary.BigEndian
	switch {
	case -32 <= n && n <= 127:
		return append(b, byte(n))
	case n >= 0 && n <= math.MaxUint8:
		return append(b, 0xcc, byte(n))
	case n >= 0 && n <= math.MaxUint16:
		return be.AppendUint16(append(b, 0xcd), uint16(n))
	case n >= 0 && n <= math.MaxUint32:
		return be.AppendUint32(append(b, 0xce), uint32(n))
	case n >= 0:
		return be.AppendUint64(append(b, 0xcf), uint64(n))
	case n >= math.MinInt8:
		return append(b, 0xd0, byte(n))
	case n >= math.MinInt16:
		return be.AppendUint16(append(b, 0xd1), uint16(n))
	case n >= math.MinInt32:
		return be.AppendUint32(append(b, 0xd2), uint32(n))
	}
	return be.AppendUint64(append(b, 0xd3), uint64(n))
}

// table writes a table as an array if its keys are 1 to n, else as a map.
func (p *packer) table(t *lua.Table, depth int) error {
	count, top, array := 0, 0.0, true
	err := walk(p.L, t, func(k, _ lua.Value) error {
		count++
		f := 0.0
		if k.IsNumber() {
			f = k.Float()
		}
		if f <= 0 || float64(int32Of(f)) != f {
			array = false
		}
		top = max(top, f)
		return nil
	})
	if err != nil {
		return err
	}
	if array && top == float64(count) {
		return p.array(t, depth)
	}
	if err := p.head(count, 0x80, 16, 0, 0xde, 0xdf); err != nil {
		return err
	}
	return walk(p.L, t, func(k, v lua.Value) error {
		if err := p.value(k, depth+1); err != nil {
			return err
		}
		return p.value(v, depth+1)
	})
}

func (p *packer) array(t *lua.Table, depth int) error {
	n := t.Len()
	if err := p.head(n, 0x90, 16, 0, 0xdc, 0xdd); err != nil {
		return err
	}
	for i := 1; i <= n; i++ {
		if err := p.value(t.GetInt(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}
