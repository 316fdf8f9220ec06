// Package cmath has C's functions of floating point numbers as glibc on amd64
// rounds them, so that scripts print the same digits on all processors.
//
// glibc's exp, log, pow, sin, cos, tan and their inverses are off by hardly more
// than half of the last bit: what they return is nearly always the result that
// is rightly rounded. Here it is that in all but one of some billions of cases:
// it is calculated with twice as many bits. Those functions that are less exact
// in glibc (log10 and the hyperbolic ones) are calculated in the steps that
// fdlibm, which they come from, takes.
package cmath

import "math"

// double is a number with twice as many bits: the sum of two of which the second
// is less than the last bit of the first.
type double struct{ hi, lo float64 }

// sum adds two numbers exactly; the first must not be the smaller one.
func sum(a, b float64) double {
	s := a + b
	return double{s, b - (s - a)}
}

// twoSum adds two numbers exactly.
func twoSum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

// product multiplies two numbers exactly.
func product(a, b float64) double {
	p := a * b
	return double{p, math.FMA(a, b, -p)}
}

func (a double) plus(b double) double {
	s := twoSum(a.hi, b.hi)
	t := twoSum(a.lo, b.lo)
	s = sum(s.hi, s.lo+t.hi)
	return sum(s.hi, s.lo+t.lo)
}

func (a double) minus(b double) double { return a.plus(double{-b.hi, -b.lo}) }

func (a double) times(b double) double {
	p := product(a.hi, b.hi)
	return sum(p.hi, p.lo+(a.hi*b.lo+a.lo*b.hi))
}

func (a double) over(b double) double {
	q := a.hi / b.hi
	r := a.minus(b.times(double{q, 0}))
	q2 := r.hi / b.hi
	r = r.minus(b.times(double{q2, 0}))
	return sum(q, q2).plus(double{r.hi / b.hi, 0})
}

// scale multiplies by a power of two, which must not go out of range.
func (a double) scale(by float64) double { return double{a.hi * by, a.lo * by} }

// round returns the nearest number.
func (a double) round() float64 { return a.hi + a.lo }
