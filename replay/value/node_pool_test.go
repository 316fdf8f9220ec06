package value

import "testing"

// The pool keeps as many nodes as the groups of late have replaced, and forgets
// about a large one.
func TestPoolRoom(t *testing.T) {
	var l Pool
	nodes := func(n int) []*node {
		p := &Pen{}
		list := make([]*node, n)
		for i := range list {
			list[i] = newNode(p, fanout, i%2 == 0)
		}
		return list
	}
	const many = 6 * poolRoom
	l.give(nodes(many))
	if got := len(l.leaves) + len(l.inners); got != many {
		t.Errorf("%d nodes are kept; want all %d of a large group", got, many)
	}
	for range 100 {
		l.give(nodes(2))
	}
	if l.room != poolRoom || len(l.leaves) != poolRoom || len(l.inners) != poolRoom {
		t.Errorf("room for %d, %d leaves and %d inner nodes after small groups; want %d of each",
			l.room, len(l.leaves), len(l.inners), poolRoom)
	}
	if n := l.take(false); n == nil || n.kids != nil || len(n.blocks) != 0 || len(l.leaves) != poolRoom-1 {
		t.Errorf("took %+v; want an empty leaf out of the pool", n)
	}
}
