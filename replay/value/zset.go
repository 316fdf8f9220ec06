package value

import (
	"fmt"
	"math"
	"slices"

	"ledge/journal"
)

// zset is the body of a sorted set. Its elements are members with a score. While
// it is small they stand among the ranks only.
type zset struct{ common }

func newZSet(c common) Body { return &zset{c} }

func (z *zset) Type() Type { return ZSetType }

func (z *zset) Len() int {
	if z == nil {
		return 0
	}
	return z.ranks.len()
}

func (z *zset) Live(int64) int { return z.Len() }

func (z *zset) Digest() uint64 { return z.summed(z.Len()) }

func (z *zset) Own(p *Pen) Body {
	if z.Mine(p) {
		return z
	}
	c := *z
	c.gen = p.gen
	return &c
}

func (z *zset) Apply(p *Pen, op journal.Op) error {
	switch o := op.(type) {
	case *journal.ZSetAdd:
		z.add(p, o.Members)
		return nil
	case *journal.ZSetRemove:
		for _, m := range o.Members {
			if !z.delete(p, m) {
				return fmt.Errorf("%w: %.64q", errNoElem, m)
			}
		}
		return nil
	case *journal.ZSetRemoveRange:
		return z.removeRange(p, o.First, o.Count)
	}
	return noMeaning(ZSetType, op)
}

func (z *zset) find(name string, sum uint64) (int, *Block) {
	switch {
	case z == nil:
		return 0, nil
	case !z.wide:
		return z.ranks.scan(0, name, false)
	}
	return z.names.find(sum, name)
}

// get is find without the place.
func (z *zset) get(name string, sum uint64) *Block {
	if z == nil || !z.wide {
		_, e := z.find(name, sum)
		return e
	}
	return z.names.get(sum, name)
}

func (z *zset) add(p *Pen, members []journal.Scored) {
	if z.Len() == 0 && len(members) >= fillLeast {
		z.fill(p, members)
		return
	}
	for i := range members {
		z.put(p, newScored(members[i].Member, members[i].Score))
	}
}

// put sets a member, in place of the one of its name.
func (z *zset) put(p *Pen, e *Block) {
	sum := Sum(e.Name())
	if !z.wide && (len(e.Name()) > narrowBytes || !room(z, e, sum, narrowScored)) {
		z.widen(p, z.ranks)
	}
	at, old := z.find(e.Name(), sum)
	z.count(sum, old, e)
	if old != nil {
		z.unrank(p, scoreKey(old.score()), old)
	}
	z.rank(p, scoreKey(e.score()), e)
	if z.wide {
		z.place(p, at, sum, old, e)
	}
}

// delete removes a member, and reports whether it was there.
func (z *zset) delete(p *Pen, name string) bool {
	sum := Sum(name)
	at, old := z.find(name, sum)
	if old == nil {
		return false
	}
	z.count(sum, old, nil)
	z.unrank(p, scoreKey(old.score()), old)
	if z.wide {
		z.remove(p, names, at, sum, old)
	}
	return true
}

func (z *zset) removeRange(p *Pen, first, count uint64) error {
	n := uint64(z.Len())
	if first > n || count > n-first {
		return fmt.Errorf("ranks %d to %d of %d", first, first+count, n)
	}
	if count >= fillLeast && count >= n/sparse {
		z.cut(p, int(first), int(count))
		return nil
	}
	for range count {
		_, e := z.ranks.at(int(first))
		z.delete(p, e.Name())
	}
	return nil
}

// fill makes the sorted set of these members.
func (z *zset) fill(p *Pen, members []journal.Scored) {
	es := make([]entry, len(members))
	for i := range members {
		m := &members[i]
		es[i] = entry{Sum(m.Member), newScored(m.Member, m.Score)}
		z.wide = z.wide || len(m.Member) > narrowBytes
	}
	p.note(step{of: &z.common, did: filled})
	es = byHash(es)
	for _, e := range es {
		z.count(e.key, nil, e.b)
	}
	if z.wide = z.wide || len(es) > narrowScored; z.wide {
		z.names.fill(p, es, filledSize)
	}
	for i := range es {
		es[i].key = scoreKey(es[i].b.score())
	}
	slices.SortFunc(es, compareEntries)
	z.ranks.fill(p, es, filledSize)
}

// sparse is the part of a sorted set from which on its names are better written
// anew than looked for one by one, when members are taken out.
const sparse = 16

// cut takes the members of a run of ranks out. They are cut out of the ranks as
// they stand; the names are filled anew with the others, which lie in order
// already.
func (z *zset) cut(p *Pen, at, count int) {
	if p.keeps {
		p.Fresh()
		z.gen = p.gen
		was := z.common
		p.note(step{of: &z.common, did: rebuilt, was: &was})
	}
	low, first := z.ranks.at(at)
	high, last := z.ranks.at(at + count - 1)
	// outside reports whether a member stands before or after the run.
	outside := func(e *Block) bool {
		key := scoreKey(e.score())
		return key < low || key > high || key == low && e.Name() < first.Name() || key == high && e.Name() > last.Name()
	}
	left := count
	z.ranks.each(at, func(_ uint64, e *Block) bool {
		z.count(Sum(e.Name()), e, nil)
		left--
		return left > 0
	})
	if z.wide {
		es := make([]entry, 0, z.names.len()-count)
		z.names.each(0, func(hash uint64, e *Block) bool {
			if outside(e) {
				es = append(es, entry{hash, e})
			}
			return true
		})
		z.names = tree{}
		z.names.fill(p, es, filledSize)
	}
	z.ranks.remove(p, at, count)
}

// scoreKey orders scores: less for less, and the same for both zeros.
func scoreKey(score float64) uint64 {
	if score == 0 {
		return 1 << 63
	}
	bits := math.Float64bits(score)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

func (z *zset) Check() error {
	if err := z.checkTrees(false); err != nil {
		return err
	}
	var again common
	var err error
	z.ranks.each(0, func(key uint64, e *Block) bool {
		sum := Sum(e.Name())
		again.count(sum, nil, e)
		if key != scoreKey(e.score()) {
			err = fmt.Errorf("member %.64q stands at another score", e.Name())
		}
		if z.get(e.Name(), sum) != e {
			err = notFound(e)
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case z.wide && z.names.len() != z.ranks.len():
		return fmt.Errorf("%d members by name and %d by score", z.names.len(), z.ranks.len())
	}
	return z.checkSums(again.bytes, again.sum)
}

func (z *zset) Elements(fn func(*Block) bool) { z.ranks.every(fn) }

// AppendElement appends a member's name and its score.
func (z *zset) AppendElement(b []byte, e *Block) []byte {
	return append(appendName(b, e), e.elemBytes()...)
}

func (z *zset) ReadElement(p *Pen, s string) (rest string, ok bool) {
	name, s, ok := cutBytes(s, 0)
	if !ok || len(s) < scoreLen {
		return "", false
	}
	score, before := math.Float64frombits(beUint64(s)), z.Len()
	if math.IsNaN(score) {
		return "", false
	}
	z.put(p, newScored(name, score))
	return s[scoreLen:], z.Len() == before+1
}
