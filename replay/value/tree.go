package value

// tree is a sequence of blocks, counted, so that the i-th is found in O(log n),
// and ordered by a key of 8 bytes and the name where the collection is. It is a
// B+tree whose nodes are shared between versions.
//
// What is promised. A version that has been published never changes. Whoever has
// one reads it without a lock and for as long as it likes, while others write;
// COPY, RENAME, DEL, a snapshot and a pin take a version in the time of an
// assignment, whatever it holds.
//
// What has to hold for that.
//   - A node is changed in place only by the pen that made it, which its gen says,
//     and only until that pen has published it; then the pen takes another
//     generation (Pen.Fresh). Everybody else copies the node first, and with it
//     all nodes on the way from the root. So own comes before each change.
//   - A node knows how many blocks lie below each of its kids, and has the first
//     key and block of each. Whatever changes a kid tells its parent (place).
//   - Keys and blocks of a node are parallel, and so are kids and counts.
//   - Leaves are all at the same depth. No node is empty; a root may have one kid
//     only for a moment (remove). Nodes may be thin: they are joined with a
//     neighbour when both fit, and not filled from one.
//
// Who owns what. The tree is a value: a body that is copied has a tree of its own
// with the same nodes. A node that was replaced goes back to the pen's pool,
// unless the tree says that another key may have the same nodes (copied); the pool
// says when that is safe. Blocks are never changed and belong to the collector.
//
// What was tried. Elements as rows of the ordered tree of all keys, as strings,
// cost a cache miss or two for each comparison of a look-up: 3.4 µs against 0.4.
// A fanout of 64 made each change copy twice as much: with 32, and nodes in one
// piece of memory where there were three, ZADD among 100,000 members took 5.6 µs
// against 8.7. Asking each kid for its count was a cache miss for each: with the
// counts in the node, HSET rose from 151,000 to 174,000 a second. Guessing the
// place of a hash from its value, since hashes lie evenly, took HSET from 1.9 to
// 1.7 µs, and ZADD from 3.4 to 2.9.
//
// A node's keys lie together, so that a search looks at few cache lines and
// follows pointers only where keys are equal.
type tree struct {
	root *node // nil when empty
	seq  bool  // a list: keys are the items' hashes, and nodes carry a sum
	// copied says that another key may have the same nodes.
	copied bool
}

// fanout is the most that a node has of blocks or kids; below thin it is joined
// with a neighbour if both fit into three quarters of one.
const (
	fanout = 32
	thin   = fanout / 4
	joined = fanout * 3 / 4
)

// len returns how many blocks there are.
func (t *tree) len() int {
	if t.root == nil {
		return 0
	}
	return t.root.n
}

// at returns the i-th block and its key. There must be so many.
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
	panic("value: element out of range")
}

// before returns how many blocks the kids before the j-th have.
func (n *node) before(j int) (sum int) {
	for _, c := range n.counts[:j] {
		sum += int(c)
	}
	return sum
}

// tie says where a search stands among blocks of an equal key.
type tie int8

const (
	beforeEqual tie = -1 // before all of them
	byName      tie = 0  // before those whose name is not less
	afterEqual  tie = 1  // after all of them
)

// search returns how many blocks stand before a key and name: the place where it
// belongs. It goes down into the last kid whose first key is before, since blocks
// of an equal key may begin in the kid before the one that shows it.
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

// front returns how many of a node's own keys and blocks stand before. It halves
// what guess has left.
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
// enough. Keys that don't, such as scores and deadlines, only make the bounds
// wider: each is taken for one after it was compared.
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
	n := t.root
	if n == nil {
		return 0, nil
	}
	i := 0
	for n.kids != nil {
		j := n.toward(key, name)
		i += n.before(j)
		n = n.kids[j]
	}
	j, b := n.leaf(key, name)
	return i + j, b
}

// get is find for those who don't need the place: it does not look at the counts,
// which lie in cache lines of their own.
func (t *tree) get(key uint64, name string) *Block {
	n := t.root
	if n == nil {
		return nil
	}
	for n.kids != nil {
		n = n.kids[n.toward(key, name)]
	}
	_, b := n.leaf(key, name)
	return b
}

// toward returns the kid in which the block of that key and name is, if any has it.
func (n *node) toward(key uint64, name string) int {
	j := n.front(key, name, byName)
	if j == len(n.keys) || n.keys[j] != key || n.blocks[j].Name() != name {
		return max(j-1, 0)
	}
	return j
}

// leaf returns the place of a leaf's block of that key and name, and the block; or
// the place where it would be, and nil.
func (n *node) leaf(key uint64, name string) (int, *Block) {
	j := n.front(key, name, byName)
	if j < len(n.keys) && n.keys[j] == key && n.blocks[j].Name() == name {
		return j, n.blocks[j]
	}
	return j, nil
}
