package lualib

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"ledge/respd/lua"
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
	tokFailed      jsonToken = "" // err says why the script must end
)

// jsonDecoder reads JSON. A zero byte ends the text.
type jsonDecoder struct {
	*JSON
	L     *lua.Thread
	in    string
	at    int // after the token
	begin int // of the token
	text  lua.Value
	num   float64
	yes   bool
	depth int
	err   error
}

func (c *JSON) decode(L *lua.Thread) (int, error) {
	if err := oneArgument(L); err != nil {
		return 0, err
	}
	a := L.Args()
	d := jsonDecoder{JSON: c, L: L, in: a.Str(1)}
	if err := a.Err(); err != nil {
		return 0, err
	}
	if len(d.in) >= 2 && (d.in[0] == 0 || d.in[1] == 0) {
		return 0, L.Errorf("JSON parser does not support UTF-16 or UTF-32")
	}
	v, err := d.value(d.next(), 1)
	if err != nil {
		return 0, err
	}
	if t := d.next(); t != tokEnd {
		return 0, d.expected("the end", t)
	}
	L.Push(v)
	return 1, nil
}

func (d *jsonDecoder) expected(what string, found jsonToken) error {
	if found == tokFailed {
		return d.err
	}
	return d.L.Errorf("Expected %s but found %s at character %d", what, string(found), d.begin+1)
}

// byteAt is a byte of the text, zero at its end.
func (d *jsonDecoder) byteAt(i int) byte {
	if i < len(d.in) {
		return d.in[i]
	}
	return 0
}

var jsonMarks = map[byte]jsonToken{'{': tokObject, '}': tokObjectEnd, '[': tokArray,
	']': tokArrayEnd, ':': tokColon, ',': tokComma}

func (d *jsonDecoder) next() jsonToken {
	from := d.at
	for d.at < len(d.in) && isJSONBlank(d.in[d.at]) {
		if d.at++; (d.at-from)%stepBytes == 0 && !d.step(1) {
			return tokFailed
		}
	}
	if !d.step(1) {
		return tokFailed
	}
	d.begin = d.at
	c := d.byteAt(d.at)
	if mark, ok := jsonMarks[c]; ok {
		d.at++
		return mark
	}
	switch {
	case c == 0:
		return tokEnd
	case c == '"':
		d.at++
		return d.string()
	case c == '-' || isDigit(c):
		if !d.decodeBad && d.unusual() {
			return tokBadNumber
		}
		return d.number()
	case d.word("true"):
		d.yes = true
		return tokBool
	case d.word("false"):
		d.yes = false
		return tokBool
	case d.word("null"):
		return tokNull
	case strings.IndexByte("iInN+", c) >= 0 && d.decodeBad && d.unusual():
		return d.number()
	}
	return tokInvalid
}

func isJSONBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (d *jsonDecoder) step(n int) bool {
	if d.err == nil {
		d.err = d.L.Step(n)
	}
	return d.err == nil
}

func (d *jsonDecoder) word(w string) bool {
	if !strings.HasPrefix(d.in[d.at:], w) {
		return false
	}
	d.at += len(w)
	return true
}

// unusual reports whether what begins here is a number for C, but not for JSON.
func (d *jsonDecoder) unusual() bool {
	at := d.at
	switch d.byteAt(at) {
	case '+':
		return true
	case '-':
		at++
	}
	if d.byteAt(at) == '0' {
		c := d.byteAt(at + 1)
		return c|0x20 == 'x' || isDigit(c)
	}
	if at+3 > len(d.in) {
		return false
	}
	word := d.in[at : at+3]
	return strings.EqualFold(word, "inf") || strings.EqualFold(word, "nan")
}

// number reads a number as C's strtod does.
func (d *jsonDecoder) number() jsonToken {
	f, n := lua.ScanNumber(d.in[d.at:])
	if n == 0 {
		return tokBadNumber
	}
	d.num = f
	d.at += n
	if !d.step(n / 64) {
		return tokFailed
	}
	return tokNumber
}

var jsonEscapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 't': '\t', 'n': '\n',
	'f': '\f', 'r': '\r'}

