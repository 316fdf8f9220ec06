package lua

import (
	"math"
	"math/bits"
	"unsafe"
)

// Table is a table. The order in which it is walked is Lua 5.1's for keys that
// are strings, numbers and booleans.
//
// Items at 1 to len(arr) are in arr, everything else is in nodes, a vector of
// zero or 2^n nodes. Keys of one main position are chained through it: a key
// that finds its main position taken goes to a free node, unless the one that
// takes the place is not at its own main position, in which case that one is
// moved (Brent's variation). So a chain holds only keys of one main position, as
// long as no key has been removed. Free nodes are looked for from the end, with
// a pointer that only walks down; when it has come to the start, the table is
// counted and laid out anew.
//
// A key whose value became nil stays in its node until then, so that Next can go
// on from it.
type Table struct {
	arr   []Value
	nodes []node
	free  int // nodes from here on are not free
	meta  *Table
	state *State
	// absent has a bit for each metamethod that is known not to be here.
	absent   uint32
	id       uint32 // stands for the address of Lua 5.1
	seen     uint32 // the survey that has counted it last
	readOnly bool
}

// node is a place for one entry.
type node struct {
	key, val Value
	next     int32 // 1 + the index of the next node in the chain; 0 ends it
	hash     uint32
}

const (
	tableBytes = int64(unsafe.Sizeof(Table{}))
	valueBytes = int64(unsafe.Sizeof(Value{}))
	nodeBytes  = int64(unsafe.Sizeof(node{}))

	maxArrayBits = 26 // of an array part, as in Lua 5.1 where int has 32 bits
	maxNodeBits  = 26
)

// NewTable returns a table with room for items at 1 to n and for some fields.
func (s *State) NewTable(items, fields int) *Table {
	t := &Table{state: s, id: s.serial()}
	s.charge(tableBytes)
	if items > 0 || fields > 0 {
		t.presize(items, fields)
	}
	return t
}

// presize makes room in an empty table. If the script can't have so much, the
// table stays empty: the script ends at its next step.
func (t *Table) presize(items, fields int) {
	items, fields = min(max(items, 0), 1<<maxArrayBits), min(max(fields, 0), 1<<maxNodeBits)
	size := nodesFor(fields)
	if t.state.grow(int64(items)*valueBytes+int64(size)*nodeBytes) != nil {
		return
	}
	if items > 0 {
		t.arr = make([]Value, items)
	}
	t.setNodes(size)
}

// nodesFor is the number of nodes that n entries need.
func nodesFor(n int) int {
	if n <= 0 {
		return 0
	}
	return 1 << bits.Len(uint(n-1))
}

func (t *Table) setNodes(size int) {
	t.nodes, t.free = nil, size
	if size > 0 {
		t.nodes = make([]node, size)
	}
}

// hashNumber is Lua 5.1's: the sum of the two words of a double.
func hashNumber(f float64) uint32 {
	if f == 0 {
		return 0
	}
	b := math.Float64bits(f)
	return uint32(b) + uint32(b>>32)
}

// hashOf returns what a key's main position is made of.
func (t *Table) hashOf(k Value) uint32 {
	switch k.Kind() {
	case KindNumber:
		return hashNumber(k.Float())
	case KindString:
		return t.state.hash((*str)(k.p))
	case KindBool:
		if k == True {
			return 1
		}
	case KindTable:
		return (*Table)(k.p).id
	case KindFunction:
		return (*Function)(k.p).id
	case KindThread:
		return (*Thread)(k.p).id
	case KindUserdata:
		return (*Userdata)(k.p).serial()
	}
	return 0
}

// home is a key's main position. There must be nodes.
func (t *Table) home(k Value, hash uint32) uint32 {
	size := uint32(len(t.nodes))
	if kind := k.Kind(); kind == KindString || kind == KindBool {
		return hash & (size - 1)
	}
	return hash % ((size - 1) | 1)
}

// Get returns what is at a key, or Nil, without asking metamethods; so the
// others.
func (t *Table) Get(k Value) Value {
	switch {
	case k.IsString():
		return t.getStr((*str)(k.p))
	case k.IsNumber():
		return t.getNumber(k.Float())
	}
	if n := t.find(k); n != nil {
		return n.val
	}
	return Nil
}

// GetInt returns what is at an index.
func (t *Table) GetInt(i int) Value {
	if uint(i-1) < uint(len(t.arr)) {
		return t.arr[i-1]
	}
	if n := t.findNumber(float64(i)); n != nil {
		return n.val
	}
	return Nil
}

// GetString returns what is in a field.
func (t *Table) GetString(name string) Value {
	k := str{s: name}
	return t.getStr(&k)
}

func (t *Table) getNumber(f float64) Value {
	if i := int(f); float64(i) == f {
		return t.GetInt(i)
	}
	if n := t.findNumber(f); n != nil {
		return n.val
	}
	return Nil
}

func (t *Table) getStr(k *str) Value {
	if n := t.findStr(k); n != nil {
		return n.val
	}
	return Nil
}

// findStr returns the node of a string, or nil.
func (t *Table) findStr(k *str) *node {
	h := t.state.hash(k)
	nodes := t.nodes
	if len(nodes) == 0 {
		return nil
	}
	n := &nodes[h&uint32(len(nodes)-1)]
	if n.key.p == unsafe.Pointer(k) {
		return n
	}
	for walked := 1; ; walked++ {
		if n.hash == h && n.key.IsString() && t.state.sameText((*str)(n.key.p), k) {
			return n
		}
		if n.next == 0 {
			t.state.walked(walked)
			return nil
		}
		n = &nodes[n.next-1]
	}
}

// findNumber returns the node of a number, or nil.
func (t *Table) findNumber(f float64) *node {
	nodes := t.nodes
	if len(nodes) == 0 {
		return nil
	}
	n := &nodes[hashNumber(f)%(uint32(len(nodes)-1)|1)]
	for walked := 1; ; walked++ {
		if n.key.IsNumber() && n.key.Float() == f {
			t.state.walked(walked)
			return n
		}
		if n.next == 0 {
			t.state.walked(walked)
			return nil
		}
		n = &nodes[n.next-1]
	}
}

// find returns the node of a key of any kind, or nil. Numbers that are in the
// array part have none.
func (t *Table) find(k Value) *node {
	switch {
	case k.IsString():
		return t.findStr((*str)(k.p))
	case k.IsNumber():
		return t.findNumber(k.Float())
	case len(t.nodes) == 0 || k.IsNil():
		return nil
	}
	n := &t.nodes[t.home(k, t.hashOf(k))]
	for walked := 1; ; walked++ {
		if n.key == k {
			t.state.walked(walked)
			return n
		}
		if n.next == 0 {
			t.state.walked(walked)
			return nil
		}
		n = &t.nodes[n.next-1]
	}
}

// Meta returns the metatable, or nil.
func (t *Table) Meta() *Table { return t.meta }

// SetMeta changes the metatable.
func (t *Table) SetMeta(m *Table) { t.meta = m }

// ReadOnly reports whether scripts can't change the table, neither by
// assignments nor by rawset, table.insert and so on: those raise "Attempt to
// modify a readonly table". Set and its like work nevertheless.
func (t *Table) ReadOnly() bool { return t.readOnly }

// SetReadOnly changes it.
func (t *Table) SetReadOnly(yes bool) { t.readOnly = yes }
