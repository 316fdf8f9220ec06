package lualib

import (
	"fmt"

	"ledge/respd/lua"
)

func toString(L *lua.Thread) (int, error) {
	a := L.Args()
	v := a.Any(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	text, err := textOf(L, v)
	if err != nil {
		return 0, err
	}
	L.Push(text)
	return 1, nil
}

var trueText, falseText, nilText = lua.Shared("true"), lua.Shared("false"), lua.Shared("nil")

// textOf is tostring.
func textOf(L *lua.Thread, v lua.Value) (lua.Value, error) {
	if call := L.Metamethod(v, "__tostring"); !call.IsNil() {
		return L.Call1(call, v)
	}
	switch v.Kind() {
	case lua.KindString:
		return v, nil
	case lua.KindNumber:
		return L.String(lua.FormatNumber(v.Float())), nil
	case lua.KindBool:
		if v.Truth() {
			return trueText, nil
		}
		return falseText, nil
	case lua.KindNil:
		return nilText, nil
	}
	if u := v.Userdata(); u != nil && u.Name != "" {
		return L.String("userdata: " + u.Name), nil
	}
	return L.String(fmt.Sprintf("%s: 0x%x", v.Kind(), v.Address())), nil
}

// toNumber is tonumber.
func toNumber(L *lua.Thread) (int, error) {
	a := L.Args()
	base := a.OptInt32(2, 10)
	if err := a.Err(); err != nil {
		return 0, err
	}
	var f float64
	var ok bool
	if base == 10 {
		v := a.Any(1)
		if v.IsString() {
			if err := L.Step(len(v.Str()) / stepBytes); err != nil {
				return 0, err
			}
		}
		f, ok = lua.ToNumber(v)
	} else {
		text := a.Str(1)
		if base < 2 || base > 36 {
			a.Bad(2, "base out of range")
		}
		if err := L.Step(len(text) / stepBytes); err != nil {
			return 0, err
		}
		f, ok = parseBase(cString(text), base)
	}
	if err := a.Err(); err != nil {
		return 0, err
	}
	if !ok {
		L.Push(lua.Nil)
		return 1, nil
	}
	L.Push(lua.Number(f))
	return 1, nil
}

// parseBase reads an integer as C's strtoul does, on a machine of 64 bits.
func parseBase(s string, base int) (float64, bool) {
	i := skipBlanks(s, 0)
	negative := false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	if base == 16 && len(s) > i+2 && s[i] == '0' && s[i+1]|0x20 == 'x' && digitOf(s[i+2]) < 16 {
		i += 2
	}
	first, n, over := i, uint64(0), false
	for ; i < len(s) && digitOf(s[i]) < base; i++ {
		d := uint64(digitOf(s[i]))
		if n > (1<<64-1-d)/uint64(base) {
			over = true
		}
		n = n*uint64(base) + d
	}
	if i == first || skipBlanks(s, i) != len(s) {
		return 0, false
	}
	switch {
	case over:
		n = 1<<64 - 1
	case negative:
		n = -n
	}
	return float64(n), true
}

func skipBlanks(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

// digitOf is the value of a digit or letter, 36 for everything else.
func digitOf(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case isAlpha(c):
		return int(c|0x20-'a') + 10
	}
	return 36
}
