package geos

import (
	"cmp"
	"slices"

	"ledge/replay/value"
)

// found is a member inside a shape.
type found struct {
	name     string
	score    float64
	at       point
	distance float64 // in metres, if it was asked for
}

// find returns the members inside a shape, at most limit unless that is 0, and
// how far they are if measured: to be exact takes longer than all the rest.
func find(z value.ZSet, s *shape, limit int, measured bool) []found {
	var out []found
	var last cell
	for i, c := range s.cells() {
		// In a small world a cell's neighbours may be one and the same.
		if i > 1 && c == last {
			continue
		}
		last = c
		end := float64(c.end())
		for name, score := range z.From(z.Index(float64(c.score()), false)) {
			if score >= end {
				break
			}
			p := pointOf(score)
			if !s.holds(p) {
				continue
			}
			var d float64
			if measured {
				d = distance(s.center, p)
			}
			if out = append(out, found{name, score, p, d}); len(out) == limit {
				return out
			}
		}
	}
	return out
}

// order is how a reply is sorted.
type order int

const (
	unsorted order = iota
	nearest
	farthest
)

// sort leaves members of the same distance as they were found. So does Redis,
// unless COUNT cuts some off; then their order there is that of its quicksort.
func (o order) sort(members []found) {
	switch o {
	case nearest:
		slices.SortStableFunc(members, byDistance)
	case farthest:
		slices.SortStableFunc(members, func(a, b found) int { return byDistance(b, a) })
	}
}

func byDistance(a, b found) int { return cmp.Compare(a.distance, b.distance) }
