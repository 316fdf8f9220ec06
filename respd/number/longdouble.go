package number

import (
	"math/big"
	"strings"
)

// LongDouble is a number as C's long double on x86-64 holds it: 64 bits of
// mantissa, where Go's float64 has 53. INCRBYFLOAT and HINCRBYFLOAT count with
// it, and clients see the difference.
type LongDouble struct{ f big.Float }

const (
	longBits = 64
	// longMax and longMin are the exponents of the largest number and of the
	// least that is rounded up to one, with mantissas from ½ to 1.
	longMax = 16384
	longMin = -16445
	// longDigits is the longest text that Redis reads as a number.
	longDigits = 5*1024 - 1
)

// ParseLongDouble reads a number as strtold does, hexadecimal and infinities
// too, but no NaN and no spaces around it. What is too large or too close to
// zero is not a number, as in Redis.
func ParseLongDouble[T ~string | ~[]byte](text T) (LongDouble, bool) {
	s := string(text)
	if len(s) > longDigits {
		return LongDouble{}, false
	}
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	var x LongDouble
	if strings.EqualFold(s, "inf") || strings.EqualFold(s, "infinity") {
		x.f.SetInf(neg)
		return x, true
	}
	n, ok := parseNumeral(s)
	if !ok || !n.round(&x.f) {
		return LongDouble{}, false
	}
	if neg {
		x.f.Neg(&x.f)
	}
	return x, true
}

// Add returns x+y, and false when that is not a finite number.
func (x LongDouble) Add(y LongDouble) (LongDouble, bool) {
	var sum LongDouble
	if x.f.IsInf() || y.f.IsInf() {
		return sum, false
	}
	sum.f.SetPrec(longBits).Add(&x.f, &y.f)
	return sum, sum.f.Sign() == 0 || sum.f.MantExp(nil) <= longMax
}

// Thousandfold returns x·1000, rounded up to a whole number. What is larger than
// an int64 comes out as the least of them, as when C adds to the largest.
func (x LongDouble) Thousandfold() int64 {
	var y big.Float
	y.SetPrec(longBits).Mul(&x.f, big.NewFloat(1000))
	n, rest := y.Int64()
	if rest == big.Below && n >= 0 {
		n++ // past the largest it becomes negative
	}
	return n
}

// String shows x as Redis shows the outcome of INCRBYFLOAT: 17 digits after
// the point, without the zeros at the end, and never an exponent.
func (x LongDouble) String() string {
	s := x.f.Text('f', 17)
	if strings.IndexByte(s, '.') >= 0 {
		s = strings.TrimRight(s, "0")
		s = strings.TrimSuffix(s, ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// numeral is a number as it is written: mant · base^exp, where base is 10 or,
// for hexadecimal numbers, 2.
type numeral struct {
	mant string // digits, in base 10 or 16, without leading zeros
	hex  bool
	exp  int
}

// maxExp bounds the exponents that matter: beyond it any mantissa of a text
// that Redis reads is infinite or zero.
const maxExp = 1 << 20

// parseNumeral reads the whole of s.
func parseNumeral(s string) (numeral, bool) {
	var n numeral
	mark := byte('e')
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		n.hex, mark, s = true, 'p', s[2:]
	}
	digits := 0
	point := false
	var mant []byte
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if !isDigit(c, n.hex) {
			break
		}
		digits++
		mant = append(mant, c)
		if point {
			n.exp--
		}
	}
	n.mant = strings.TrimLeft(string(mant), "0")
	if n.hex {
		n.exp *= 4
	}
	if digits == 0 || i == len(s) {
		return n, digits > 0
	}
	if s[i]|0x20 != mark {
		return n, false
	}
	exp, ok := parseExp(s[i+1:])
	n.exp += exp
	return n, ok
}

// parseExp reads an exponent, held within maxExp.
func parseExp(s string) (int, bool) {
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	exp := 0
	for i := range len(s) {
		if !isDigit(s[i], false) {
			return 0, false
		}
		exp = min(exp*10+int(s[i]-'0'), maxExp)
	}
	if neg {
		exp = -exp
	}
	return exp, s != ""
}

func isDigit(c byte, hex bool) bool {
	return '0' <= c && c <= '9' || hex && 'a' <= c|0x20 && c|0x20 <= 'f'
}

// round sets f to the nearest number to n. It is exact up to the one rounding
// at the end, and reports false beyond the range of a long double.
func (n numeral) round(f *big.Float) bool {
	f.SetPrec(longBits)
	if n.mant == "" {
		return true
	}
	if n.hex {
		m, _ := new(big.Int).SetString(n.mant, 16)
		f.SetMantExp(f.SetInt(m), n.exp)
		return inRange(f)
	}
	// Far out of range: not worth the large powers of ten below.
	if size := len(n.mant) + n.exp; size > 5000 || size < -5000 {
		return false
	}
	m, _ := new(big.Int).SetString(n.mant, 10)
	pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n.exp, -n.exp))), nil)
	if n.exp >= 0 {
		f.SetInt(m.Mul(m, pow))
	} else {
		f.Quo(new(big.Float).SetInt(m), new(big.Float).SetInt(pow))
	}
	return inRange(f)
}

// inRange reports whether f, which is not 0, is neither infinite nor zero as a
// long double.
func inRange(f *big.Float) bool {
	exp := f.MantExp(nil)
	if exp == longMin {
		return f.MinPrec() > 1 // just half of the least number rounds to zero
	}
	return longMin < exp && exp <= longMax
}