// string reads a string whose first quote has been read.
func (d *jsonDecoder) string() jsonToken {
	var out buffer
	for {
		i := d.at
		for i < len(d.in) && d.in[i] != '"' && d.in[i] != '\\' && d.in[i] != 0 && i-d.at < pieceBytes {
			i++
		}
		plain := d.in[d.at:i]
		d.at = i
		if d.byteAt(i) == '"' && out.L == nil {
			// The usual case has nothing to put together.
			if !d.step(len(plain) / stepBytes) {
				return tokFailed
			}
			d.at++
			if d.text, d.err = partOf(d.L, d.in, plain); d.err != nil {
				return tokFailed
			}
			return tokString
		}
		if out.L = d.L; !d.ok(out.text(plain)) {
			return tokFailed
		}
		switch d.byteAt(i) {
		case '"':
			d.at++
			if d.text, d.err = out.value(); d.err != nil {
				return tokFailed
			}
			return tokString
		case 0:
			d.begin = d.at
			return tokEndOfString
		case '\\':
			if t := d.escape(&out); t != tokString {
				return t
			}
		}
	}
}

func (d *jsonDecoder) ok(err error) bool {
	if d.err == nil {
		d.err = err
	}
	return d.err == nil
}

// escape adds what an escape stands for.
func (d *jsonDecoder) escape(out *buffer) jsonToken {
	esc := d.byteAt(d.at + 1)
	if esc == 'u' {
		r, n := codepoint(d.in[d.at:])
		if n == 0 {
			d.begin = d.at
			return tokBadUnicode
		}
		var b [utf8.UTFMax]byte
		if !d.ok(out.bytes(utf8.AppendRune(b[:0], r)...)) {
			return tokFailed
		}
		d.at += n
		return tokString
	}
	c, ok := jsonEscapes[esc]
	if !ok {
		d.begin = d.at
		return tokBadEscape
	}
	if !d.ok(out.char(c)) {
		return tokFailed
	}
	d.at += 2
	return tokString
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

// value reads the value that a token begins. slots is how many values there
// would be on Lua's stack.
func (d *jsonDecoder) value(t jsonToken, slots int) (lua.Value, error) {
	switch t {
	case tokString:
		return d.text, nil
	case tokNumber:
		return lua.Number(d.num), nil
	case tokBool:
		return lua.Bool(d.yes), nil
	case tokNull:
		return lua.FromUserdata(Null), nil
	case tokObject:
		return d.object(slots)
	case tokArray:
		return d.array(slots)
	}
	return lua.Nil, d.expected("value", t)
}

// descend counts a table that is begun, and keeps it alive while it is read.
func (d *jsonDecoder) descend(slots, more int) (*lua.Table, error) {
	if d.depth++; d.depth > d.decodeDepth || slots+more > stackSlots {
		return nil, d.L.Errorf("Found too many nested data structures (%d) at character %d", d.depth, d.at)
	}
	t := d.L.NewTable(0, 0)
	d.L.Push(lua.FromTable(t))
	return t, nil
}

func (d *jsonDecoder) ascend() {
	d.depth--
	d.L.SetTop(d.L.Top() - 1)
}

func (d *jsonDecoder) object(slots int) (lua.Value, error) {
	o, err := d.descend(slots, 3)
	if err != nil {
		return lua.Nil, err
	}
	defer d.ascend()
	t := d.next()
	if t == tokObjectEnd {
		return lua.FromTable(o), nil
	}
	for {
		if t != tokString {
			return lua.Nil, d.expected("object key string", t)
		}
		key := d.text
		if t = d.next(); t != tokColon {
			return lua.Nil, d.expected("colon", t)
		}
		v, err := d.value(d.next(), slots+2)
		if err == nil {
			err = o.Set(key, v)
		}
		if err != nil {
			return lua.Nil, err
		}
		switch t = d.next(); t {
		case tokObjectEnd:
			return lua.FromTable(o), nil
		case tokComma:
			t = d.next()
		default:
			return lua.Nil, d.expected("comma or object end", t)
		}
	}
}

func (d *jsonDecoder) array(slots int) (lua.Value, error) {
	a, err := d.descend(slots, 2)
	if err != nil {
		return lua.Nil, err
	}
	defer d.ascend()
	t := d.next()
	if t == tokArrayEnd {
		return lua.FromTable(a), nil
	}
	for i := 1; ; i++ {
		v, err := d.value(t, slots+1)
		if err != nil {
			return lua.Nil, err
		}
		a.SetInt(i, v)
		switch t = d.next(); t {
		case tokArrayEnd:
			return lua.FromTable(a), nil
		case tokComma:
			t = d.next()
		default:
			return lua.Nil, d.expected("comma or array end", t)
		}
	}
}
