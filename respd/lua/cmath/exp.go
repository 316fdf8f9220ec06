package cmath

import "math"

// The logarithm of 2 in three parts.
const (
	ln2A = 0x1.62e42fefa39efp-1
	ln2B = 0x1.abc9e3b39803fp-56
	ln2C = 0x1.7b57a079a1934p-111
)

// inverseFactorials are 1/n!.
var inverseFactorials = func() (all [30]double) {
	f := double{1, 0}
	for n := range all {
		if n > 1 {
			f = f.times(double{float64(n), 0})
		}
		all[n] = double{1, 0}.over(f)
	}
	return all
}()

// lessMultiple subtracts k times a constant that comes in parts.
func (a double) lessMultiple(k float64, parts ...float64) double {
	for _, p := range parts {
		a = a.minus(product(k, p))
	}
	return a
}

// parts is how many parts an octave has in roots, which are 2 to the power of
// n/parts. The series is for what is left, which is so small that few terms are
// needed.
const parts = 64

var roots = func() (all [parts]double) {
	for n := range all {
		r := double{}.lessMultiple(-float64(n)/parts, ln2A, ln2B, ln2C)
		s := inverseFactorials[24]
		for i := 23; i >= 0; i-- {
			s = s.times(r).plus(inverseFactorials[i])
		}
		all[n] = s
	}
	return all
}()

// expOf is e to the power of x, as r times 2 to the power of k. x must be within
// 1100 of 0.
func expOf(x double) (r double, k int) {
	n := math.RoundToEven(x.hi * (parts / math.Ln2))
	r = x.lessMultiple(n/parts, ln2A, ln2B, ln2C)
	// From the sixth power on, a number's bits are enough.
	h := r.hi
	tail := h * (1.0/720 + h*(1.0/5040+h*(1.0/40320+h*(1.0/362880))))
	s := inverseFactorials[5].plus(double{tail, 0})
	for i := 4; i >= 0; i-- {
		s = s.times(r).plus(inverseFactorials[i])
	}
	whole := int(n)
	return s.times(roots[whole&(parts-1)]), whole >> 6
}

// Exp is e to the power of x.
func Exp(x float64) float64 {
	switch {
	case x != x:
		return x
	case x > 710:
		return math.Inf(1)
	case x < -746:
		return 0
	}
	r, k := expOf(double{x, 0})
	return math.Ldexp(r.round(), k)
}

// logOf is the logarithm of a positive number.
func logOf(x float64) double {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	l := logNear(m)
	if e != 0 {
		l = l.lessMultiple(-float64(e), ln2A, ln2B, ln2C)
	}
	return l
}

// logNear is the logarithm of a number that is not far from 1.
func logNear(m float64) double {
	if f := m - 1; math.Abs(f) < 1.0/64 {
		// 2 (s + s^3/3 + s^5/5 ...) where s is f/(2+f)
		s := double{f, 0}.over(twoSum(2, f))
		square := s.times(s)
		l := double{}
		for n := 17.0; n >= 1; n -= 2 {
			l = l.times(square).plus(double{1, 0}.over(double{n, 0}))
		}
		return l.times(s).scale(2)
	}
	// What it is off by is the logarithm of a number that is very close to 1.
	l := math.Log(m)
	r, k := expOf(double{-l, 0})
	t := r.times(double{math.Ldexp(m, k), 0}).minus(double{1, 0})
	return double{l, 0}.plus(t).minus(t.times(t).scale(0.5))
}

// Log is the natural logarithm.
func Log(x float64) float64 {
	switch {
	case x != x:
		return x
	case x < 0:
		return negativeNaN
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	return logOf(x).round()
}

// Log10 is the decimal logarithm in fdlibm's steps.
func Log10(x float64) float64 {
	const (
		perLn10 = 4.34294481903251816668e-01
		log10A  = 3.01029995663611771306e-01 // the logarithm of 2
		log10B  = 3.69423907715893078616e-13
	)
	switch {
	case x != x:
		return x
	case x < 0:
		return positiveNaN
	case x == 0:
		return math.Inf(-1)
	case x > math.MaxFloat64:
		return x
	}
	m, e := math.Frexp(x)
	e--
	m *= 2
	if e < 0 {
		e++
		m /= 2
	}
	y := float64(e)
	z := float64(y*log10B) + float64(perLn10*Log(m))
	return z + float64(y*log10A)
}

// Pow is x to the power of y.
func Pow(x, y float64) float64 {
	switch {
	case x == 1 || y == 0:
		return 1
	case x != x && math.Signbit(x) && !math.IsInf(y, 0) && math.Abs(math.Mod(y, 2)) == 1:
		return -x
	case x != x:
		return x
	case y != y:
		return y
	case y == 1:
		return x
	case y == 2:
		return x * x
	case x == 0 || math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Pow(x, y)
	}
	sign := 1.0
	if x < 0 {
		if y != math.Floor(y) {
			return negativeNaN
		}
		if math.Mod(y, 2) != 0 {
			sign = -1
		}
		x = -x
	}
	l := logOf(x)
	switch guess := l.hi * y; {
	case guess > 710:
		return sign * math.Inf(1)
	case guess < -746:
		return math.Copysign(0, sign)
	}
	r, k := expOf(l.times(double{y, 0}))
	return math.Ldexp(sign*r.round(), k)
}
