package scripts

import (
	"math"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// jsonConfig is what a script has set of cjson. It is as new for each run.
type jsonConfig struct {
	convert       bool // sparse arrays become objects
	ratio, safe   int  // what is too sparse for an array
	encodeDepth   int
	decodeDepth   int
	precision     int
	keep          bool
	encodeBad     bool // NaN and infinities are encoded
	decodeBad     bool // and decoded, and hexadecimal numbers
	encodeBadNull bool // but encoded as null
}

func (c *jsonConfig) reset() {
	*c = jsonConfig{ratio: 2, safe: 10, encodeDepth: 1000, decodeDepth: 1000, precision: 14,
		keep: true, decodeBad: true}
}

// openJSON makes the table "cjson", or another with a configuration of its own.
func (s *state) openJSON(c *jsonConfig) *lua.LTable {
	t := s.L.NewTable()
	t.RawSetString("_NAME", lua.LString("cjson"))
	t.RawSetString("_VERSION", lua.LString("2.1.0"))
	t.RawSetString("null", null)
	s.addAll(t, map[string]lua.LGFunction{
		"encode": func(L *lua.LState) int { return s.jsonEncode(L, c) },
		"decode": func(L *lua.LState) int { return jsonDecode(L, c) },
		"new": func(L *lua.LState) int {
			own := new(jsonConfig)
			own.reset()
			L.Push(s.openJSON(own))
			return 1
		},
		"encode_sparse_array": func(L *lua.LState) int {
			option(L, 1, &c.convert)
			integerOption(L, 2, &c.ratio, 0, math.MaxInt32)
			integerOption(L, 3, &c.safe, 0, math.MaxInt32)
			L.Push(lua.LBool(c.convert))
			L.Push(lua.LNumber(c.ratio))
			L.Push(lua.LNumber(c.safe))
			return 3
		},
		"encode_max_depth":        integerSetting(&c.encodeDepth, 1, math.MaxInt32),
		"decode_max_depth":        integerSetting(&c.decodeDepth, 1, math.MaxInt32),
		"encode_number_precision": integerSetting(&c.precision, 1, 14),
		"encode_keep_buffer":      setting(&c.keep),
		"decode_invalid_numbers":  setting(&c.decodeBad),
		"encode_invalid_numbers":  c.encodeInvalid,
	})
	return t
}

func option(L *lua.LState, i int, b *bool) {
	switch v := L.Get(i).(type) {
	case lua.LBool:
		*b = bool(v)
	case *lua.LNilType:
	default:
		switch L.CheckString(i) {
		case "on":
			*b = true
		case "off":
			*b = false
		default:
			L.ArgError(i, "invalid option '"+L.CheckString(i)+"'")
		}
	}
}

func integerOption(L *lua.LState, i int, n *int, least, most int) {
	if L.Get(i) == lua.LNil {
		return
	}
	x := L.CheckInt(i)
	if x < least || x > most {
		L.ArgError(i, "expected integer between "+formatNumber(lua.LNumber(least))+" and "+
			formatNumber(lua.LNumber(most)))
	}
	*n = x
}

func setting(b *bool) lua.LGFunction {
	return func(L *lua.LState) int {
		option(L, 1, b)
		L.Push(lua.LBool(*b))
		return 1
	}
}

func integerSetting(n *int, least, most int) lua.LGFunction {
	return func(L *lua.LState) int {
		integerOption(L, 1, n, least, most)
		L.Push(lua.LNumber(*n))
		return 1
	}
}

// encodeInvalid has a third answer, "null".
func (c *jsonConfig) encodeInvalid(L *lua.LState) int {
	if L.Get(1) == lua.LString("null") {
		c.encodeBad, c.encodeBadNull = true, true
	} else if L.Get(1) != lua.LNil {
		c.encodeBadNull = false
		option(L, 1, &c.encodeBad)
	}
	if c.encodeBadNull {
		L.Push(lua.LString("null"))
	} else {
		L.Push(lua.LBool(c.encodeBad))
	}
	return 1
}

// jsonEncoder writes JSON.
type jsonEncoder struct {
	*jsonConfig
	L     *lua.LState
	s     *state
	b     []byte
	depth int
}

func (s *state) jsonEncode(L *lua.LState, c *jsonConfig) int {
	if L.GetTop() != 1 {
		L.ArgError(1, "expected 1 argument")
	}
	e := jsonEncoder{jsonConfig: c, L: L, s: s}
	e.value(L.Get(1))
	s.grow(L, len(e.b))
	L.Push(lua.LString(e.b))
	return 1
}

func (e *jsonEncoder) value(v lua.LValue) {
	if len(e.b) > maxString {
		e.L.RaiseError("resulting string too large")
	}
	switch v := v.(type) {
	case lua.LString:
		e.text(string(v))
		return
	case lua.LNumber:
		e.number(v)
		return
	case lua.LBool, *lua.LNilType:
		if v == lua.LNil {
			e.b = append(e.b, "null"...)
		} else {
			e.b = append(e.b, v.String()...)
		}
		return
	case *lua.LTable:
		e.table(e.s.seen(v))
		return
	case *lua.LUserData:
		if v == null {
			e.b = append(e.b, "null"...)
			return
		}
	}
	e.fail(v, "type not supported")
}

func (e *jsonEncoder) fail(v lua.LValue, why string) {
	e.L.RaiseError("Cannot serialise %s: %s", v.Type().String(), why)
}

func (e *jsonEncoder) number(n lua.LNumber) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		if !e.encodeBad {
			e.fail(n, "must not be NaN or Inf")
		}
		if e.encodeBadNull {
			e.b = append(e.b, "null"...)
			return
		}
	}
	e.b = appendG(e.b, f, e.precision)
}

