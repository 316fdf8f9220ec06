// Package number reads numbers as Redis does: integers in their one form, floats
// as strtod takes them, and the long doubles of INCRBYFLOAT.
package number

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

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
