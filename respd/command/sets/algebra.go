package sets

import (
	"iter"
	"slices"

	"ledge/replay"
	"ledge/replay/value"
)

// setsOf returns what keys hold. A key of another type is an error wherever it
// stands.
func setsOf(v *replay.View, keys [][]byte) ([]value.Set, error) {
	sets := make([]value.Set, len(keys))
	for i, key := range keys {
		var err error
		if sets[i], err = v.Set(key); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

func byLen(a, b value.Set) int { return a.Len() - b.Len() }

// intersection yields the members that all sets have. It walks the smallest.
func intersection(sets []value.Set) iter.Seq[string] {
	sets = slices.SortedStableFunc(slices.Values(sets), byLen)
	return func(yield func(string) bool) {
		if sets[0].Len() == 0 {
			return
		}
		for m := range members(sets[0]) {
			if inAll(sets[1:], m) && !yield(m) {
				return
			}
		}
	}
}

func inAll(sets []value.Set, member string) bool {
	for _, s := range sets {
		if !s.HasName(member) {
			return false
		}
	}
	return true
}

// union returns the members that any set has. Only what is not in the largest
// has to be looked after for doubles.
func union(sets []value.Set) []string {
	largest := slices.MaxFunc(sets, byLen)
	names := slices.AppendSeq(make([]string, 0, largest.Len()), largest.All())
	seen := make(map[string]struct{})
	for _, s := range sets {
		if s == largest {
			continue
		}
		for m := range s.All() {
			if largest.HasName(m) {
				continue
			}
			if _, twice := seen[m]; !twice {
				seen[m] = struct{}{}
				names = append(names, m)
			}
		}
	}
	return arranged(names)
}

// difference returns the members of the first set that no other has. It asks
// the others for each of the first, or takes what the others have away from the
// first, whichever looks at fewer members. The former can stop early, so it is
// taken to cost half.
func difference(sets []value.Set) []string {
	first, others := sets[0], sets[1:]
	if slices.Contains(others, first) {
		return nil
	}
	asking, taking := first.Len()*len(sets)/2, 0
	for _, s := range sets {
		taking += s.Len()
	}
	if asking > taking {
		return takeAway(first, others)
	}
	// The largest finds most, so it is asked first.
	others = slices.SortedStableFunc(slices.Values(others), func(a, b value.Set) int { return byLen(b, a) })
	var names []string
	for m := range first.All() {
		if !slices.ContainsFunc(others, func(s value.Set) bool { return s.HasName(m) }) {
			names = append(names, m)
		}
	}
	return arranged(names)
}

func takeAway(first value.Set, others []value.Set) []string {
	gone := make(map[string]struct{})
	for _, s := range others {
		for m := range s.All() {
			if first.HasName(m) {
				gone[m] = struct{}{}
			}
		}
		if len(gone) == first.Len() {
			return nil
		}
	}
	names := make([]string, 0, first.Len()-len(gone))
	for m := range first.All() {
		if _, ok := gone[m]; !ok {
			names = append(names, m)
		}
	}
	return arranged(names)
}
