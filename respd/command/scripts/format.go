package scripts

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// format is string.format with C's conversions.
func (s *state) format(L *lua.LState) int {
	f := L.CheckString(1)
	var b strings.Builder
	for arg := 2; ; {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			b.WriteString(f)
			break
		}
		b.WriteString(f[:i])
		f = f[i+1:]
		if strings.HasPrefix(f, "%") {
			b.WriteByte('%')
			f = f[1:]
			continue
		}
		spec, verb, rest := directive(L, f)
		f = rest
		b.WriteString(convert(L, spec, verb, arg))
		arg++
		if b.Len() > maxString {
			break
		}
	}
	s.grow(L, b.Len())
	L.Push(lua.LString(b.String()))
	return 1
}

// directive takes flags, width, precision and verb off f.
func directive(L *lua.LState, f string) (spec string, verb byte, rest string) {
	i := 0
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		i++
	}
	if i > 5 {
		L.RaiseError("invalid format (repeated flags)")
	}
	digits := func() {
		from := i
		for i < len(f) && '0' <= f[i] && f[i] <= '9' {
			i++
		}
		if i-from > 2 {
			L.RaiseError("invalid format (width or precision too long)")
		}
	}
	digits()
	if i < len(f) && f[i] == '.' {
		i++
		digits()
	}
	if i == len(f) {
		L.RaiseError("invalid option '%%%s' to 'format'", "")
	}
	return f[:i], f[i], f[i+1:]
}

// convert prints argument n by one directive.
func convert(L *lua.LState, spec string, verb byte, n int) string {
	switch verb {
	case 'c':
		return pad(spec, string([]byte{byte(L.CheckInt(n))}))
	case 'd', 'i':
		return integer(spec, "d", truncate(L.CheckNumber(n)))
	case 'u':
		return integer(spec, "d", uint64(truncate(L.CheckNumber(n))))
	case 'o', 'x', 'X':
		return integer(spec, string(verb), uint64(truncate(L.CheckNumber(n))))
	case 'e', 'E', 'f', 'g', 'G':
		return float(spec, verb, float64(L.CheckNumber(n)))
	case 'q':
		return quoted(L.CheckString(n))
	case 's':
		v := L.CheckAny(n)
		if !lua.LVCanConvToString(v) {
			L.TypeError(n, lua.LTString)
		}
		text := toText(v)
		if !strings.Contains(spec, ".") && len(text) >= 100 {
			return text
		}
		return pad(spec, text)
	}
	L.RaiseError("invalid option '%%%c' to 'format'", verb)
	return ""
}

// pad prints text in a field of bytes; Go would count characters.
func pad(spec, text string) string {
	flags, dot, cut := strings.Cut(spec, ".")
	if cut {
		if n, _ := strconv.Atoi(dot); n < len(text) {
			text = text[:n]
		}
	}
	width, _ := strconv.Atoi(strings.TrimLeft(flags, "-+ #0"))
	fill := strings.Repeat(" ", max(0, width-len(text)))
	if strings.Contains(flags, "-") {
		return text + fill
	}
	return fill + text
}

// integer prints n as C does: a precision turns zero padding off.
func integer(spec, verb string, n any) string {
	if strings.Contains(spec, ".") {
		head := strings.TrimLeft(spec, "-+ #0")
		flags := strings.ReplaceAll(spec[:len(spec)-len(head)], "0", "")
		spec = flags + head
	}
	return fmt.Sprintf("%"+spec+verb, n)
}

func float(spec string, verb byte, f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		text := string(appendG(nil, f, 6))
		if verb == 'E' || verb == 'G' {
			text = strings.ToUpper(text)
		}
		return pad(spec, text)
	}
	if (verb == 'g' || verb == 'G') && !strings.Contains(spec, ".") {
		spec += ".6" // Go prints as many digits as there are
	}
	return fmt.Sprintf("%"+spec+string(verb), f)
}

// quoted is a string as Lua reads it.
func quoted(str string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(str) {
		switch c := str[i]; c {
		case '"', '\\', '\n':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
