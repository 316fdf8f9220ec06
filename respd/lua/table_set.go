package lua

import (
	"errors"
	"math/bits"
)

// What Set says about keys that no table has, and about tables that are too
// large, in Lua's words.
var (
	errNilIndex = errors.New("table index is nil")
	errNaNIndex = errors.New("table index is NaN")
	errTooLarge = errors.New("table overflow")
)

// Set changes what is at a key. It fails when the key is nil or NaN. It does not
// look at ReadOnly.
func (t *Table) Set(k, v Value) error {
	slot, err := t.slot(k)
	if err == nil {
		*slot = v
	}
	return err
}

// SetInt changes what is at an index.
func (t *Table) SetInt(i int, v Value) {
	if uint(i-1) < uint(len(t.arr)) {
		t.arr[i-1] = v
		return
	}
	// It can only fail for want of memory, which ends the script soon.
	_ = t.Set(Int(i), v)
}

// SetString changes what is in a field. The key is copied nowhere.
func (t *Table) SetString(name string, v Value) {
	k := str{s: name}
	if n := t.findStr(&k); n != nil {
		n.val, t.absent = v, 0
		return
	}
	_ = t.Set(t.state.newString(name), v)
}

// slot returns the place of a key's value, which it makes if there is none. So a
// key that is set to nil takes a node all the same, as in Lua 5.1.
func (t *Table) slot(k Value) (*Value, error) {
	switch {
	case k.IsNumber():
		f := k.Float()
		if i := int(f); uint(i-1) < uint(len(t.arr)) && float64(i) == f {
			return &t.arr[i-1], nil
		}
		if f != f {
			return nil, errNaNIndex
		}
	case k.IsNil():
		return nil, errNilIndex
	case k.IsString():
		t.absent = 0
	}
	if n := t.find(k); n != nil {
		return &n.val, nil
	}
	return t.insert(k)
}

// insert adds a key that is not there.
func (t *Table) insert(k Value) (*Value, error) {
	hash := t.hashOf(k)
	if len(t.nodes) == 0 {
		return t.insertAnew(k)
	}
	at := t.home(k, hash)
	mp := &t.nodes[at]
	if !mp.val.IsNil() {
		free := t.freeNode()
		if free < 0 {
			return t.insertAnew(k)
		}
		n := &t.nodes[free]
		if other := t.home(mp.key, mp.hash); other != at {
			// The one that is here belongs to another chain: it moves.
			before := &t.nodes[other]
			for before.next != int32(at)+1 {
				before = &t.nodes[before.next-1]
			}
			before.next = int32(free) + 1
			*n = *mp
			mp.next, mp.val = 0, Nil
		} else {
			n.next = mp.next
			mp.next = int32(free) + 1
			mp = n
		}
	}
	mp.key, mp.hash = k, hash
	return &mp.val, nil
}

// freeNode returns the index of a node that never had a key, or -1.
func (t *Table) freeNode() int {
	for t.free > 0 {
		t.free--
		if t.nodes[t.free].key.IsNil() {
			return t.free
		}
	}
	return -1
}

// insertAnew adds a key to a table that has no node left, after it has been laid
// out anew with room for the key.
func (t *Table) insertAnew(k Value) (*Value, error) {
	if err := t.rehash(k); err != nil {
		return nil, err
	}
	return t.slot(k)
}

// census counts keys that could be in an array part: counts[i] are those from
// 2^(i-1)+1 to 2^i.
type census [maxArrayBits + 1]int

// add counts a key, and reports whether it could be in an array part.
func (c *census) add(k Value) bool {
	if !k.IsNumber() {
		return false
	}
	f := k.Float()
	i := int(f)
	if float64(i) != f || i <= 0 || i > 1<<maxArrayBits {
		return false
	}
	c[bits.Len(uint(i-1))]++
	return true
}

// best returns the largest array part of which more than half is used, and how
// many of the n keys counted are in it.
func (c *census) best(n int) (size, inside int) {
	sum := 0
	for i, power := 0, 1; power/2 < n; i, power = i+1, power*2 {
		if c[i] > 0 {
			sum += c[i]
			if sum > power/2 {
				size, inside = power, sum
			}
		}
		if sum == n {
			break
		}
	}
	return size, inside
}

// rehash lays the table out for what is in it and one key more.
func (t *Table) rehash(extra Value) error {
	if err := t.state.step(1 + (len(t.arr)+len(t.nodes))/16); err != nil {
		return err
	}
	var c census
	total, items := 0, 0
	for i, low := 0, 0; low < len(t.arr); i++ {
		high := min(1<<i, len(t.arr))
		for _, v := range t.arr[low:high] {
			if !v.IsNil() {
				c[i]++
			}
		}
		items += c[i]
		low = high
	}
	total = items
	for i := range t.nodes {
		if n := &t.nodes[i]; !n.val.IsNil() {
			total++
			if c.add(n.key) {
				items++
			}
		}
	}
	total++
	if c.add(extra) {
		items++
	}
	size, inside := c.best(items)
	return t.resize(size, total-inside)
}

// resize gives the table an array part of a size, and nodes for some entries.
func (t *Table) resize(items, fields int) error {
	size := nodesFor(fields)
	if size > 1<<maxNodeBits || items > 1<<maxArrayBits {
		return errTooLarge
	}
	bytes := int64(size) * nodeBytes
	if items != len(t.arr) {
		bytes += int64(items) * valueBytes
	}
	if err := t.state.grow(bytes); err != nil {
		return err
	}
	if err := t.state.step(1 + (size+items)/32); err != nil {
		return err
	}
	arr, nodes := t.arr, t.nodes
	if items != len(arr) {
		t.arr = nil
		if items > 0 {
			t.arr = make([]Value, items)
			copy(t.arr, arr)
		}
	}
	t.setNodes(size)
	for i := items; i < len(arr); i++ {
		if v := arr[i]; !v.IsNil() {
			if err := t.Set(Int(i+1), v); err != nil {
				return err
			}
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- {
		if n := &nodes[i]; !n.val.IsNil() {
			if err := t.Set(n.key, n.val); err != nil {
				return err
			}
		}
	}
	return nil
}
