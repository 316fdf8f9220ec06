package lualib

import (
	"math"
	"strconv"

	"ledge/respd/lua"
)

// spec is a conversion of C's printf.
type spec struct {
	flags     uint8
	width     int
	precision int // -1 if there is none
	verb      byte
}

const flagChars = "-+ #0"

const (
	flagLeft = 1 << iota
	flagPlus
	flagSpace
	flagAlternate
	flagZero
)

func (s spec) has(flag uint8) bool { return s.flags&flag != 0 }

// pad adds text, cut to the precision, in a field.
func (s spec) pad(b []byte, text string) []byte {
	if s.precision >= 0 && s.precision < len(text) {
		text = text[:s.precision]
	}
	return s.field(b, "", text, false)
}

// field adds a sign and digits in a field. zeros says that zeros may fill it.
func (s spec) field(b []byte, sign, digits string, zeros bool) []byte {
	fill := s.width - len(sign) - len(digits)
	zeros = zeros && s.has(flagZero) && !s.has(flagLeft)
	if !zeros && !s.has(flagLeft) {
		b = repeat(b, ' ', fill)
	}
	b = append(b, sign...)
	if zeros {
		b = repeat(b, '0', fill)
	}
	b = append(b, digits...)
	if s.has(flagLeft) {
		b = repeat(b, ' ', fill)
	}
	return b
}

func repeat(b []byte, c byte, n int) []byte {
	for ; n > 0; n-- {
		b = append(b, c)
	}
	return b
}

// sign is what stands before a number.
func (s spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case s.has(flagPlus):
		return "+"
	case s.has(flagSpace):
		return " "
	}
	return ""
}

func (s spec) signed(b []byte, n int64) []byte {
	u := uint64(n)
	if n < 0 {
		u = -u
	}
	return s.integer(b, s.sign(n < 0), u, 10)
}

func (s spec) unsigned(b []byte, n uint64) []byte {
	switch s.verb {
	case 'o':
		return s.integer(b, "", n, 8)
	case 'u':
		return s.integer(b, "", n, 10)
	}
	prefix := ""
	if s.has(flagAlternate) && n != 0 {
		prefix = "0" + string(s.verb)
	}
	return s.integer(b, prefix, n, 16)
}

// integer adds a number with at least as many digits as the precision says. A
// precision turns filling with zeros off.
func (s spec) integer(b []byte, sign string, n uint64, base int) []byte {
	var d, z [100]byte
	digits := strconv.AppendUint(d[:0], n, base)
	if n == 0 && s.precision == 0 {
		digits = nil
	}
	if s.verb == 'X' {
		for i, c := range digits {
			digits[i] = upper(c)
		}
	}
	all := append(repeat(z[:0], '0', s.precision-len(digits)), digits...)
	if s.verb == 'o' && s.has(flagAlternate) && (len(all) == 0 || all[0] != '0') {
		all = append([]byte{'0'}, all...)
	}
	return s.field(b, sign, string(all), s.precision < 0)
}

func (s spec) float(b []byte, f float64) []byte {
	sign := s.sign(math.Signbit(f))
	f = math.Abs(f)
	capital := s.verb == 'E' || s.verb == 'G'
	if math.IsInf(f, 0) || f != f {
		text := string(lua.AppendNumber(nil, f, 6))
		if capital {
			text = map[string]string{"inf": "INF", "nan": "NAN"}[text]
		}
		return s.field(b, sign, text, false)
	}
	precision := s.precision
	if precision < 0 {
		precision = 6
	}
	var d [512]byte
	digits := strconv.AppendFloat(d[:0], f, s.verb, precision, 64)
	if s.has(flagAlternate) {
		digits = s.alternate(digits, f, precision)
	}
	return s.field(b, sign, string(digits), true)
}

// alternate adds what "#" keeps: the point, and with "g" zeros at the end.
func (s spec) alternate(digits []byte, f float64, precision int) []byte {
	exponent, point, count := len(digits), false, 0
	for i, c := range digits {
		switch {
		case c|0x20 == 'e':
			exponent = i
		case c == '.':
			point = true
		}
		if exponent != len(digits) {
			break
		}
		// Zeros before the first digit do not count.
		if isDigit(c) && (c != '0' || count > 0) {
			count++
		}
	}
	tail := string(digits[exponent:])
	digits = digits[:exponent]
	if !point {
		digits = append(digits, '.')
	}
	if s.verb|0x20 == 'g' {
		if f == 0 {
			count = 1
		}
		digits = repeat(digits, '0', max(precision, 1)-count)
	}
	return append(digits, tail...)
}

// int32Of is a number as C casts a double to an int.
func int32Of(f float64) int32 {
	if f > -(1<<31)-1 && f < 1<<31 {
		return int32(f)
	}
	return math.MinInt32
}

// uint64Of is a number as C casts a double to an unsigned integer of 64 bits, on
// amd64.
func uint64Of(f float64) uint64 {
	if f < 1<<63 || f != f {
		return uint64(lua.Truncate(f))
	}
	return uint64(lua.Truncate(f-(1<<63))) ^ 1<<63
}
