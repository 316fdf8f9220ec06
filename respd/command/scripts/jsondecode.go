package scripts

import (
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// jsonToken is a token of JSON; its text is what errors call it.
type jsonToken string

const (
	tokObject      jsonToken = "T_OBJ_BEGIN"
	tokObjectEnd   jsonToken = "T_OBJ_END"
	tokArray       jsonToken = "T_ARR_BEGIN"
	tokArrayEnd    jsonToken = "T_ARR_END"
	tokString      jsonToken = "T_STRING"
	tokNumber      jsonToken = "T_NUMBER"
	tokBool        jsonToken = "T_BOOLEAN"
	tokNull        jsonToken = "T_NULL"
	tokColon       jsonToken = "T_COLON"
	tokComma       jsonToken = "T_COMMA"
	tokEnd         jsonToken = "T_END"
	tokInvalid     jsonToken = "invalid token"
	tokBadNumber   jsonToken = "invalid number"
	tokBadEscape   jsonToken = "invalid escape code"
	tokBadUnicode  jsonToken = "invalid unicode escape code"
	tokEndOfString jsonToken = "unexpected end of string"
)

// jsonDecoder reads JSON.
type jsonDecoder struct {
	*jsonConfig
	L     *lua.LState
	in    string
	at    int // behind the token
	begin int // of the token
	text  string
	num   float64
	yes   bool
	depth int
}

func jsonDecode(L *lua.LState, c *jsonConfig) int {
	if L.GetTop() != 1 {
		L.ArgError(1, "expected 1 argument")
	}
	d := jsonDecoder{jsonConfig: c, L: L, in: L.CheckString(1)}
	if len(d.in) >= 2 && (d.in[0] == 0 || d.in[1] == 0) {
		L.RaiseError("JSON parser does not support UTF-16 or UTF-32")
	}
	v := d.value(d.next())
	if t := d.next(); t != tokEnd {
		d.expected("the end", t)
	}
	L.Push(v)
	return 1
}

func (d *jsonDecoder) expected(what string, found jsonToken) {
	d.L.RaiseError("Expected %s but found %s at character %d", what, string(found), d.begin+1)
}

func (d *jsonDecoder) next() jsonToken {
	for d.at < len(d.in) && strings.IndexByte(" \t\n\r", d.in[d.at]) >= 0 {
		d.at++
	}
	d.begin = d.at
	if d.at == len(d.in) {
		return tokEnd
	}
	d.at++
	switch c := d.in[d.begin]; {
	case c == '{':
		return tokObject
	case c == '}':
		return tokObjectEnd
	case c == '[':
		return tokArray
	case c == ']':
		return tokArrayEnd
	case c == ':':
		return tokColon
	case c == ',':
		return tokComma
	case c == '"':
		return d.string()
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	}
	d.at--
	switch {
	case d.word("true"):
		d.yes = true
		return tokBool
	case d.word("false"):
		d.yes = false
		return tokBool
	case d.word("null"):
		return tokNull
	case d.decodeBad:
		return d.number()
	}
	return tokInvalid
}

func (d *jsonDecoder) word(w string) bool {
	if !strings.HasPrefix(d.in[d.at:], w) {
		return false
	}
	d.at += len(w)
	return true
}

// number reads a number, and what C's strtod takes for one besides.
func (d *jsonDecoder) number() jsonToken {
	end := d.begin
	for end < len(d.in) && strings.IndexByte("+-.0123456789abcdefABCDEFxXpPinINtyTYNa", d.in[end]) >= 0 {
		end++
	}
	word := d.in[d.begin:end]
	if !d.decodeBad && strictlyInvalid(word) {
		return tokBadNumber
	}
	for ; len(word) > 0; word = word[:len(word)-1] {
		f, err := strconv.ParseFloat(cNumber(word), 64)
		if err == nil || err.(*strconv.NumError).Err == strconv.ErrRange {
			d.num, d.at = f, d.begin+len(word)
			return tokNumber
		}
	}
	if c := d.in[d.begin]; c == '-' || '0' <= c && c <= '9' {
		return tokBadNumber
	}
	return tokInvalid
}

// cNumber adds the exponent that Go wants of a hexadecimal number.
func cNumber(s string) string {
	low := strings.ToLower(s)
	if strings.HasPrefix(strings.TrimLeft(low, "+-"), "0x") && !strings.Contains(low, "p") {
		return s + "p0"
	}
	return s
}

// strictlyInvalid reports whether strtod takes what JSON does not.
func strictlyInvalid(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s == "" || s[0] < '0' || s[0] > '9' ||
		len(s) > 1 && s[0] == '0' && (s[1]|0x20 == 'x' || '0' <= s[1] && s[1] <= '9')
}

var jsonEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 't': '\t', 'n': '\n',
	'f': '\f', 'r': '\r'}

