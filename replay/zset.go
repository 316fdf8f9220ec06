package replay

import (
	"fmt"
	"iter"

	"ledge/journal"
)

func applyZSetAdd(s store, o *journal.ZSetAdd) error {
	return alter(s, o.DB, o.Key, ZSetType, o, func(b *body, p *pen) error {
		if b.fills(len(o.Members)) {
			b.fillScored(p, o.Members)
			return nil
		}
		for i := range o.Members {
			m := &o.Members[i]
			b.put(p, newScored(m.Member, m.Score), scoreKey(m.Score))
		}
		return nil
	})
}

func applyZSetRemove(s store, o *journal.ZSetRemove) error {
	return alter(s, o.DB, o.Key, ZSetType, o, func(b *body, p *pen) error {
		return b.deleteAll(p, o.Members)
	})
}

func applyZSetRemoveRange(s store, o *journal.ZSetRemoveRange) error {
	return alter(s, o.DB, o.Key, ZSetType, o, func(b *body, p *pen) error {
		if n := uint64(b.len()); o.First > n || o.Count > n-o.First {
			return fmt.Errorf("ranks %d to %d of %d", o.First, o.First+o.Count, n)
		}
		if o.Count >= fillLeast && o.Count >= uint64(b.len()/sparse) {
			b.cutRanks(p, int(o.First), int(o.Count))
			return nil
		}
		for range o.Count {
			_, e := b.ranks.at(int(o.First))
			b.delete(p, e.name())
		}
		return nil
	})
}

// ZSet is a sorted set at one moment. It stays good after the view has ended.
// The zero ZSet is empty.
type ZSet struct{ b *body }

// ZSet returns what key holds. A key that is not there is empty.
func (v *View) ZSet(key []byte) (ZSet, error) {
	b, err := v.bodyOf(key, ZSetType)
	return ZSet{b}, err
}

// Len returns the number of members.
func (z ZSet) Len() int { return z.b.len() }

func (z ZSet) get(member []byte) *block {
	_, e := z.b.find(unsafeString(member), keyHash(unsafeString(member)))
	return e
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
	if _, e := z.b.find(member, keyHash(member)); e != nil {
		return e.score(), true
	}
	return 0, false
}

// Rank returns how many members stand in front of one.
func (z ZSet) Rank(member []byte) (int, bool) {
	e := z.get(member)
	if e == nil {
		return 0, false
	}
	i, _ := z.b.ranks.find(scoreKey(e.score()), e.name())
	return i, true
}

// At returns the member of a rank and its score.
func (z ZSet) At(rank int) (string, float64) {
	_, e := z.b.ranks.at(rank)
	return e.name(), e.score()
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
		if name := e.name(); name < unsafeString(member) || after && name == unsafeString(member) {
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
			z.b.ranks.each(rank, func(_ uint64, e *block) bool { return yield(e.name(), e.score()) })
		}
	}
}

// Down yields members and scores downwards from a rank.
func (z ZSet) Down(rank int) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if z.b != nil {
			z.b.ranks.back(rank, func(_ uint64, e *block) bool { return yield(e.name(), e.score()) })
		}
	}
}

// Scan is View.Scan for members. A small set comes whole, in order of scores.
func (z ZSet) Scan(cursor uint64, count int, fn func(member string, score float64)) uint64 {
	switch {
	case z.b == nil:
		return 0
	case z.b.wide:
		return scanNames(&z.b.names, cursor, count, func(e *block) { fn(e.name(), e.score()) })
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

// Scored is a member of a sorted set with its score, which is a number.
type Scored struct {
	Member []byte
	Score  float64
}

// SetScores gives members of a sorted set these scores. Those that have them
// already should not be among them. Whether 0 has a sign is up to the caller.
func (d *Draft) SetScores(key []byte, members []Scored) error {
	if len(members) == 0 {
		return nil
	}
	op := &journal.ZSetAdd{DB: d.db, Key: string(key), Members: make([]journal.Scored, len(members))}
	for i, m := range members {
		if err := d.fits(len(key), len(m.Member)); err != nil {
			return err
		}
		op.Members[i] = journal.Scored{Score: m.Score, Member: string(m.Member)}
	}
	if _, err := d.fresh(key, ZSetType); err != nil {
		return err
	}
	return d.emit(op)
}

// ReplaceZSet makes key a sorted set of these members, each named once, whatever
// it was; with none it deletes the key. The members are kept.
func (d *Draft) ReplaceZSet(key []byte, members []journal.Scored) error {
	wide := len(members) > narrowScored
	for i := range members {
		if err := d.fits(len(key), len(members[i].Member)); err != nil {
			return err
		}
		wide = wide || len(members[i].Member) > narrowBytes
	}
	for i := range members {
		if !wide && members[i].Score == 0 {
			members[i].Score = 0 // see Growth
		}
	}
	if _, err := d.Delete(key); err != nil || len(members) == 0 {
		return err
	}
	if _, err := d.fresh(key, ZSetType); err != nil {
		return err
	}
	return d.emit(&journal.ZSetAdd{DB: d.db, Key: string(key), Members: members})
}

// RemoveScored removes members of a sorted set and returns how many were there.
func (d *Draft) RemoveScored(key []byte, members [][]byte) (int, error) {
	z, err := d.ZSet(key)
	if err != nil || z.b == nil {
		return 0, err
	}
	gone := removal(z.b, members, anyElem)
	switch len(gone) {
	case 0:
		return 0, nil
	case z.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return len(gone), d.emit(&journal.ZSetRemove{DB: d.db, Key: string(key), Members: gone})
}

// RemoveRanks removes count members of a sorted set, which must be there, from
// a rank on.
func (d *Draft) RemoveRanks(key []byte, first, count int) error {
	z, err := d.ZSet(key)
	switch {
	case err != nil || count == 0:
		return err
	case count == z.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: string(key)})
	}
	return d.emit(&journal.ZSetRemoveRange{DB: d.db, Key: string(key),
		First: uint64(first), Count: uint64(count)})
}
