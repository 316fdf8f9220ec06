package command

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"ledge/replay"
	"ledge/respd/resp"
)

// Args are a command's arguments, its name first. They are slices of the
// connection's buffer: whoever keeps one past the call copies it.
type Args [][]byte

// Errors that many commands share, worded as Redis does.
const (
	ErrSyntax     resp.Error = "ERR syntax error"
	ErrNotInt     resp.Error = "ERR value is not an integer or out of range"
	ErrNotFloat   resp.Error = "ERR value is not a valid float"
	ErrOutOfRange resp.Error = "ERR value is out of range"
	ErrNoKey      resp.Error = "ERR no such key"
)

const errNotInt32 resp.Error = "ERR value is out of range, " +
	"value must between -2147483648 and 2147483647"

// ErrWrongType is the answer to a key of another type.
var ErrWrongType = replay.ErrWrongType

// Str returns argument i as a string of its own.
func (a Args) Str(i int) string { return string(a[i]) }

// Is reports whether argument i is word, of any case. Word is in upper case.
func (a Args) Is(i int, word string) bool {
	if len(a[i]) != len(word) {
		return false
	}
	for j, c := range a[i] {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != word[j] {
			return false
		}
	}
	return true
}

// Word returns argument i in upper case.
func (a Args) Word(i int) string { return strings.ToUpper(string(a[i])) }

// Printed returns argument i as Redis shows it in an error, which C prints: up
// to a zero byte.
func (a Args) Printed(i int) string {
	text, _, _ := strings.Cut(string(a[i]), "\x00")
	return text
}

// Int reads argument i as Redis reads an integer: no spaces, no plus sign, no
// leading zeros.
func (a Args) Int(i int) (int64, error) {
	n, ok := ParseInt(a[i])
	if !ok {
		return 0, ErrNotInt
	}
	return n, nil
}

// Int32 reads argument i as Redis reads the number of a database.
func (a Args) Int32(i int) (int32, error) {
	n, err := a.Int(i)
	if err == nil && n != int64(int32(n)) {
		err = errNotInt32
	}
	return int32(n), err
}

// Float reads argument i as a finite or infinite number, but not NaN.
func (a Args) Float(i int) (float64, error) {
	f, ok := ParseFloat(a[i])
	if !ok {
		return 0, ErrNotFloat
	}
	return f, nil
}

// ParseInt reads a whole 64-bit integer in the one form that Redis writes.
func ParseInt[T ~string | ~[]byte](s T) (int64, bool) {
	if len(s) == 0 || len(s) > 20 {
		return 0, false
	}
	if len(s) == 1 && s[0] == '0' {
		return 0, true
	}
	i, neg := 0, s[0] == '-'
	if neg {
		i++
	}
	if i == len(s) || s[i] < '1' || s[i] > '9' {
		return 0, false
	}
	var n uint64
	for ; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 || n > (math.MaxUint64-uint64(c))/10 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	switch {
	case neg && n <= 1<<63:
		return -int64(n), true // -1<<63 wraps to itself
	case !neg && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}

// ParseFloat reads a number as strtod does, hexadecimal and infinities too,
// but no NaN and no spaces around it. What is too large or too close to zero
// for a float is not a number, as in Redis.
func ParseFloat(s []byte) (float64, bool) {
	f, inRange, ok := parseFloat(string(s))
	return f, ok && inRange && (f != 0 || !hasDigit(s))
}

// ParseFloatRounded is ParseFloat, but what is too large is infinite and what is
// too close to zero is 0.
func ParseFloatRounded(s []byte) (float64, bool) {
	f, _, ok := parseFloat(string(s))
	return f, ok
}

func parseFloat(s string) (f float64, inRange, ok bool) {
	if strings.IndexByte(s, '_') >= 0 {
		return 0, false, false
	}
	if isHex(s) && !strings.ContainsAny(s, "pP") {
		s += "p0" // which strtod does without
	}
	f, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(f) || err != nil && !math.IsInf(f, 0) {
		return 0, false, false
	}
	return f, err == nil, true
}

// isHex reports whether a number is hexadecimal.
func isHex(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x'
}

// hasDigit reports whether a number that was read as 0 has been rounded to it.
func hasDigit(s []byte) bool {
	mark := "eE"
	if isHex(string(s)) {
		mark, s = "pP", bytes.TrimLeft(s, "+-")[2:]
	}
	if i := bytes.IndexAny(s, mark); i >= 0 { // 0 times any power is 0
		s = s[:i]
	}
	return len(bytes.Trim(s, "+-.0")) > 0
}
