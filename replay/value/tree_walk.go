package value

// Reading a tree from end to end, or from a place on. A walk keeps nothing but the
// nodes that it stands in, which don't change: the version is still there when it
// ends, whatever was written meanwhile.

import "runtime"

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

// each is tree.each below n, whose blocks count from 0.
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

// back is tree.back below n.
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
