package value

import (
	"iter"

	"ledge/journal"
)

// ZSet is a sorted set at one moment. It stays good after the view has ended.
// The zero ZSet is empty.
type ZSet struct{ b *zset }

// ZSetOf returns the sorted set that a body is. No body is an empty one.
func ZSetOf(b Body) ZSet {
	z, _ := b.(*zset)
	return ZSet{z}
}

// Len returns the number of members.
func (z ZSet) Len() int { return z.b.Len() }

func (z ZSet) get(member []byte) *Block {
	return z.b.get(text(member), Sum(text(member)))
}

// Score returns a member's score.
func (z ZSet) Score(member []byte) (float64, bool) {
	if e := z.get(member); e != nil {
		return e.score(), true
	}
	return 0, false
}

// ScoreOf is Score for a name that another collection gave.
func (z ZSet) ScoreOf(member string) (float64, bool) {
	if e := z.b.get(member, Sum(member)); e != nil {
		return e.score(), true
	}
	return 0, false
}

// Rank returns how many members stand before one.
func (z ZSet) Rank(member []byte) (int, bool) {
	e := z.get(member)
	if e == nil {
		return 0, false
	}
	i, _ := z.b.ranks.find(scoreKey(e.score()), e.Name())
	return i, true
}

// Present returns the members among those given that the set has, each once, as
// strings of their own.
func (z ZSet) Present(members [][]byte) []string { return present(z.b, members, anyElem) }

// At returns the member of a rank and its score.
func (z ZSet) At(rank int) (string, float64) {
	_, e := z.b.ranks.at(rank)
	return e.Name(), e.score()
}

// Index returns the rank of the first member whose score is not less than
// score, or, with after, is greater.
func (z ZSet) Index(score float64, after bool) int {
	if z.b == nil {
		return 0
	}
	how := beforeEqual
	if after {
		how = afterEqual
	}
	return z.b.ranks.search(scoreKey(score), "", how)
}

// IndexLex is Index by name, for a set whose scores are all the same.
func (z ZSet) IndexLex(member []byte, after bool) int {
	if z.b == nil || z.b.ranks.root == nil {
		return 0
	}
	lo, hi := 0, z.Len()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		_, e := z.b.ranks.at(mid)
		if name := e.Name(); name < text(member) || after && name == text(member) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// From yields members and scores upwards from a rank on.
func (z ZSet) From(rank int) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if z.b != nil {
			z.b.ranks.each(rank, func(_ uint64, e *Block) bool { return yield(e.Name(), e.score()) })
		}
	}
}

// Down yields members and scores downwards from a rank.
func (z ZSet) Down(rank int) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if z.b != nil {
			z.b.ranks.back(rank, func(_ uint64, e *Block) bool { return yield(e.Name(), e.score()) })
		}
	}
}

// Scan calls fn with at least count members from cursor on and returns where to
// go on, 0 at the end. A small set comes whole, in order of scores.
func (z ZSet) Scan(cursor uint64, count int, fn func(member string, score float64)) uint64 {
	switch {
	case z.b == nil:
		return 0
	case z.b.wide:
		return scanNames(&z.b.names, cursor, count, func(e *Block) { fn(e.Name(), e.score()) })
	}
	for m, score := range z.From(0) {
		fn(m, score)
	}
	return 0
}

// Wide reports whether Redis would keep the set in a skip list.
func (z ZSet) Wide() bool { return z.b != nil && z.b.wide }

// Growth follows a sorted set while members are added. Redis keeps the scores of
// one that is not wide as text, in which 0 has no sign.
type Growth struct {
	n    int
	wide bool
}

// Growth returns what the set is to begin with.
func (z ZSet) Growth() Growth { return Growth{z.Len(), z.Wide()} }

// Expect is told how many members there will be, of a set that is new.
func (g *Growth) Expect(n int) { g.wide = n > narrowScored }

// Add is told of a new member of so many bytes.
func (g *Growth) Add(size int) {
	g.n++
	g.wide = g.wide || g.n > narrowScored || size > narrowBytes
}

// Kept returns a score as the set keeps it.
func (g *Growth) Kept(score float64) float64 {
	if score == 0 && !g.wide {
		return 0
	}
	return score
}

// KeptScores makes of members what a new sorted set of them keeps; see Growth.
func KeptScores(members []journal.Scored) {
	wide := len(members) > narrowScored
	for i := range members {
		wide = wide || len(members[i].Member) > narrowBytes
	}
	for i := range members {
		if !wide && members[i].Score == 0 {
			members[i].Score = 0 // without a sign
		}
	}
}

// Scored is a member of a sorted set with its score, which is a number.
type Scored struct {
	Member []byte
	Score  float64
}
