package value

// node is a leaf with blocks, or an inner node with kids, of which keys and
// blocks are the first of each.
type node struct {
	gen    uint64
	n      int // blocks below
	keys   []uint64
	blocks []*Block
	kids   []*node // nil in a leaf
	counts []int32 // of the kids' blocks, so that nobody has to look at each kid
	sum    uint64  // of a list: see fix
	pow    uint64
}

// own returns a node that pen p may change: n itself if p made it, else a copy. It
// is the one place where versions part. The node that was copied is given up for
// the next group's use, unless another key's tree may have it as well.
func (t *tree) own(p *Pen, n *node) *node {
	if n.gen == p.gen {
		return n
	}
	c := newNode(p, len(n.keys)+1, n.kids != nil)
	c.n, c.sum, c.pow = n.n, n.sum, n.pow
	c.keys, c.blocks = append(c.keys, n.keys...), append(c.blocks, n.blocks...)
	if n.kids != nil {
		c.kids, c.counts = append(c.kids, n.kids...), append(c.counts, n.counts...)
	}
	if !t.copied {
		p.retire(n)
	}
	return c
}

// leafRoom and innerRoom are nodes with all that they may come to have, in one
// piece of memory: three allocations, and what the collector did for them, were a
// third of a ZADD. An inner node has room for one kid too many, which it has
// between an insertion and the split that follows.
type leafRoom struct {
	node
	k [fanout]uint64
	b [fanout]*Block
}

type innerRoom struct {
	leafRoom
	c [fanout + 1]*node
	s [fanout + 1]int32
}

// newNode returns an empty node with room for size blocks, one from the pool if it
// has any. Leaves of small collections get no more than they need, for there may be
// many such collections; they never come from the pool, nor go there.
func newNode(p *Pen, size int, inner bool) *node {
	if p.pool != nil && (inner || size > fanout/4) {
		if n := p.pool.take(inner); n != nil {
			n.gen = p.gen
			return n
		}
	}
	switch {
	case inner:
		r := new(innerRoom)
		r.gen, r.keys, r.blocks = p.gen, r.k[:0], r.b[:0]
		r.kids, r.counts = r.c[:0], r.s[:0]
		return &r.node
	case size > fanout/4:
		r := new(leafRoom)
		r.gen, r.keys, r.blocks = p.gen, r.k[:0], r.b[:0]
		return &r.node
	}
	room := 1 // by the power of two, so that a list that grows copies seldom
	for room < size {
		room *= 2
	}
	return &node{gen: p.gen, keys: make([]uint64, 0, room), blocks: make([]*Block, 0, room)}
}

// split moves the end of a node into a new one. What grows at one end leaves
// full nodes there.
func (n *node) split(p *Pen, i, last int) *node {
	at := len(n.keys) / 2
	switch {
	case i == last:
		at = len(n.keys) - len(n.keys)/fanout // all, or all but one
	case i == 0:
		at = 1
	}
	r := newNode(p, fanout, n.kids != nil)
	r.keys, r.blocks = append(r.keys, n.keys[at:]...), append(r.blocks, n.blocks[at:]...)
	clear(n.blocks[at:])
	n.keys, n.blocks = n.keys[:at], n.blocks[:at]
	if n.kids == nil {
		r.n, n.n = len(r.blocks), len(n.blocks)
		return r
	}
	r.kids, r.counts = append(r.kids, n.kids[at:]...), append(r.counts, n.counts[at:]...)
	clear(n.kids[at:])
	n.kids, n.counts = n.kids[:at], n.counts[:at]
	r.n = r.before(len(r.counts))
	n.n -= r.n
	return r
}
