package value

import (
	"cmp"
	"math/bits"
	"slices"
)

// What SORT … STORE, SUNIONSTORE, RESTORE and their like write is a whole
// collection at once. Inserting its elements one by one looks for each one's
// place, in nodes that are not in the cache, and splits and moves what was just
// written. An empty body is filled from all of them in order instead, which takes a
// third to a half of the time (BenchmarkFill).

const (
	// fillLeast is how many elements are worth it.
	fillLeast = 64
	// filledSize is how full nodes are then: some room is left for what is inserted.
	filledSize = fanout * 7 / 8
)

// entry is a block with its key in a tree.
type entry struct {
	key uint64
	b   *Block
}

// fill makes a tree of entries, which are in its order.
func (t *tree) fill(p *Pen, es []entry, size int) {
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

// byHash returns blocks in the order of their hashes and then names, without all
// but the last of those that have the same name.
func byHash(es []entry) []entry {
	es = sortedByHash(es)
	n := 0
	for i, e := range es {
		if i+1 < len(es) && es[i+1].key == e.key && es[i+1].b.Name() == e.b.Name() {
			continue
		}
		es[n] = e
		n++
	}
	clear(es[n:])
	return es[:n]
}

// sortedByHash sorts by the first bits of the hashes, which lie evenly, into
// about as many parts as there are entries, and then each part. Entries with the
// same name stay in the order in which they came.
func sortedByHash(es []entry) []entry {
	shift := 64 - bits.Len(uint(len(es)))
	ends := make([]int32, 1<<(64-shift)+1)
	for _, e := range es {
		ends[e.key>>shift+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	out := make([]entry, len(es))
	for _, e := range es {
		at := &ends[e.key>>shift]
		out[*at] = e
		*at++
	}
	from := int32(0)
	for _, end := range ends[:len(ends)-1] {
		if end-from > 1 {
			slices.SortStableFunc(out[from:end], compareEntries)
		}
		from = end
	}
	return out
}

// compareEntries compares by key and then by name.
func compareEntries(x, y entry) int {
	if x.key != y.key {
		return cmp.Compare(x.key, y.key)
	}
	return cmp.Compare(x.b.Name(), y.b.Name())
}
