package value

import (
	"runtime"
	"slices"
)

// tree is a sequence of blocks, counted, so that the i-th is found in O(log n),
// and ordered by a key of 8 bytes and the name where the collection is. It is a
// B+tree whose nodes are shared between versions: a node is changed in place
// only by the pen that made it (see Pen), everyone else copies it first. So a
// version that has been published never changes, and reading, copying or
// saving one needs no lock however large it is.
//
// A node's keys lie together, so that a search looks at few cache lines and
// follows pointers only where keys are equal.
type tree struct {
	root *node // nil when empty
	seq  bool  // a list: keys are the items' hashes, and nodes carry a sum
	// copied says that another key may have the same nodes.
	copied bool
}

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

// fanout is the most that a node has of blocks or kids; below thin it is joined
// with a neighbour if both fit into three quarters of one.
const (
	fanout = 32
	thin   = fanout / 4
	joined = fanout * 3 / 4
)

func (t *tree) len() int {
	if t.root == nil {
		return 0
	}
	return t.root.n
}

// at returns the i-th block and its key.
func (t *tree) at(i int) (uint64, *Block) {
	n := t.root
	for n.kids != nil {
		var j int
		j, i = n.locate(i)
		n = n.kids[j]
	}
	return n.keys[i], n.blocks[i]
}

// locate returns which kid has the i-th block, and where.
func (n *node) locate(i int) (kid, at int) {
	for j, c := range n.counts {
		if i < int(c) {
			return j, i
		}
		i -= int(c)
	}
	panic("replay: element out of range")
}

// before returns how many blocks the kids in front of the j-th have.
func (n *node) before(j int) (sum int) {
	for _, c := range n.counts[:j] {
		sum += int(c)
	}
	return sum
}

// tie says where a search stands among blocks of an equal key.
type tie int8

const (
	beforeEqual tie = -1 // in front of all of them
	byName      tie = 0  // in front of those whose name is not less
	afterEqual  tie = 1  // behind all of them
)

// search returns how many blocks are in front of a key and name.
func (t *tree) search(key uint64, name string, how tie) int {
	i := 0
	for n := t.root; n != nil; {
		if n.kids == nil {
			return i + n.front(key, name, how)
		}
		j := max(n.front(key, name, how)-1, 0)
		i += n.before(j)
		n = n.kids[j]
	}
	return i
}

