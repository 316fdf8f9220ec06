package lua

import (
	"math"
	"strconv"
	"strings"
)

// ToNumber returns what v is as a number: a number, or a string that looks like
// one (ParseNumber).
func ToNumber(v Value) (float64, bool) {
	switch {
	case v.IsNumber():
		return v.Float(), true
	case v.IsString():
		return ParseNumber(v.Str())
	}
	return 0, false
}

// ToText returns what v is as a string: a string, or a number as FormatNumber
// prints it.
func ToText(v Value) (string, bool) {
	switch {
	case v.IsString():
		return v.Str(), true
	case v.IsNumber():
		return FormatNumber(v.Float()), true
	}
	return "", false
}

// FormatNumber is "%.14g".
func FormatNumber(f float64) string {
	if i := int64(f); float64(i) == f && -1e14 < f && f < 1e14 && (i != 0 || !math.Signbit(f)) {
		return strconv.FormatInt(i, 10)
	}
	var b [32]byte
	return string(AppendNumber(b[:0], f, 14))
}

// AppendNumber adds a number to b as C's "%.<digits>g" prints it.
func AppendNumber(b []byte, f float64, digits int) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case f != f && math.Signbit(f):
		return append(b, "-nan"...)
	case f != f:
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', digits, 64)
}

// ParseNumber reads a number as C's strtod does, with Lua's rules about blanks and
// hexadecimal digits around it. As in Lua 5.1, a zero byte ends the string.
func ParseNumber(s string) (float64, bool) {
	if f, ok := parseDigits(s); ok {
		return f, true
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	f, n := ScanNumber(s)
	if n == 0 {
		return 0, false
	}
	for ; n < len(s); n++ {
		if !isBlank(s[n]) {
			return 0, false
		}
	}
	return f, true
}

// parseDigits reads a short number that has nothing but digits.
func parseDigits(s string) (float64, bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return float64(n), true
}

// ScanNumber reads the number that s begins with, as C's strtod does, and
// returns how many bytes of s it took: 0 if there is no number.
func ScanNumber(s string) (f float64, n int) {
	i := 0
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	start := i
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	negative := i > start && s[start] == '-'
	switch end := scanDecimal(s, i); {
	case end > i && s[i] == '0' && len(s) > i+1 && s[i+1]|0x20 == 'x':
		hex, power := scanHex(s, i+2)
		if hex == 0 {
			f, n = 0, i+1
			break
		}
		text := s[i:hex]
		if !power {
			text += "p0"
		}
		f, n = parseFloat(text), hex
	case end > i:
		f, n = parseFloat(s[i:end]), end
	default:
		f, n = scanWord(s, i)
	}
	if negative {
		f = math.Copysign(f, -1)
	}
	return f, n
}

// parseFloat is for text whose form is known to be right. What is out of range
// becomes infinite or zero.
func parseFloat(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

// scanDecimal returns where the decimal number at i ends, or i.
func scanDecimal(s string, i int) int {
	end, digits := scanDigits(s, i, isDigit)
	if !digits {
		return i
	}
	end, _ = scanExponent(s, end, 'e')
	return end
}

// scanHex returns where the hexadecimal digits at i and their exponent end, 0 if
// there are none, and whether there is an exponent.
func scanHex(s string, i int) (end int, power bool) {
	end, digits := scanDigits(s, i, isHexDigit)
	if !digits {
		return 0, false
	}
	return scanExponent(s, end, 'p')
}

// scanDigits goes over digits with a point among them.
func scanDigits(s string, i int, is func(byte) bool) (end int, digits bool) {
	point := false
	for ; i < len(s); i++ {
		switch {
		case is(s[i]):
			digits = true
		case s[i] == '.' && !point:
			point = true
		default:
			return i, digits
		}
	}
	return i, digits
}

// scanExponent goes over an exponent, if there is a whole one.
func scanExponent(s string, i int, letter byte) (end int, found bool) {
	if i == len(s) || s[i]|0x20 != letter {
		return i, false
	}
	j := i + 1
	if j < len(s) && (s[j] == '-' || s[j] == '+') {
		j++
	}
	first := j
	for j < len(s) && isDigit(s[j]) {
		j++
	}
	if j == first {
		return i, false
	}
	return j, true
}

// scanWord reads "inf", "infinity", "nan" and "nan(...)".
func scanWord(s string, i int) (f float64, n int) {
	rest := s[i:]
	switch {
	case hasFold(rest, "infinity"):
		return math.Inf(1), i + 8
	case hasFold(rest, "inf"):
		return math.Inf(1), i + 3
	case !hasFold(rest, "nan"):
		return 0, 0
	case len(rest) == 3 || rest[3] != '(':
		return nanOf(""), i + 3
	}
	j := 4
	for j < len(rest) && (isAlnum(rest[j]) || rest[j] == '_') {
		j++
	}
	if j == len(rest) || rest[j] != ')' {
		return nanOf(""), i + 3
	}
	return nanOf(rest[4:j]), i + j + 1
}

// nanOf is the NaN with the number that stands between its parentheses.
func nanOf(text string) float64 {
	const quiet = 0x7ff8_0000_0000_0000
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil || strings.Contains(text, "_") || strings.ContainsAny(text, "oObB") && !hasFold(text, "0x") {
		n = 0
	}
	return math.Float64frombits(quiet | n&(1<<51-1))
}

func hasFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func isBlank(c byte) bool    { return c == ' ' || '\t' <= c && c <= '\r' }
func isDigit(c byte) bool    { return '0' <= c && c <= '9' }
func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isAlnum(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
