package lualib

import (
	"math"

	"ledge/respd/lua"
)

func msgUnpack(L *lua.Thread) (int, error) {
	return unpackValues(L, 0, 0, false)
}

func msgUnpackOne(L *lua.Thread) (int, error) {
	a := L.Args()
	from := a.OptInt(2, 0)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return unpackValues(L, 1, from, true)
}

func msgUnpackLimit(L *lua.Thread) (int, error) {
	a := L.Args()
	limit, from := a.Int(2), a.OptInt(3, 0)
	if err := a.Err(); err != nil {
		return 0, err
	}
	return unpackValues(L, limit, from, true)
}

// unpackValues decodes up to limit values from a place on, all if both are 0.
// Unless it is all, the first result is where to go on, -1 at the end.
func unpackValues(L *lua.Thread, limit, from int64, some bool) (int, error) {
	a := L.Args()
	data := a.Str(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	if from < 0 || limit < 0 {
		return 0, L.Errorf("Invalid request to unpack with offset of %d and limit of %d.", int32(from), int32(len(data)))
	}
	if from > int64(len(data)) {
		return 0, L.Errorf("Start offset %d greater than input length %d.", int32(from), int32(len(data)))
	}
	all := limit == 0 && from == 0
	if all {
		limit = math.MaxInt32
	}
	slots := L.Top()
	if some {
		slots = 1
		L.SetTop(1)
	}
	base := L.Top()
	if !all {
		L.Push(lua.Nil)
	}
	place := L.Top()
	m := unpacker{L: L, whole: data, data: data[from:]}
	n := 0
	for ; len(m.data) > 0 && int64(n) < limit; n++ {
		v, err := m.value(slots + n)
		if err != nil {
			return 0, err
		}
		L.Push(v)
	}
	if all {
		return n, nil
	}
	if slots+n+1 > stackSlots {
		return 0, overflow(L, "in function mp_unpack_full")
	}
	at := -1
	if len(m.data) > 0 {
		at = len(data) - len(m.data)
	}
	L.SetArg(place, lua.Int(at))
	return L.Top() - base, nil
}

// unpacker decodes MessagePack.
type unpacker struct {
	L           *lua.Thread
	whole, data string
}

func (m *unpacker) missing() error { return m.L.Errorf("Missing bytes in input.") }

// uint takes an integer of n bytes after the mark.
func (m *unpacker) uint(n int) (uint64, error) {
	if len(m.data) < n+1 {
		return 0, m.missing()
	}
	v := uint64(0)
	for _, c := range []byte(m.data[1 : n+1]) {
		v = v<<8 | uint64(c)
	}
	m.data = m.data[n+1:]
	return v, nil
}

// value decodes a value. slots is how many values there would be on Lua's stack.
func (m *unpacker) value(slots int) (lua.Value, error) {
	if err := m.L.Step(1); err != nil {
		return lua.Nil, err
	}
	if len(m.data) == 0 {
		return lua.Nil, m.missing()
	}
	if slots+1 > stackSlots {
		return lua.Nil, overflow(m.L, "too many return values at once; use unpack_one or unpack_limit instead.")
	}
	c := m.data[0]
	switch {
	case c < 0x80 || c >= 0xe0:
		m.data = m.data[1:]
		return lua.Int(int(int8(c))), nil
	case c >= 0xd9 && c <= 0xdb:
		n, err := m.uint(1 << (c - 0xd9))
		return m.text(n, err)
	case c == 0xdc || c == 0xdd:
		n, err := m.uint(2 << (c - 0xdc))
		return m.array(n, err, slots)
	case c == 0xde || c == 0xdf:
		n, err := m.uint(2 << (c - 0xde))
		return m.hash(n, err, slots)
	case c >= 0xc0:
		return m.scalar(c)
	}
	m.data = m.data[1:]
	switch {
	case c >= 0xa0:
		return m.text(uint64(c&0x1f), nil)
	case c >= 0x90:
		return m.array(uint64(c&15), nil, slots)
	}
	return m.hash(uint64(c&15), nil, slots)
}

// scalar decodes what has a mark of its own.
func (m *unpacker) scalar(c byte) (lua.Value, error) {
	switch {
	case c == 0xc0 || c == 0xc2 || c == 0xc3:
		m.data = m.data[1:]
		if c == 0xc0 {
			return lua.Nil, nil
		}
		return lua.Bool(c == 0xc3), nil
	case c < 0xca || c > 0xd3:
		return lua.Nil, m.L.Errorf("Bad data format in input.")
	}
	size := 1 << ((c - 0xcc) & 3)
	if c < 0xcc {
		size = 4 << (c - 0xca)
	}
	v, err := m.uint(size)
	if err != nil {
		return lua.Nil, err
	}
	switch c {
	case 0xca:
		return lua.Number(float64(math.Float32frombits(uint32(v)))), nil
	case 0xcb:
		return lua.Number(math.Float64frombits(v)), nil
	case 0xcc, 0xcd, 0xce:
		return lua.Number(float64(v)), nil
	case 0xd0:
		return lua.Int(int(int8(v))), nil
	case 0xd1:
		return lua.Int(int(int16(v))), nil
	case 0xd2:
		return lua.Int(int(int32(v))), nil
	}
	// What is unsigned is taken for signed, too.
	return lua.Number(float64(int64(v))), nil
}

// text takes a string of n bytes.
func (m *unpacker) text(n uint64, err error) (lua.Value, error) {
	if err != nil {
		return lua.Nil, err
	}
	if n > uint64(len(m.data)) {
		return lua.Nil, m.missing()
	}
	s := m.data[:n]
	m.data = m.data[n:]
	return partOf(m.L, m.whole, s)
}

// table begins a table, which is kept alive on the stack while it is read. Its
// size is not what the data says: that may be any number.
func (m *unpacker) table(slots int, what string) (*lua.Table, error) {
	t := m.L.NewTable(0, 0)
	if slots+2 > stackSlots {
		return nil, overflow(m.L, "in function mp_decode_to_lua_"+what)
	}
	m.L.Push(lua.FromTable(t))
	return t, nil
}

// done takes the table off the stack.
func (m *unpacker) done() { m.L.SetTop(m.L.Top() - 1) }

func (m *unpacker) array(n uint64, err error, slots int) (lua.Value, error) {
	if err != nil {
		return lua.Nil, err
	}
	t, err := m.table(slots, "array")
	if err != nil {
		return lua.Nil, err
	}
	defer m.done()
	for i := 1; uint64(i) <= n; i++ {
		v, err := m.value(slots + 2)
		if err != nil {
			return lua.Nil, err
		}
		t.SetInt(i, v)
	}
	return lua.FromTable(t), nil
}

func (m *unpacker) hash(n uint64, err error, slots int) (lua.Value, error) {
	if err != nil {
		return lua.Nil, err
	}
	t, err := m.table(slots, "hash")
	if err != nil {
		return lua.Nil, err
	}
	defer m.done()
	for ; n > 0; n-- {
		k, err := m.value(slots + 1)
		if err != nil {
			return lua.Nil, err
		}
		// A key may be a table that only this map refers to.
		m.L.Push(k)
		v, err := m.value(slots + 2)
		if err == nil {
			err = setRaw(m.L, t, k, v)
		}
		m.done()
		if err != nil {
			return lua.Nil, err
		}
	}
	return lua.FromTable(t), nil
}
