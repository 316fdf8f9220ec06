package geos

import "math"

// The C library's sine, cosine and arc sine are exact to the last digit nearly
// always, and distances show it: STOREDIST keeps all of their digits. Go's are
// not, so these reckon with two numbers, of which the second holds the digits
// that the first has no room for.

// pair is the sum of two numbers, the second far smaller.
type pair struct{ hi, lo float64 }

func sum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func product(a, b float64) pair {
	p := float64(a * b)
	return pair{p, math.FMA(a, b, -p)}
}

func (x pair) add(y pair) pair {
	s := sum(x.hi, y.hi)
	t := sum(x.lo, y.lo)
	s = sum(s.hi, s.lo+t.hi)
	return sum(s.hi, s.lo+t.lo)
}

func (x pair) times(y pair) pair {
	p := product(x.hi, y.hi)
	return sum(p.hi, p.lo+float64(x.hi*y.lo)+float64(x.lo*y.hi))
}

// sine returns sin x for |x| up to some turns.
func sine(x float64) float64 { return quarter(x, 0).hi }

// cosine returns cos x.
func cosine(x float64) float64 { return quarter(x, 1).hi }

// arcsine returns asin x, NaN beyond 1.
func arcsine(x float64) float64 {
	// Where the sine is as flat as that, Go's arc sine is so far off that one
	// step of Newton's is not enough.
	const flat = 1e-4
	y, c := newton(x, math.Asin(x))
	if c < flat {
		y, _ = newton(x, y)
	}
	return y
}

// newton returns a better arc sine of x than y is, and the cosine of y.
func newton(x, y float64) (better, c float64) {
	s := quarter(y, 0)
	c = math.Cos(y)
	if c != 0 {
		y += ((x - s.hi) - s.lo) / c
	}
	return y, c
}

// quarter returns the sine of x and so many quarters of a turn.
func quarter(x float64, turns int) pair {
	const ( // a quarter of a turn in three parts
		q1 = 1.5707963267948966
		q2 = 6.123233995736766e-17
		q3 = -1.4973849048591833e-33
	)
	k := math.RoundToEven(x / q1)
	r := sum(x, 0)
	for _, q := range []float64{q1, q2, q3} {
		r = r.add(product(-k, q))
	}
	n := int(k) + turns
	var y pair
	if n&1 == 0 {
		y = series(r, 1).times(r)
	} else {
		y = series(r, 0)
	}
	if n&2 != 0 {
		y = pair{-y.hi, -y.lo}
	}
	return y
}

const (
	// terms of the series are enough for a double's digits and as many again;
	// only the first few, which weigh more, are reckoned with pairs.
	terms  = 13
	paired = 5
)

// inverses has 1/((2i-1+odd)(2i+odd)) at place odd and i-1.
var inverses = func() (out [2][terms]pair) {
	for odd := range out {
		for i := range out[odd] {
			n := float64((2*i + 1 + odd) * (2*i + 2 + odd))
			q := 1 / n
			p := product(q, n)
			out[odd][i] = sum(q, ((1-p.hi)-p.lo)/n)
		}
	}
	return out
}()

// series returns 1 - r²/((1+odd)(2+odd)) · (1 - r²/((3+odd)(4+odd)) · …): the
// cosine of r, or with odd 1 its sine by r. r is at most an eighth of a turn.
func series(r pair, odd int) pair {
	square := r.times(r)
	square = pair{-square.hi, -square.lo}
	inverse := &inverses[odd]
	rest := 1.0
	for i := terms - 1; i >= paired; i-- {
		rest = 1 + float64(float64(square.hi*rest)*inverse[i].hi)
	}
	y := pair{rest, 0}
	for i := paired - 1; i >= 0; i-- {
		y = square.times(y).times(inverse[i]).add(pair{1, 0})
	}
	return y
}
