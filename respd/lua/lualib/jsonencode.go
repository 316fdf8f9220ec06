package lualib

import (
	"math"
	"strings"

	"ledge/respd/lua"
)

// stackSlots is how many values a library function may have on its stack in
// Lua 5.1. It bounds how deep cjson goes, whatever it is set to.
const stackSlots = 8000

// jsonEncoder writes JSON.
type jsonEncoder struct {
	*JSON
	L   *lua.Thread
	out buffer
}

func (c *JSON) encode(L *lua.Thread) (int, error) {
	if err := oneArgument(L); err != nil {
		return 0, err
	}
	e := jsonEncoder{JSON: c, L: L, out: buffer{L: L}}
	if err := e.value(L.Arg(1), 0, 1); err != nil {
		return 0, err
	}
	return 1, e.out.push()
}

// value writes a value that depth tables are around of. slots is how many values
// there would be on Lua's stack.
func (e *jsonEncoder) value(v lua.Value, depth, slots int) error {
	switch v.Kind() {
	case lua.KindString:
		return e.text(v.Str())
	case lua.KindNumber:
		return e.number(v)
	case lua.KindBool:
		if v.Truth() {
			return e.out.text("true")
		}
		return e.out.text("false")
	case lua.KindNil:
		return e.out.text("null")
	case lua.KindTable:
		return e.table(v.Table(), depth+1, slots)
	case lua.KindUserdata:
		if v.Userdata() == Null {
			return e.out.text("null")
		}
	}
	return e.fail(v, "type not supported")
}

func (e *jsonEncoder) fail(v lua.Value, why string) error {
	return e.L.Errorf("Cannot serialise %s: %s", v.Kind(), why)
}

func (e *jsonEncoder) number(v lua.Value) error {
	f := v.Float()
	if math.IsInf(f, 0) || f != f {
		switch {
		case e.encodeBad == badAsNull:
			return e.out.text("null")
		case e.encodeBad != badAsIs:
			return e.fail(v, "must not be NaN or Inf")
		case f != f:
			return e.out.text("nan")
		}
	}
	var b [40]byte
	return e.out.bytes(lua.AppendNumber(b[:0], f, e.precision)...)
}

// jsonPlain tells which bytes of a string stand for themselves.
var jsonPlain = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != 0x7f && c != '"' && c != '\\' && c != '/'
	}
	return plain
}()

const hexDigits = "0123456789abcdef"

func (e *jsonEncoder) text(s string) error {
	if err := e.out.char('"'); err != nil {
		return err
	}
	for s != "" {
		n := 0
		for n < len(s) && n < pieceBytes && jsonPlain[s[n]] {
			n++
		}
		if err := e.out.text(s[:n]); err != nil {
			return err
		}
		if s = s[n:]; s == "" || jsonPlain[s[0]] {
			continue
		}
		if err := e.out.text(jsonEscape(s[0])); err != nil {
			return err
		}
		s = s[1:]
	}
	return e.out.char('"')
}

func jsonEscape(c byte) string {
	if i := strings.IndexByte("\"\\/\b\t\n\f\r", c); i >= 0 {
		return `\` + `"\/btnfr`[i:i+1]
	}
	return `\u00` + string([]byte{hexDigits[c>>4], hexDigits[c&15]})
}

// arrayLen returns how long a table is as an array; an object is no array.
func (e *jsonEncoder) arrayLen(t *lua.Table) (int, error) {
	top, items, array := int32(0), int32(0), true
	for k := lua.Nil; array; {
		if err := e.L.Step(1); err != nil {
			return 0, err
		}
		next, _, err := t.Next(k)
		if err != nil || next.IsNil() {
			break
		}
		k = next
		if !k.IsNumber() || k.Float() < 1 || k.Float() != math.Floor(k.Float()) {
			array = false
		} else if items++; k.Float() > float64(top) {
			top = int32Of(k.Float())
		}
	}
	switch {
	case !array:
		return -1, nil
	case e.ratio > 0 && top > items*int32(e.ratio) && int(top) > e.safe:
		if !e.convert {
			return 0, e.fail(lua.FromTable(t), "excessively sparse array")
		}
		return -1, nil
	}
	return int(top), nil
}

func (e *jsonEncoder) table(t *lua.Table, depth, slots int) error {
	if depth > e.encodeDepth || slots+3 > stackSlots {
		return e.L.Errorf("Cannot serialise, excessive nesting (%d)", depth)
	}
	n, err := e.arrayLen(t)
	switch {
	case err != nil:
		return err
	case n > 0:
		return e.array(t, n, depth, slots)
	}
	return e.object(t, depth, slots)
}

func (e *jsonEncoder) array(t *lua.Table, n, depth, slots int) error {
	for i := 1; i <= n; i++ {
		if err := e.L.Step(1); err != nil {
			return err
		}
		mark := byte(',')
		if i == 1 {
			mark = '['
		}
		if err := e.out.char(mark); err != nil {
			return err
		}
		if err := e.value(t.GetInt(i), depth, slots+1); err != nil {
			return err
		}
	}
	return e.out.char(']')
}

func (e *jsonEncoder) object(t *lua.Table, depth, slots int) error {
	if err := e.out.char('{'); err != nil {
		return err
	}
	first := true
	err := walk(e.L, t, func(k, v lua.Value) error {
		if !first {
			if err := e.out.char(','); err != nil {
				return err
			}
		}
		first = false
		if err := e.key(k); err != nil {
			return err
		}
		return e.value(v, depth, slots+2)
	})
	if err != nil {
		return err
	}
	return e.out.char('}')
}

func (e *jsonEncoder) key(k lua.Value) error {
	switch k.Kind() {
	case lua.KindString:
		if err := e.text(k.Str()); err != nil {
			return err
		}
		return e.out.char(':')
	case lua.KindNumber:
		if err := e.out.char('"'); err != nil {
			return err
		}
		if err := e.number(k); err != nil {
			return err
		}
		return e.out.text(`":`)
	}
	return e.fail(k, "table key must be a number or string")
}
