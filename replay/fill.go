package replay

import (
	"cmp"
	"slices"

	"ledge/journal"
)

// What SORT … STORE, SUNIONSTORE, RESTORE and their like write is a whole
// collection at once. Inserting its elements one by one looks for each one's
// place, in nodes that are not in the cache, and splits and moves what was just
// written. An empty body is filled from all of them in order instead: a set of
// 150,000 in a fifth of the time.

const (
	// fillLeast is how many elements are worth it.
	fillLeast = 64
	// filledSize is how full nodes are then: some room is left for what is inserted.
	filledSize = fanout * 7 / 8
)

// entry is a block with its key in a tree.
type entry struct {
	key uint64
	b   *block
}

// fills reports whether so many elements are put into the body all at once.
func (b *body) fills(n int) bool { return n >= fillLeast && b.len() == 0 }

// fill makes a tree of entries, which are in its order.
func (t *tree) fill(p *pen, es []entry, size int) {
	level := make([]*node, 0, len(es)/size+1)
	for part := range slices.Chunk(es, size) {
		n := newNode(p, fanout, false)
		for _, e := range part {
			n.keys, n.blocks = append(n.keys, e.key), append(n.blocks, e.b)
		}
		n.n = len(part)
		t.fix(n)
		level = append(level, n)
	}
	for len(level) > 1 {
		up := make([]*node, 0, len(level)/filledSize+1)
		for part := range slices.Chunk(level, filledSize) {
			n := newNode(p, fanout, true)
			for _, kid := range part {
				n.kids, n.counts = append(n.kids, kid), append(n.counts, int32(kid.n))
				n.keys, n.blocks = append(n.keys, kid.keys[0]), append(n.blocks, kid.blocks[0])
			}
			n.n = n.before(len(n.counts))
			t.fix(n)
			up = append(up, n)
		}
		level = up
	}
	if len(level) > 0 {
		t.root = level[0]
	}
}

// fillItems makes the body the list of these items, in this order or backwards.
func (b *body) fillItems(p *pen, items []string, backwards bool) {
	es := make([]entry, len(items))
	for i, item := range items {
		e := newElem(item, "")
		b.bytes += e.weight()
		if backwards {
			i = len(items) - 1 - i
		}
		es[i] = entry{keyHash(item), e}
	}
	p.note(step{b: b, did: filled})
	b.names.fill(p, es, fanout)
}

// byHash puts blocks in the order of their hashes and then names, and takes out
// all but the last of those that have the same name.
func byHash(es []entry) []entry {
	slices.SortStableFunc(es, func(x, y entry) int {
		if x.key != y.key {
			return cmp.Compare(x.key, y.key)
		}
		return cmp.Compare(x.b.name(), y.b.name())
	})
	n := 0
	for i, e := range es {
		if i+1 < len(es) && es[i+1].key == e.key && es[i+1].b.name() == e.b.name() {
			continue
		}
		es[n] = e
		n++
	}
	clear(es[n:])
	return es[:n]
}

// fillMembers makes the body the set of these members.
func (b *body) fillMembers(p *pen, members []string) {
	es := make([]entry, len(members))
	for i, m := range members {
		es[i] = entry{keyHash(m), newElem(m, "")}
		b.wide = b.wide || !isInt(m)
	}
	p.note(step{b: b, did: filled})
	es = byHash(es)
	for _, e := range es {
		b.count(e.key, nil, e.b)
	}
	b.wide = b.wide || len(es) > narrowIntset
	b.names.fill(p, es, filledSize)
}

// fillScored makes the body the sorted set of these members.
func (b *body) fillScored(p *pen, members []journal.Scored) {
	es := make([]entry, len(members))
	for i := range members {
		m := &members[i]
		es[i] = entry{keyHash(m.Member), newScored(m.Member, m.Score)}
		b.wide = b.wide || len(m.Member) > narrowBytes
	}
	p.note(step{b: b, did: filled})
	es = byHash(es)
	for _, e := range es {
		b.count(e.key, nil, e.b)
	}
	if b.wide = b.wide || len(es) > narrowScored; b.wide {
		b.names.fill(p, es, filledSize)
	}
	for i := range es {
		es[i].key = scoreKey(es[i].b.score())
	}
	slices.SortFunc(es, func(x, y entry) int {
		if x.key != y.key {
			return cmp.Compare(x.key, y.key)
		}
		return cmp.Compare(x.b.name(), y.b.name())
	})
	b.ranks.fill(p, es, filledSize)
}

// sparse is the part of a sorted set from which on its names are better written
// anew than looked for one by one, when members are taken out.
const sparse = 16

// cutRanks takes the members of a run of ranks out of a sorted set. They are cut
// out of the ranks as they stand; the names are filled anew with the others,
// which lie in order already.
func (b *body) cutRanks(p *pen, at, count int) {
	if p.keeps {
		p.fresh()
		b.gen = p.gen
		was := *b
		p.note(step{b: b, did: rebuilt, was: &was})
	}
	low, first := b.ranks.at(at)
	high, last := b.ranks.at(at + count - 1)
	// outside reports whether a member stands before or after the run.
	outside := func(e *block) bool {
		key := scoreKey(e.score())
		return key < low || key > high || key == low && e.name() < first.name() || key == high && e.name() > last.name()
	}
	left := count
	b.ranks.each(at, func(_ uint64, e *block) bool {
		b.count(keyHash(e.name()), e, nil)
		left--
		return left > 0
	})
	if b.wide {
		es := make([]entry, 0, b.names.len()-count)
		b.names.each(0, func(hash uint64, e *block) bool {
			if outside(e) {
				es = append(es, entry{hash, e})
			}
			return true
		})
		b.names = tree{}
		b.names.fill(p, es, filledSize)
	}
	b.ranks.remove(p, at, count)
}