// front returns how many of a node's own keys and blocks are in front.
func (n *node) front(key uint64, name string, how tie) int {
	lo, hi := n.guess(key)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		k := n.keys[mid]
		if k < key || k == key && (how == afterEqual || how == byName && n.blocks[mid].Name() < name) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// guess returns bounds of front. Hashes lie evenly, so that a key's value tells
// about where it is, and a few comparisons that the processor foresees are
// enough.
func (n *node) guess(key uint64) (lo, hi int) {
	const near = 3
	keys := n.keys
	hi = len(keys)
	if hi < fanout/4 || key <= keys[0] || key >= keys[hi-1] {
		return 0, hi
	}
	at := int(float64(key-keys[0]) / float64(keys[hi-1]-keys[0]) * float64(hi-1))
	if from := at - near; from > 0 && keys[from] < key {
		lo = from + 1
	}
	if to := at + near; to < hi && keys[to] > key {
		hi = to
	}
	return lo, hi
}

// find returns the place of the block of that key and name, and the block; or
// the place where it would be, and nil.
func (t *tree) find(key uint64, name string) (int, *Block) {
	i := 0
	for n := t.root; n != nil; {
		if n.kids == nil {
			j := n.front(key, name, byName)
			if j < len(n.keys) && n.keys[j] == key && n.blocks[j].Name() == name {
				return i + j, n.blocks[j]
			}
			return i + j, nil
		}
		j := n.front(key, name, byName)
		if j == len(n.keys) || n.keys[j] != key || n.blocks[j].Name() != name {
			j = max(j-1, 0)
		}
		i += n.before(j)
		n = n.kids[j]
	}
	return 0, nil
}

// scan is find in a tree that is not in order, where what is new is the last.
// withKeys says that keys are hashes of names.
func (t *tree) scan(key uint64, name string, withKeys bool) (at int, found *Block) {
	if t.root != nil {
		t.root.leaves(func(n *node) bool {
			for i, b := range n.blocks {
				if withKeys && n.keys[i] != key {
					continue
				}
				if b.Name() == name {
					at, found = at+i, b
					return false
				}
			}
			at += len(n.blocks)
			return true
		})
	}
	return at, found
}

// leaves calls fn with each leaf until it returns false.
func (n *node) leaves(fn func(*node) bool) bool {
	if n.kids == nil {
		return fn(n)
	}
	for _, kid := range n.kids {
		if !kid.leaves(fn) {
			return false
		}
	}
	return true
}

// each calls fn with the blocks from the i-th on until it returns false.
func (t *tree) each(i int, fn func(key uint64, b *Block) bool) {
	if t.root != nil {
		t.root.each(max(i, 0), fn)
	}
}

func (n *node) each(i int, fn func(uint64, *Block) bool) bool {
	if n.kids == nil {
		for ; i < len(n.blocks); i++ {
			if !fn(n.keys[i], n.blocks[i]) {
				return false
			}
		}
		return true
	}
	for j, kid := range n.kids {
		if i >= int(n.counts[j]) {
			i -= int(n.counts[j])
			continue
		}
		if !kid.each(i, fn) {
			return false
		}
		if i = 0; n.n > longRead {
			runtime.Gosched() // a client who asks for less is more important
		}
	}
	return true
}

// every calls fn with all blocks until it returns false.
func (t *tree) every(fn func(*Block) bool) {
	t.each(0, func(_ uint64, b *Block) bool { return fn(b) })
}

// longRead is from how many blocks on a walk lets others run now and then.
const longRead = fanout * fanout

// back calls fn with the blocks from the i-th down to the first until it
// returns false.
func (t *tree) back(i int, fn func(key uint64, b *Block) bool) {
	if t.root != nil && i >= 0 {
		t.root.back(min(i, t.root.n-1), fn)
	}
}

func (n *node) back(i int, fn func(uint64, *Block) bool) bool {
	if n.kids == nil {
		for ; i >= 0; i-- {
			if !fn(n.keys[i], n.blocks[i]) {
				return false
			}
		}
		return true
	}
	begin := n.n
	for j := len(n.kids) - 1; j >= 0; j-- {
		begin -= int(n.counts[j])
		if i >= begin {
			if !n.kids[j].back(i-begin, fn) {
				return false
			}
			i = begin - 1
		}
	}
	return true
}

// own returns a node that pen p may change: n itself if p made it, else a copy.
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
// piece of memory.
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

// newNode returns an empty node with room for size blocks. Those of small
// collections get no more than that, for there may be many.
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
	room := 1
	for room < size {
		room *= 2
	}
	return &node{gen: p.gen, keys: make([]uint64, 0, room), blocks: make([]*Block, 0, room)}
}

// insert puts a block in front of the i-th.
func (t *tree) insert(p *Pen, i int, key uint64, b *Block) {
	if t.root == nil {
		t.root = &node{gen: p.gen, n: 1, keys: []uint64{key}, blocks: []*Block{b}}
		t.fix(t.root)
		return
	}
	t.root = t.own(p, t.root)
	if right := t.insertAt(p, t.root, i, key, b); right != nil {
		left := t.root
		root := newNode(p, 2, true)
		root.n, root.kids = left.n+right.n, append(root.kids, left, right)
		root.counts = append(root.counts, int32(left.n), int32(right.n))
		root.keys = append(root.keys, left.keys[0], right.keys[0])
		root.blocks = append(root.blocks, left.blocks[0], right.blocks[0])
		t.root = root
		t.fix(root)
	}
}

// insertAt inserts below n, which is p's, and returns what had to be split off
// its end, or nil.
func (t *tree) insertAt(p *Pen, n *node, i int, key uint64, b *Block) (right *node) {
	if n.kids == nil {
		to := n
		if len(n.blocks) == fanout {
			right = n.split(p, i, n.n)
			if i > n.n || i == n.n && i == fanout {
				i, to = i-n.n, right
			}
		}
		to.keys, to.blocks = slices.Insert(to.keys, i, key), slices.Insert(to.blocks, i, b)
		to.n++
		t.fix(n, right)
		return right
	}
	whole := i
	j := 0
	for ; j < len(n.kids)-1 && i > int(n.counts[j]); j++ {
		i -= int(n.counts[j])
	}
	kid := t.own(p, n.kids[j])
	split := t.insertAt(p, kid, i, key, b)
	n.place(j, kid)
	n.n++
	if split != nil {
		n.kids, n.counts = slices.Insert(n.kids, j+1, split), slices.Insert(n.counts, j+1, int32(split.n))
		n.keys = slices.Insert(n.keys, j+1, split.keys[0])
		n.blocks = slices.Insert(n.blocks, j+1, split.blocks[0])
		if len(n.kids) > fanout {
			right = n.split(p, whole, n.n-1)
		}
	}
	t.fix(n, right)
	return right
}

// split moves the end of a node into a new one. What grows at one end leaves
// full nodes behind.
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
