package scripts

import (
	"encoding/binary"
	"math"

	lua "github.com/yuin/gopher-lua"
)

// msgpackDepth is how deep packed tables may be; what is deeper becomes nil.
const msgpackDepth = 16

// openMsgpack makes the table "cmsgpack".
func (s *state) openMsgpack() *lua.LTable {
	t := s.L.NewTable()
	t.RawSetString("_NAME", lua.LString("cmsgpack"))
	t.RawSetString("_VERSION", lua.LString("lua-cmsgpack 0.4.0"))
	s.addAll(t, map[string]lua.LGFunction{
		"pack": s.pack, "unpack": unpackAll, "unpack_one": unpackOne, "unpack_limit": unpackLimit,
	})
	return t
}

func (s *state) pack(L *lua.LState) int {
	n := L.GetTop()
	if n == 0 {
		L.ArgError(0, "MessagePack pack needs input.")
	}
	var b []byte
	for i := 1; i <= n; i++ {
		b = packValue(L, b, L.Get(i), 0)
	}
	s.grow(L, len(b))
	L.Push(lua.LString(b))
	return 1
}

func packValue(L *lua.LState, b []byte, v lua.LValue, depth int) []byte {
	if len(b) > maxString {
		L.RaiseError("resulting string too large")
	}
	switch v := v.(type) {
	case lua.LString:
		return append(packHead(b, len(v), 0xa0, 32, 0xd9, 0xda, 0xdb), v...)
	case lua.LBool:
		if v {
			return append(b, 0xc3)
		}
		return append(b, 0xc2)
	case lua.LNumber:
		return packNumber(b, float64(v))
	case *lua.LTable:
		if depth < msgpackDepth {
			return packTable(L, b, v, depth)
		}
	}
	return append(b, 0xc0)
}

// packHead adds the length of a string, array or map. Eight is the mark for a
// length of one byte, 0 if there is none.
func packHead(b []byte, n int, fix byte, below int, eight, sixteen, thirtyTwo byte) []byte {
	switch {
	case n < below:
		return append(b, fix|byte(n))
	case n <= 0xff && eight != 0:
		return append(b, eight, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(b, sixteen), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, thirtyTwo), uint32(n))
}

func packNumber(b []byte, f float64) []byte {
	be := binary.BigEndian
	if n := int64(f); float64(n) == f && f >= -(1<<63) && f < 1<<63 {
		return packInt(b, n)
	}
	if float64(float32(f)) == f {
		return be.AppendUint32(append(b, 0xca), math.Float32bits(float32(f)))
	}
	return be.AppendUint64(append(b, 0xcb), math.Float64bits(f))
}

