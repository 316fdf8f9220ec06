package lua

import (
	"errors"
	"math"
)

var errNextKey = errors.New("invalid key to 'next'")

// walkStep is how many empty places Next goes over for each step.
const walkStep = 64

// Len returns a border as "#" does: an index of something that is not nil,
// after which there is nil.
func (t *Table) Len() int {
	j := len(t.arr)
	if j > 0 && t.arr[j-1].IsNil() {
		i := 0
		for j-i > 1 {
			if m := (i + j) / 2; t.arr[m-1].IsNil() {
				j = m
			} else {
				i = m
			}
		}
		return i
	}
	if len(t.nodes) == 0 {
		return j
	}
	return t.unboundLen(uint(j))
}

// unboundLen looks for a border after j among the nodes: it doubles until it
// finds nil, and halves from there.
func (t *Table) unboundLen(j uint) int {
	i := j
	j++
	for !t.GetInt(int(j)).IsNil() {
		i = j
		j *= 2
		if j > math.MaxInt32 {
			// Somebody has laid a trap: count from the start.
			for i = 1; !t.GetInt(int(i)).IsNil(); i++ {
			}
			t.state.fuel -= int(i / walkStep)
			return int(i - 1)
		}
	}
	for j-i > 1 {
		if m := (i + j) / 2; t.GetInt(int(m)).IsNil() {
			j = m
		} else {
			i = m
		}
	}
	return int(i)
}

// Next returns the entry that follows a key; k is Nil at the end. Nil asks for
// the first. It fails when there is no such key.
func (t *Table) Next(key Value) (k, v Value, err error) {
	i, err := t.position(key)
	if err != nil {
		return Nil, Nil, err
	}
	for empty := 0; ; i++ {
		switch {
		case i < len(t.arr):
			if v := t.arr[i]; !v.IsNil() {
				t.state.fuel -= empty / walkStep
				return Int(i + 1), v, nil
			}
		case i-len(t.arr) < len(t.nodes):
			if n := &t.nodes[i-len(t.arr)]; !n.val.IsNil() {
				t.state.fuel -= empty / walkStep
				return n.key, n.val, nil
			}
		default:
			t.state.fuel -= empty / walkStep
			return Nil, Nil, nil
		}
		if empty++; empty == 1024*walkStep {
			if err := t.state.step(empty / walkStep); err != nil {
				return Nil, Nil, err
			}
			empty = 0
		}
	}
}

// position returns how many entries of the table there are up to a key.
func (t *Table) position(key Value) (int, error) {
	if key.IsNil() {
		return 0, nil
	}
	if key.IsNumber() {
		f := key.Float()
		if i := int(f); uint(i-1) < uint(len(t.arr)) && float64(i) == f {
			return i, nil
		}
	}
	at := t.findIndex(key)
	if at < 0 {
		return 0, errNextKey
	}
	return len(t.arr) + at + 1, nil
}

// findIndex returns the index of a key's node, or -1.
func (t *Table) findIndex(k Value) int {
	if len(t.nodes) == 0 {
		return -1
	}
	hash := t.hashOf(k)
	at := int(t.home(k, hash))
	for walked := 1; ; walked++ {
		n := &t.nodes[at]
		if n.hash == hash && t.state.sameKey(n.key, k) {
			return at
		}
		if n.next == 0 {
			t.state.walked(walked)
			return -1
		}
		at = int(n.next) - 1
	}
}