func (d *jsonDecoder) string() jsonToken {
	var b []byte
	for {
		i := strings.IndexAny(d.in[d.at:], "\"\\\x00")
		if i < 0 {
			d.begin = len(d.in)
			return tokEndOfString
		}
		b = append(b, d.in[d.at:d.at+i]...)
		d.at += i
		switch d.in[d.at] {
		case '"':
			d.at++
			d.text = string(b)
			return tokString
		case 0:
			d.begin = d.at
			return tokEndOfString
		}
		var esc byte
		if d.at+1 < len(d.in) {
			esc = d.in[d.at+1]
		}
		if esc == 'u' {
			r, n := codepoint(d.in[d.at:])
			if n == 0 {
				d.begin = d.at
				return tokBadUnicode
			}
			b = utf8.AppendRune(b, r)
			d.at += n
			continue
		}
		c, ok := jsonEscapes[esc]
		if !ok {
			d.begin = d.at
			return tokBadEscape
		}
		b = append(b, c)
		d.at += 2
	}
}

// codepoint reads "\uXXXX", or two that are a surrogate pair, and returns how
// long that is; 0 if it is wrong.
func codepoint(s string) (rune, int) {
	hex := func(s string) (rune, bool) {
		if len(s) < 6 || s[:2] != `\u` {
			return 0, false
		}
		n, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(n), err == nil
	}
	r, ok := hex(s)
	if !ok {
		return 0, 0
	}
	if r&0xf800 != 0xd800 {
		return r, 6
	}
	low, ok := hex(s[6:])
	if r&0x400 != 0 || !ok || low&0xfc00 != 0xdc00 {
		return 0, 0
	}
	return (r&0x3ff<<10 | low&0x3ff) + 0x10000, 12
}

func (d *jsonDecoder) value(t jsonToken) lua.LValue {
	switch t {
	case tokString:
		return lua.LString(d.text)
	case tokNumber:
		return lua.LNumber(d.num)
	case tokBool:
		return lua.LBool(d.yes)
	case tokNull:
		return null
	case tokObject:
		return d.object()
	case tokArray:
		return d.array()
	}
	d.expected("value", t)
	return lua.LNil
}

func (d *jsonDecoder) descend() {
	if d.depth++; d.depth > d.decodeDepth {
		d.L.RaiseError("Found too many nested data structures (%d) at character %d", d.depth, d.at)
	}
}

func (d *jsonDecoder) object() lua.LValue {
	d.descend()
	o := d.L.NewTable()
	t := d.next()
	for t != tokObjectEnd {
		if t != tokString {
			d.expected("object key string", t)
		}
		key := d.text
		if t = d.next(); t != tokColon {
			d.expected("colon", t)
		}
		o.RawSetString(key, d.value(d.next()))
		switch t = d.next(); t {
		case tokObjectEnd:
		case tokComma:
			t = d.next()
			if t == tokObjectEnd {
				d.expected("object key string", t)
			}
		default:
			d.expected("comma or object end", t)
		}
	}
	d.depth--
	return o
}

func (d *jsonDecoder) array() lua.LValue {
	d.descend()
	a := d.L.NewTable()
	t := d.next()
	for i := 1; t != tokArrayEnd; i++ {
		a.RawSetInt(i, d.value(t))
		switch t = d.next(); t {
		case tokArrayEnd:
		case tokComma:
			if t = d.next(); t == tokArrayEnd {
				d.expected("value", t)
			}
		default:
			d.expected("comma or array end", t)
		}
	}
	d.depth--
	return a
}
