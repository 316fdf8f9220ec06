package value

// Pool has nodes that no version of a collection needs any more. A group copies
// every node that it is the first to change; those it replaces are used for
// the next copies, so that the collector, which has to look at all that lives,
// has far less to do. It belongs to the goroutine that writes.
//
// A node is given only when nobody can come upon it: the batch that replaced it
// is applied, so no view that is open or will be sees it; no pin and no
// snapshot holds an older version; and no other key has it, for which a tree
// says whether it has been copied.
type Pool struct {
	leaves, inners []*node
	room           int // the most of either kind that are kept
}

// poolRoom is how many nodes of either kind may be kept whatever was last
// written: some 3 MB of leaves. Groups that replace more may keep as many,
// and for a while after them.
const poolRoom = 4096

// Len returns how many nodes the pool has.
func (l *Pool) Len() int { return len(l.leaves) + len(l.inners) }

// take returns an empty node, or nil.
func (l *Pool) take(inner bool) *node {
	from := &l.leaves
	if inner {
		from = &l.inners
	}
	last := len(*from) - 1
	if last < 0 {
		return nil
	}
	n := (*from)[last]
	(*from)[last] = nil
	*from = (*from)[:last]
	return n
}

// give takes nodes that are done with. Those that are not of the usual room are
// left to the collector.
func (l *Pool) give(nodes []*node) {
	l.room = max(poolRoom, len(nodes), l.room-l.room/8)
	l.leaves, l.inners = trim(l.leaves, l.room), trim(l.inners, l.room)
	for _, n := range nodes {
		to := &l.leaves
		switch {
		case n.kids != nil && cap(n.kids) == fanout+1 && cap(n.keys) == fanout && cap(n.blocks) == fanout:
			to = &l.inners
			clear(n.kids)
			n.kids, n.counts = n.kids[:0], n.counts[:0]
		case n.kids != nil || cap(n.keys) != fanout || cap(n.blocks) != fanout:
			continue
		}
		if len(*to) == l.room {
			continue
		}
		clear(n.blocks)
		n.keys, n.blocks = n.keys[:0], n.blocks[:0]
		*to = append(*to, n)
	}
}

// trim leaves all nodes but so many to the collector.
func trim(nodes []*node, most int) []*node {
	if len(nodes) <= most {
		return nodes
	}
	clear(nodes[most:])
	return nodes[:most]
}
