package geos

import "math"

// shape is what to search: a circle or, with box, a rectangle along the
// meridian, around a place. The lengths are in the client's unit.
type shape struct {
	center        point
	box           bool
	radius        float64
	width, height float64
	unit          float64 // in metres
}

// reach is how far the shape may extend from its centre, in metres.
func (s *shape) reach() float64 {
	if s.box {
		w, h := s.width/2, s.height/2
		return math.Sqrt(float64(w*w)+float64(h*h)) * s.unit
	}
	return s.radius * s.unit
}

// holds reports whether p is inside.
func (s *shape) holds(p point) bool {
	c := s.center
	if s.box {
		return !beyond(p, point{p.lon, c.lat}, s.height*s.unit/2) &&
			!beyond(p, point{c.lon, p.lat}, s.width*s.unit/2)
	}
	return !beyond(c, p, s.radius*s.unit)
}

// bounds returns a rectangle in degrees around the shape.
func (s *shape) bounds() area {
	h, w := s.unit*s.radius, s.unit*s.radius
	if s.box {
		h, w = s.unit*(s.height/2), s.unit*(s.width/2)
	}
	c := s.center
	lat := h / earth / degree
	// Meridians are closer together towards the pole.
	edge := c.lat + lat
	if c.lat < 0 {
		edge = c.lat - lat
	}
	lon := w / earth / cosine(float64(edge*degree)) / degree
	return area{point{c.lon - lon, c.lat - lat}, point{c.lon + lon, c.lat + lat}}
}

// cells returns up to nine cells, the one around the centre first, that cover
// the shape. The order is Redis's, because replies without ASC or DESC show it.
func (s *shape) cells() []cell {
	step := s.step()
	mid := cellAt(s.center, latMax, step)
	b := s.bounds()
	if step > 1 && !covers(mid, b) {
		step--
		mid = cellAt(s.center, latMax, step)
	}
	a := mid.area()
	cells := []cell{mid}
	for _, to := range []struct{ east, north int }{
		{0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
	} {
		// What lies beyond an edge of the shape need not be searched.
		if step >= 2 && (to.north < 0 && a.min.lat < b.min.lat ||
			to.north > 0 && a.max.lat > b.max.lat ||
			to.east < 0 && a.min.lon < b.min.lon ||
			to.east > 0 && a.max.lon > b.max.lon) {
			continue
		}
		cells = append(cells, mid.move(to.east, to.north))
	}
	return cells
}

// step returns how small cells may be for nine of them to cover the shape, in
// most places.
func (s *shape) step() int {
	const side = 20037726.37 // half of the world's width in metres
	r := s.reach()
	if r == 0 {
		return steps
	}
	n := -1
	for ; r < side; r *= 2 {
		n++
	}
	// Meridians are closer together towards the poles.
	switch lat := math.Abs(s.center.lat); {
	case lat > 80:
		n -= 2
	case lat > 66:
		n--
	}
	return min(max(n, 1), steps)
}

// covers reports whether mid and its neighbours reach as far as b.
func covers(mid cell, b area) bool {
	return mid.move(0, 1).area().max.lat >= b.max.lat && mid.move(0, -1).area().min.lat <= b.min.lat &&
		mid.move(1, 0).area().max.lon >= b.max.lon && mid.move(-1, 0).area().min.lon <= b.min.lon
}
