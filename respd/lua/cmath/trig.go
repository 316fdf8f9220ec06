package cmath

import (
	"math"
	"math/big"
	"sync"
)

// Half of pi in four parts, and with as many digits as the largest number needs.
const (
	halfPiA = 0x1.921fb54442d18p+0
	halfPiB = 0x1.1a62633145c07p-54
	halfPiC = -0x1.f1976b7ed8fbcp-110
	halfPiD = 0x1.4cf98e804177dp-164

	halfPiDigits = "" +
		"1.5707963267948966192313216916397514420985846996875529104874722961539082" +
		"031431044993140174126710585339910740432566411533235469223047752911158626" +
		"797040642405587251420513509692605527798223114744774651909822144054878329" +
		"667230642378241168933915826356009545728242834617301743052271633241066968" +
		"036301245706368622935033031577940874407604604814146270458576821839462951" +
		"800056652652744102332606920734759707558047165286351828797959765460930586"
	halfPiBits = 1400
)

var halfPi = sync.OnceValue(func() *big.Float {
	f, _, err := big.ParseFloat(halfPiDigits, 10, halfPiBits, big.ToNearestEven)
	if err != nil {
		panic(err) // a constant
	}
	return f
})

// reduce is x less a multiple of half of pi, of which the last two bits are
// returned, too.
func reduce(x float64) (r double, quarter int) {
	switch {
	case math.Abs(x) < math.Pi/4:
		return double{x, 0}, 0
	case math.Abs(x) < 1<<27:
		k := math.RoundToEven(x / (math.Pi / 2))
		return double{x, 0}.lessMultiple(k, halfPiA, halfPiB, halfPiC, halfPiD), int(k) & 3
	}
	whole := new(big.Float).SetPrec(halfPiBits).SetFloat64(x)
	k, _ := new(big.Float).SetPrec(halfPiBits).Quo(whole, halfPi()).Int(nil)
	whole.Sub(whole, new(big.Float).SetPrec(halfPiBits).Mul(new(big.Float).SetPrec(halfPiBits).SetInt(k), halfPi()))
	r.hi, _ = whole.Float64()
	r.lo, _ = whole.Sub(whole, new(big.Float).SetFloat64(r.hi)).Float64()
	// The quotient was cut: what is left is up to half of pi.
	quarter = int(new(big.Int).And(k, big.NewInt(3)).Int64())
	if math.Abs(r.hi) > math.Pi/4 {
		step := math.Copysign(1, r.hi)
		r = r.lessMultiple(step, halfPiA, halfPiB, halfPiC)
		quarter = (quarter + int(step)) & 3
	}
	return r, quarter
}

// sinCos is sine and cosine.
func sinCos(x float64) (sin, cos double) {
	r, quarter := reduce(x)
	square := r.times(r)
	minus := double{-square.hi, -square.lo}
	for n := 27; n >= 1; n -= 2 {
		sin = sin.times(minus).plus(inverseFactorials[n])
		cos = cos.times(minus).plus(inverseFactorials[n+1])
	}
	sin = sin.times(r)
	cos = cos.times(minus).plus(double{1, 0})
	if quarter&1 != 0 {
		sin, cos = cos, double{-sin.hi, -sin.lo}
	}
	if quarter&2 != 0 {
		sin, cos = double{-sin.hi, -sin.lo}, double{-cos.hi, -cos.lo}
	}
	return sin, cos
}

// tiny is so small that sine and the like of it are itself.
const tiny = 1.0 / (1 << 27)

// outside returns what Sin, Cos and Tan are of what is no finite number.
func outside(x float64) (float64, bool) {
	if x != x {
		return x, true
	}
	return negativeNaN, math.IsInf(x, 0)
}

// Sin is the sine.
func Sin(x float64) float64 {
	if y, ok := outside(x); ok {
		return y
	}
	if math.Abs(x) < tiny {
		return x
	}
	s, _ := sinCos(x)
	return s.round()
}

// Cos is the cosine.
func Cos(x float64) float64 {
	if y, ok := outside(x); ok {
		return y
	}
	_, c := sinCos(x)
	return c.round()
}

// Tan is the tangent.
func Tan(x float64) float64 {
	if y, ok := outside(x); ok {
		return y
	}
	if math.Abs(x) < tiny {
		return x
	}
	s, c := sinCos(x)
	return s.over(c).round()
}

// Asin is the inverse of the sine.
func Asin(x float64) float64 {
	switch a := math.Abs(x); {
	case x != x || a < tiny:
		return x
	case a > 1:
		return positiveNaN
	case a == 1:
		return math.Copysign(math.Pi/2, x)
	}
	// Newton's step, with twice as many bits.
	y := math.Asin(x)
	s, c := sinCos(y)
	return double{y, 0}.plus(double{x, 0}.minus(s).over(c)).round()
}

// Acos is the inverse of the cosine.
func Acos(x float64) float64 {
	switch a := math.Abs(x); {
	case x != x:
		return x
	case a > 1:
		return positiveNaN
	case x == 1:
		return 0
	case x == -1:
		return math.Pi
	}
	y := math.Acos(x)
	for range 2 {
		s, c := sinCos(y)
		y = double{y, 0}.plus(c.minus(double{x, 0}).over(s)).round()
	}
	return y
}

// Atan is the inverse of the tangent.
func Atan(x float64) float64 {
	if a := math.Abs(x); x != x || a < tiny {
		return x
	} else if a > 1<<60 {
		return math.Copysign(math.Pi/2, x)
	}
	return arc(math.Atan(x), x, 1)
}

// Atan2 is the angle of a point.
func Atan2(y, x float64) float64 {
	switch {
	case x != x:
		return x
	case y != y:
		return y
	case x == 0 || y == 0 || math.IsInf(x, 0) || math.IsInf(y, 0):
		return math.Atan2(y, x)
	}
	_, ex := math.Frexp(x)
	_, ey := math.Frexp(y)
	if ex-ey > 60 || ey-ex > 60 {
		return math.Atan2(y, x)
	}
	return arc(math.Atan2(y, x), math.Ldexp(y, -ey), math.Ldexp(x, -ey))
}

// arc makes an angle of the point x, y more exact.
func arc(angle, y, x float64) float64 {
	s, c := sinCos(angle)
	X, Y := double{x, 0}, double{y, 0}
	off := Y.times(c).minus(X.times(s)).over(X.times(c).plus(Y.times(s)))
	return double{angle, 0}.plus(off).round()
}
