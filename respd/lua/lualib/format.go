package lualib

import (
	"strings"

	"ledge/respd/lua"
)

// strFormat is string.format, with C's conversions.
func strFormat(L *lua.Thread) (int, error) {
	a := L.Args()
	f := a.Str(1)
	if err := a.Err(); err != nil {
		return 0, err
	}
	out := buffer{L: L}
	top := L.Top()
	for arg := 1; ; {
		i := strings.IndexByte(f, '%')
		if i < 0 {
			break
		}
		if err := out.text(f[:i]); err != nil {
			return 0, err
		}
		if f = f[i+1:]; strings.HasPrefix(f, "%") {
			if err := out.char('%'); err != nil {
				return 0, err
			}
			f = f[1:]
			continue
		}
		if arg++; arg > top {
			return 0, L.ArgError(arg, "no value")
		}
		s, rest, err := directive(L, f)
		if err != nil {
			return 0, err
		}
		f = rest
		if err := format(L, &out, s, arg); err != nil {
			return 0, err
		}
	}
	if err := out.text(f); err != nil {
		return 0, err
	}
	return 1, out.push()
}

// directive takes flags, width, precision and verb off f.
func directive(L *lua.Thread, f string) (s spec, rest string, err error) {
	i := 0
	for ; i < len(f); i++ {
		bit := strings.IndexByte(flagChars, f[i])
		if bit < 0 {
			break
		}
		s.flags |= 1 << bit
	}
	if i > len(flagChars) {
		return s, "", L.Errorf("invalid format (repeated flags)")
	}
	number := func() (n int) {
		for end := i + 2; i < len(f) && i < end && isDigit(f[i]); i++ {
			n = n*10 + int(f[i]-'0')
		}
		return n
	}
	s.width, s.precision = number(), -1
	if i < len(f) && f[i] == '.' {
		i++
		s.precision = number()
	}
	if i < len(f) && isDigit(f[i]) {
		return s, "", L.Errorf("invalid format (width or precision too long)")
	}
	if i == len(f) {
		return s, "", nil
	}
	s.verb = f[i]
	return s, f[i+1:], nil
}

// format adds argument n.
func format(L *lua.Thread, out *buffer, s spec, n int) error {
	a := L.Args()
	var b [600]byte
	var text []byte
	switch s.verb {
	case 'c':
		s.precision = -1
		text = s.pad(b[:0], string([]byte{byte(int32Of(a.Num(n)))}))
		// C puts the character into a string, where a zero byte ends it.
		text = []byte(cString(string(text)))
	case 'd', 'i':
		text = s.signed(b[:0], a.Int(n))
	case 'o', 'u', 'x', 'X':
		text = s.unsigned(b[:0], uint64Of(a.Num(n)))
	case 'e', 'E', 'f', 'g', 'G':
		text = s.float(b[:0], a.Num(n))
	case 'q':
		str := a.Str(n)
		if err := a.Err(); err != nil {
			return err
		}
		return quoted(out, str)
	case 's':
		str := a.Str(n)
		if err := a.Err(); err != nil {
			return err
		}
		if s.precision < 0 && len(str) >= 100 {
			return out.text(str)
		}
		text = s.pad(b[:0], cString(str))
	default:
		return L.Errorf("invalid option '%%%s' to 'format'", cString(string([]byte{s.verb})))
	}
	if err := a.Err(); err != nil {
		return err
	}
	return out.bytes(text...)
}

// quoted adds a string as Lua reads it.
func quoted(out *buffer, s string) error {
	if err := out.char('"'); err != nil {
		return err
	}
	for s != "" {
		i := strings.IndexAny(s[:min(len(s), pieceBytes)], "\"\\\n\r\x00")
		if i < 0 {
			i = min(len(s), pieceBytes)
		}
		if err := out.text(s[:i]); err != nil {
			return err
		}
		if s = s[i:]; s == "" {
			break
		}
		escaped := ""
		switch s[0] {
		case '"', '\\', '\n':
			escaped = "\\" + s[:1]
		case '\r':
			escaped = `\r`
		case 0:
			escaped = `\000`
		default:
			continue
		}
		s = s[1:]
		if err := out.text(escaped); err != nil {
			return err
		}
	}
	return out.char('"')
}