const hexDigits = "0123456789abcdef"

func (e *jsonEncoder) text(s string) {
	e.b = append(e.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '/':
			e.b = append(e.b, '\\', c)
		case c == '\b':
			e.b = append(e.b, `\b`...)
		case c == '\t':
			e.b = append(e.b, `\t`...)
		case c == '\n':
			e.b = append(e.b, `\n`...)
		case c == '\f':
			e.b = append(e.b, `\f`...)
		case c == '\r':
			e.b = append(e.b, `\r`...)
		case c < ' ' || c == utf8.RuneSelf-1:
			e.b = append(e.b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			e.b = append(e.b, c)
		}
	}
	e.b = append(e.b, '"')
}

// arrayLen returns how long a table is as an array, -1 if it is an object.
func (e *jsonEncoder) arrayLen(t *lua.LTable) int {
	top, items, array := 0, 0, true
	t.ForEach(func(k, v lua.LValue) {
		n, ok := k.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(int(n)) || n > math.MaxInt32 {
			array = false
			return
		}
		items++
		top = max(top, int(n))
	})
	switch {
	case !array:
		return -1
	case e.ratio > 0 && top > items*e.ratio && top > e.safe:
		if !e.convert {
			e.fail(t, "excessively sparse array")
		}
		return -1
	}
	return top
}

func (e *jsonEncoder) table(t *lua.LTable) {
	n := e.arrayLen(t)
	if e.depth++; e.depth > e.encodeDepth {
		e.L.RaiseError("Cannot serialise, excessive nesting (%d)", e.depth)
	}
	if n > 0 {
		e.b = append(e.b, '[')
		for i := 1; i <= n; i++ {
			if i > 1 {
				e.b = append(e.b, ',')
			}
			e.value(t.RawGetInt(i))
		}
		e.b = append(e.b, ']')
	} else {
		e.object(t)
	}
	e.depth--
}

func (e *jsonEncoder) object(t *lua.LTable) {
	e.b = append(e.b, '{')
	first := true
	t.ForEach(func(k, v lua.LValue) {
		if !first {
			e.b = append(e.b, ',')
		}
		first = false
		switch k := k.(type) {
		case lua.LNumber:
			e.b = append(e.b, '"')
			e.number(k)
			e.b = append(e.b, '"')
		case lua.LString:
			e.text(string(k))
		default:
			e.fail(k, "table key must be a number or string")
		}
		e.b = append(e.b, ':')
		e.value(v)
	})
	e.b = append(e.b, '}')
}
