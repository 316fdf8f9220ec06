package cmath

import "math"

// negativeNaN is what processors of the kind amd64 make of operations that have
// no result; those of other kinds make another NaN. positiveNaN is C's NAN.
var (
	positiveNaN = math.Float64frombits(0x7ff8_0000_0000_0000)
	negativeNaN = math.Copysign(positiveNaN, -1)
)

// largestExp is the largest number that Exp is finite of.
const largestExp = 709.782712893383973096

// halves is half of e to the power of x, which may be out of range itself.
func halves(x, half float64) float64 {
	if x <= largestExp {
		return half * Exp(x)
	}
	w := Exp(x / 2)
	return half * w * w
}

// Cosh is the hyperbolic cosine in fdlibm's steps.
func Cosh(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return x
	case a < math.Ln2/2:
		t := math.Expm1(a)
		w := 1 + t
		if a < 1.0/(1<<55) {
			return w
		}
		return 1 + float64(t*t)/(w+w)
	case a < 22:
		t := Exp(a)
		return float64(0.5*t) + 0.5/t
	}
	return halves(a, 0.5)
}

// Sinh is the hyperbolic sine in fdlibm's steps.
func Sinh(x float64) float64 {
	a := math.Abs(x)
	h := math.Copysign(0.5, x)
	switch {
	case x != x || a < 1.0/(1<<28):
		return x
	case a < 1:
		t := math.Expm1(a)
		return h * (float64(2*t) - float64(t*t)/(t+1))
	case a < 22:
		t := math.Expm1(a)
		return h * (t + t/(t+1))
	}
	return halves(a, h)
}

// Tanh is the hyperbolic tangent in fdlibm's steps.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	var z float64
	switch {
	case x != x || a < 1.0/(1<<55):
		return x
	case a >= 22:
		z = 1
	case a >= 1:
		z = 1 - 2/(math.Expm1(2*a)+2)
	default:
		t := math.Expm1(-2 * a)
		z = -t / (t + 2)
	}
	return math.Copysign(z, x)
}

// Sqrt is the square root.
func Sqrt(x float64) float64 {
	if x < 0 {
		return negativeNaN
	}
	return math.Sqrt(x)
}

// Fmod is what is left of x after it has been divided by y.
func Fmod(x, y float64) float64 {
	switch f := math.Mod(x, y); {
	case x != x:
		return x
	case y != y:
		return y
	case f != f:
		return negativeNaN
	default:
		return f
	}
}