func packInt(b []byte, n int64) []byte {
	be := binary.BigEndian
	switch {
	case 0 <= n && n <= 127, -32 <= n && n < 0:
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

// packTable packs a table as an array if its keys are 1 to n, else as a map.
func packTable(L *lua.LState, b []byte, t *lua.LTable, depth int) []byte {
	count, top, array := 0, 0, true
	t.ForEach(func(k, _ lua.LValue) {
		count++
		n, ok := k.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(int(n)) {
			array = false
			return
		}
		top = max(top, int(n))
	})
	if array && top == count {
		b = packHead(b, count, 0x90, 16, 0, 0xdc, 0xdd)
		for i := 1; i <= count; i++ {
			b = packValue(L, b, t.RawGetInt(i), depth+1)
		}
		return b
	}
	b = packHead(b, count, 0x80, 16, 0, 0xde, 0xdf)
	t.ForEach(func(k, v lua.LValue) {
		b = packValue(L, b, k, depth+1)
		b = packValue(L, b, v, depth+1)
	})
	return b
}

func unpackAll(L *lua.LState) int { return unpack(L, 0, 0, false) }

func unpackOne(L *lua.LState) int { return unpack(L, 1, L.OptInt(2, 0), true) }

func unpackLimit(L *lua.LState) int { return unpack(L, L.CheckInt(2), L.OptInt(3, 0), true) }

// unpack decodes up to limit values from offset on, all if it is 0. With
// offsets, the first result is where to go on, -1 at the end.
func unpack(L *lua.LState, limit, offset int, offsets bool) int {
	data := L.CheckString(1)
	if offset < 0 || limit < 0 {
		L.RaiseError("Invalid request to unpack with offset of %d and limit of %d.", offset, len(data))
	}
	if offset > len(data) {
		L.RaiseError("Start offset %d greater than input length %d.", offset, len(data))
	}
	m := unpacker{L: L, data: data[offset:]}
	if offsets {
		L.Push(lua.LNil)
	}
	place, n := L.GetTop(), 0
	for ; len(m.data) > 0 && (limit == 0 || n < limit); n++ {
		L.Push(m.value(0))
	}
	if !offsets {
		return n
	}
	at := -1
	if len(m.data) > 0 {
		at = len(data) - len(m.data)
	}
	L.Replace(place, lua.LNumber(at))
	return n + 1
}

// unpacker decodes MessagePack.
type unpacker struct {
	L    *lua.LState
	data string
}

// take returns the next n bytes.
func (m *unpacker) take(n int) string {
	if n > len(m.data) {
		m.L.RaiseError("Missing bytes in input.")
	}
	s := m.data[:n]
	m.data = m.data[n:]
	return s
}

// uint takes an integer of n bytes.
func (m *unpacker) uint(n int) uint64 {
	v := uint64(0)
	for _, c := range []byte(m.take(n)) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (m *unpacker) value(depth int) lua.LValue {
	if depth > maxDepth {
		m.L.RaiseError("Bad data format in input.")
	}
	c := m.take(1)[0]
	switch {
	case c < 0x80:
		return lua.LNumber(c)
	case c >= 0xe0:
		return lua.LNumber(int8(c))
	case c >= 0xa0 && c < 0xc0:
		return lua.LString(m.take(int(c & 0x1f)))
	case c >= 0x90 && c < 0xa0:
		return m.array(int(c&15), depth)
	case c >= 0x80 && c < 0x90:
		return m.hash(int(c&15), depth)
	}
	switch c {
	case 0xc0:
		return lua.LNil
	case 0xc2, 0xc3:
		return lua.LBool(c == 0xc3)
	case 0xca:
		return lua.LNumber(math.Float32frombits(uint32(m.uint(4))))
	case 0xcb:
		return lua.LNumber(math.Float64frombits(m.uint(8)))
	case 0xcc, 0xcd, 0xce, 0xcf:
		return lua.LNumber(m.uint(1 << (c - 0xcc)))
	case 0xd0:
		return lua.LNumber(int8(m.uint(1)))
	case 0xd1:
		return lua.LNumber(int16(m.uint(2)))
	case 0xd2:
		return lua.LNumber(int32(m.uint(4)))
	case 0xd3:
		return lua.LNumber(int64(m.uint(8)))
	case 0xc4, 0xc5, 0xc6:
		return lua.LString(m.take(int(m.uint(1 << (c - 0xc4)))))
	case 0xd9, 0xda, 0xdb:
		return lua.LString(m.take(int(m.uint(1 << (c - 0xd9)))))
	case 0xdc, 0xdd:
		return m.array(int(m.uint(2<<(c-0xdc))), depth)
	case 0xde, 0xdf:
		return m.hash(int(m.uint(2<<(c-0xde))), depth)
	}
	m.L.RaiseError("Bad data format in input.")
	return lua.LNil
}

func (m *unpacker) array(n, depth int) lua.LValue {
	t := m.L.NewTable()
	for i := 1; i <= n; i++ {
		t.RawSetInt(i, m.value(depth+1))
	}
	return t
}

func (m *unpacker) hash(n, depth int) lua.LValue {
	t := m.L.NewTable()
	for range n {
		k := m.value(depth + 1)
		v := m.value(depth + 1)
		if f, ok := k.(lua.LNumber); k == lua.LNil || ok && f != f {
			m.L.RaiseError("Bad data format in input.")
		}
		m.L.RawSet(t, k, v)
	}
	return t
}
