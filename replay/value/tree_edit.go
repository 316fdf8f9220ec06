package value

import "slices"

// All changes go down from the root, own each node on the way, and on the way back
// up tell each parent what its kid has become.

// insert puts a block before the i-th.
func (t *tree) insert(p *Pen, i int, key uint64, b *Block) {
	if t.root == nil {
		t.root = &node{gen: p.gen, n: 1, keys: []uint64{key}, blocks: []*Block{b}}
		t.fix(t.root)
		return
	}
	t.root = t.own(p, t.root)
	// A root that had to be split gets a new root above both halves.
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
	whole := i
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
		t.fixGrown(n, right, whole, key)
		return right
	}
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
	t.fixGrown(n, right, whole, key)
	return right
}

// set replaces the i-th block and its key. The order must stay.
func (t *tree) set(p *Pen, i int, key uint64, b *Block) {
	t.root = t.setAt(p, t.root, i, key, b)
}

func (t *tree) setAt(p *Pen, n *node, i int, key uint64, b *Block) *node {
	n = t.own(p, n)
	if n.kids == nil {
		n.keys[i], n.blocks[i] = key, b
		t.fix(n)
		return n
	}
	j, i := n.locate(i)
	n.place(j, t.setAt(p, n.kids[j], i, key, b))
	t.fix(n)
	return n
}

// place makes kid the j-th.
func (n *node) place(j int, kid *node) {
	n.kids[j], n.counts[j] = kid, int32(kid.n)
	n.keys[j], n.blocks[j] = kid.keys[0], kid.blocks[0]
}

// remove takes count blocks out from the i-th on.
func (t *tree) remove(p *Pen, i, count int) {
	t.root = t.cut(p, t.root, i, count)
	for t.root != nil && len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
	}
}

// cut returns n without count of its blocks from the i-th on; nil if none is
// left. What is taken out whole is not looked at.
func (t *tree) cut(p *Pen, n *node, i, count int) *node {
	if i == 0 && count >= n.n {
		return nil
	}
	n = t.own(p, n)
	if n.kids == nil {
		n.keys, n.blocks = slices.Delete(n.keys, i, i+count), slices.Delete(n.blocks, i, i+count)
		n.n = len(n.blocks)
		t.fix(n)
		return n
	}
	n.n -= count
	for j := 0; count > 0; {
		if size := int(n.counts[j]); i >= size {
			i -= size
			j++
			continue
		}
		kid := n.kids[j]
		some := min(count, kid.n-i)
		count -= some
		if kid = t.cut(p, kid, i, some); kid == nil {
			n.drop(j)
		} else {
			n.place(j, kid)
			if !t.join(p, n, j) {
				j++
			}
		}
		i = 0
	}
	t.fix(n)
	return n
}

// drop takes the j-th kid out, and what the node has of it.
func (n *node) drop(j int) {
	n.kids, n.counts = slices.Delete(n.kids, j, j+1), slices.Delete(n.counts, j, j+1)
	n.keys, n.blocks = slices.Delete(n.keys, j, j+1), slices.Delete(n.blocks, j, j+1)
}

// join joins the j-th kid, if it has become thin, with the one before it, and
// reports whether it did.
func (t *tree) join(p *Pen, n *node, j int) bool {
	if j == 0 || len(n.kids[j].keys) >= thin || len(n.kids[j].keys)+len(n.kids[j-1].keys) > joined {
		return false
	}
	left, right := t.own(p, n.kids[j-1]), n.kids[j]
	left.keys, left.blocks = append(left.keys, right.keys...), append(left.blocks, right.blocks...)
	if left.kids != nil {
		left.kids, left.counts = append(left.kids, right.kids...), append(left.counts, right.counts...)
	}
	left.n += right.n
	t.fix(left)
	n.place(j-1, left)
	n.drop(j)
	return true
}

// A list's digest is a polynomial: the sum of each item's hash times oddBase to
// the power of its place. A node has the sum of its own items, counted from its
// first, and the power that stands for passing over all of them, so that a
// change costs one walk up from its leaf.
const oddBase = 0x9e3779b97f4a7c15

// fix brings the sums of a list's changed nodes up to date.
func (t *tree) fix(nodes ...*node) {
	if !t.seq {
		return
	}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		n.sum, n.pow = 0, 1
		if n.kids == nil {
			for i := len(n.keys) - 1; i >= 0; i-- {
				n.sum = n.sum*oddBase + n.keys[i]
				n.pow *= oddBase
			}
			continue
		}
		for i := len(n.kids) - 1; i >= 0; i-- {
			n.sum = n.sum*n.kids[i].pow + n.kids[i].sum
			n.pow *= n.kids[i].pow
		}
	}
}

// fixGrown is fix for a node where a block with this key has come to the i-th place,
// and for what was split off it. At an end, where nearly all items come, the sum
// follows from what it was: to look at each kid again is a cache miss for each.
func (t *tree) fixGrown(n, right *node, i int, key uint64) {
	switch {
	case !t.seq:
	case right != nil || i > 0 && i < n.n-1:
		t.fix(n, right)
	case i == 0:
		n.sum, n.pow = n.sum*oddBase+key, n.pow*oddBase
	default:
		n.sum, n.pow = n.sum+key*n.pow, n.pow*oddBase
	}
}

// digest is what the tree of a list adds up to.
func (t *tree) digest() uint64 {
	if t.root == nil {
		return 0
	}
	return Mix(t.root.sum + Mix(uint64(t.root.n)))
}
