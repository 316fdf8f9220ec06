package zsets

import (
	"iter"
	"maps"
	"math"
	"slices"

	"ledge/replay"
	"ledge/replay/value"
)

// source is a key that ZUNION and its kind read: a sorted set, or a set whose
// members all have the score 1.
type source struct {
	zset   value.ZSet
	set    value.Set
	weight float64
}

// sources returns what keys hold, with weights of 1.
func sources(v *replay.View, keys [][]byte) ([]source, error) {
	srcs := make([]source, len(keys))
	for i, key := range keys {
		s, err := &srcs[i], error(nil)
		s.weight = 1
		if v.Type(key) == value.SetType {
			s.set, err = v.Set(key)
		} else {
			s.zset, err = v.ZSet(key)
		}
		if err != nil {
			return nil, err
		}
	}
	return srcs, nil
}

func (s *source) len() int { return s.set.Len() + s.zset.Len() }

// all yields members and scores, without the weight.
func (s *source) all() iter.Seq2[string, float64] {
	if s.set.Len() == 0 {
		return s.zset.From(0)
	}
	return func(yield func(string, float64) bool) {
		for m := range s.set.All() {
			if !yield(m, 1) {
				return
			}
		}
	}
}

// score returns a member's score without the weight.
func (s *source) score(member string) (float64, bool) {
	if s.set.Len() == 0 {
		return s.zset.ScoreOf(member)
	}
	return 1, s.set.HasName(member)
}

func byLen(a, b source) int { return a.len() - b.len() }

// notNaN makes 0 of what is no number: inf·0 and inf-inf.
func notNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// An aggregate makes one score of two. NaN, which only the second may be, is
// never less or more.
type aggregate func(a, b float64) float64

func aggregateSum(a, b float64) float64 { return notNaN(a + b) }

func aggregateMin(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func aggregateMax(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// union returns the members that any source has. Scores are added up from the
// smallest source to the largest, as Redis does: the order shows in the last
// digits.
func union(srcs []source, of aggregate) map[string]float64 {
	srcs = slices.SortedStableFunc(slices.Values(srcs), byLen)
	found := make(map[string]float64, srcs[len(srcs)-1].len())
	for _, s := range srcs {
		for member, score := range s.all() {
			score = notNaN(score * s.weight)
			if before, ok := found[member]; ok {
				score = of(before, score)
			}
			found[member] = score
		}
	}
	return found
}

// intersection yields the members that all sources have. It walks the smallest.
func intersection(srcs []source, of aggregate) iter.Seq2[string, float64] {
	srcs = slices.SortedStableFunc(slices.Values(srcs), byLen)
	return func(yield func(string, float64) bool) {
		for member, score := range srcs[0].all() {
			score = notNaN(score * srcs[0].weight)
			if inAll(srcs[1:], member, &score, of) && !yield(member, score) {
				return
			}
		}
	}
}

// inAll reports whether all sources have a member, and adds up its score.
func inAll(srcs []source, member string, score *float64, of aggregate) bool {
	for i := range srcs {
		other, ok := srcs[i].score(member)
		if !ok {
			return false
		}
		*score = of(*score, other*srcs[i].weight)
	}
	return true
}

// difference returns the members of the first source that no other has. It asks
// the others for each of the first, or takes what the others have away from the
// first, whichever looks at fewer members.
func difference(srcs []source) map[string]float64 {
	first, others := srcs[0], srcs[1:]
	asking, taking := first.len()*len(others), 0
	for i := range others {
		taking += others[i].len()
	}
	if asking > taking+first.len() {
		found := maps.Collect(first.all())
		for i := range others {
			for member := range others[i].all() {
				delete(found, member)
			}
		}
		return found
	}
	found := make(map[string]float64)
	for member, score := range first.all() {
		if !slices.ContainsFunc(others, func(s source) bool { _, ok := s.score(member); return ok }) {
			found[member] = score
		}
	}
	return found
}
