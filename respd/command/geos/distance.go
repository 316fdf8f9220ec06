package geos

import "math"

const (
	earth  = 6372797.560856 // mean radius in metres
	degree = 0.017453292519943295
)

// distance returns the metres from a to b by the haversine formula, with every
// step rounded as Redis rounds it.
func distance(a, b point) float64 {
	return haversine(a, b, sine, cosine, arcsine)
}

// roughly is distance, and faster, but for the last digits. On the other side
// of the earth, where Go's arc sine is worst, it may be some centimetres off.
func roughly(a, b point) float64 {
	return haversine(a, b, math.Sin, math.Cos, math.Asin)
}

func haversine(a, b point, sin, cos, asin func(float64) float64) float64 {
	lat1, lon1 := float64(a.lat*degree), float64(a.lon*degree)
	lat2, lon2 := float64(b.lat*degree), float64(b.lon*degree)
	u := sin((lat2 - lat1) / 2)
	v := sin((lon2 - lon1) / 2)
	w := float64(cos(lat1) * cos(lat2) * v * v)
	return 2 * earth * asin(math.Sqrt(float64(u*u)+w))
}

// beyond reports whether a and b are farther apart than bound, which the exact
// distance only has to tell if the other is near it.
func beyond(a, b point, bound float64) bool {
	d := roughly(a, b)
	if math.Abs(d-bound) < 1 {
		d = distance(a, b)
	}
	return d > bound
}
