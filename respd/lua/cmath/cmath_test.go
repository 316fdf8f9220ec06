package cmath_test

import (
	"math"
	"testing"

	"ledge/respd/lua/cmath"
)

// Results are those of glibc 2.36 on amd64, bit for bit.
func TestResults(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"Exp(1)", cmath.Exp(1), 2.718281828459045},
		{"Exp(-745)", cmath.Exp(-745), 5e-324},
		{"Exp(-746)", cmath.Exp(-746), 0},
		{"Exp(709.8)", cmath.Exp(709.8), inf},
		{"Exp(inf)", cmath.Exp(inf), inf},
		{"Exp(-inf)", cmath.Exp(-inf), 0},
		{"Log(10)", cmath.Log(10), 2.302585092994046},
		{"Log(1+2^-52)", cmath.Log(1 + 0x1p-52), 2.2204460492503128e-16},
		{"Log(5e-324)", cmath.Log(5e-324), -744.4400719213812},
		{"Log(0)", cmath.Log(0), -inf},
		{"Log(-1)", cmath.Log(-1), nan},
		{"Log10(1000)", cmath.Log10(1000), 3},
		{"Log10(1e-5)", cmath.Log10(1e-5), -5},
		{"Log10(2)", cmath.Log10(2), 0.3010299956639812},
		{"Pow(2,10)", cmath.Pow(2, 10), 1024},
		{"Pow(10,-2)", cmath.Pow(10, -2), 0.01},
		{"Pow(-8,3)", cmath.Pow(-8, 3), -512},
		{"Pow(-8,1/3)", cmath.Pow(-8, 1.0/3), nan},
		{"Pow(9,0.5)", cmath.Pow(9, 0.5), 3},
		{"Pow(2,1024)", cmath.Pow(2, 1024), inf},
		{"Pow(-2,1025)", cmath.Pow(-2, 1025), -inf},
		{"Pow(2,-1074)", cmath.Pow(2, -1074), 5e-324},
		{"Pow(0,-1)", cmath.Pow(0, -1), inf},
		{"Pow(1,nan)", cmath.Pow(1, nan), 1},
		{"Pow(nan,0)", cmath.Pow(nan, 0), 1},
		{"Sin(1e22)", cmath.Sin(1e22), -0.8522008497671888},
		{"Sin(pi)", cmath.Sin(math.Pi), 1.2246467991473532e-16},
		{"Sin(MaxFloat64)", cmath.Sin(math.MaxFloat64), 0.004961954789184062},
		{"Cos(1e300)", cmath.Cos(1e300), -0.5753861119575491},
		{"Cos(pi/2)", cmath.Cos(math.Pi / 2), 6.123233995736766e-17},
		{"Tan(2^63)", cmath.Tan(1 << 63), 84.73931296875567},
		{"Asin(1)", cmath.Asin(1), math.Pi / 2},
		{"Asin(-0.464)", cmath.Asin(-0.464), -0.48250539887539495},
		{"Asin(2)", cmath.Asin(2), nan},
		{"Acos(-1)", cmath.Acos(-1), math.Pi},
		{"Acos(0.9999999999999999)", cmath.Acos(0.9999999999999999), 1.4901161193847656e-08},
		{"Atan(1e10)", cmath.Atan(1e10), 1.5707963266948966},
		{"Atan2(0,-1)", cmath.Atan2(0, -1), math.Pi},
		{"Atan2(1,1e300)", cmath.Atan2(1, 1e300), 1e-300},
		{"Cosh(710)", cmath.Cosh(710), 1.1169973830808557e+308},
		{"Sinh(0.5)", cmath.Sinh(0.5), 0.5210953054937474},
		{"Tanh(0.5)", cmath.Tanh(0.5), 0.46211715726000973},
		{"Fmod(5.5,-2)", cmath.Fmod(5.5, -2), 1.5},
		{"Fmod(1,0)", cmath.Fmod(1, 0), nan},
		{"Sqrt(-1)", cmath.Sqrt(-1), nan},
	} {
		if c.got != c.want && !(c.got != c.got && c.want != c.want) {
			t.Errorf("%s = %.17g; want %.17g", c.name, c.got, c.want)
		}
	}
}

// What has no result is the NaN that scripts see printed by C.
func TestSigns(t *testing.T) {
	negative := math.Copysign(math.NaN(), -1)
	for _, c := range []struct {
		name string
		got  float64
		sign bool
	}{
		{"Sqrt(-1)", cmath.Sqrt(-1), true}, {"Log(-1)", cmath.Log(-1), true}, {"Log10(-1)", cmath.Log10(-1), false},
		{"Acos(2)", cmath.Acos(2), false}, {"Asin(2)", cmath.Asin(2), false}, {"Sin(inf)", cmath.Sin(math.Inf(1)), true},
		{"Fmod(1,0)", cmath.Fmod(1, 0), true}, {"Pow(-8,1/3)", cmath.Pow(-8, 1.0/3), true},
		{"Cosh(-nan)", cmath.Cosh(negative), true}, {"Pow(-nan,3)", cmath.Pow(negative, 3), false},
		{"Pow(-nan,2.5)", cmath.Pow(negative, 2.5), true}, {"Atan2(-nan,1)", cmath.Atan2(negative, 1), true},
	} {
		if c.got == c.got || math.Signbit(c.got) != c.sign {
			t.Errorf("%s = %g, negative %t; want a NaN, negative %t", c.name, c.got, math.Signbit(c.got), c.sign)
		}
	}
}

func BenchmarkPow(b *testing.B) {
	for b.Loop() {
		cmath.Pow(1.5, 2.75)
	}
}

func BenchmarkSin(b *testing.B) {
	for b.Loop() {
		cmath.Sin(10.75)
	}
}

func BenchmarkSinLarge(b *testing.B) {
	for b.Loop() {
		cmath.Sin(1e300)
	}
}
