package replay

import (
	"fmt"
	"math"
)

// body is what a key of a collection type holds: its elements, in one or two
// trees. Once the batch that made it is applied it does not change any more.
//
//	hash  names: fields by hash, or as they came while it is small
//	      ranks: fields with a deadline, by deadline
//	list  names: the items
//	set   names: members by hash
//	zset  names: members by hash, once it is wide
//	      ranks: members by score
type body struct {
	typ Type
	// wide says that the collection has outgrown what Redis keeps in one
	// piece. It stays so.
	wide  bool
	gen   uint64 // of the pen that may change it
	names tree
	ranks tree
	sum   uint64 // of the elements' digests, but for lists
	bytes int64  // of names and values
}

// What Redis keeps in one piece: listpacks and intsets at its default settings.
const (
	narrowFields = 512 // of a hash
	narrowScored = 128 // of a sorted set
	narrowBytes  = 64  // of a name or value
	narrowIntset = 512
)

func newBody(typ Type, gen uint64) *body {
	b := &body{typ: typ, gen: gen}
	b.names.seq = typ == ListType
	return b
}

func (b *body) tree(w which) *tree {
	if w == names {
		return &b.names
	}
	return &b.ranks
}

// len returns the number of elements.
func (b *body) len() int {
	switch {
	case b == nil:
		return 0
	case b.typ == ZSetType:
		return b.ranks.len()
	}
	return b.names.len()
}

// own returns a body that p may change.
func (b *body) own(p *pen) *body {
	if b.gen == p.gen {
		return b
	}
	c := *b
	c.gen = p.gen
	return &c
}

// digest stands for all that the body holds.
func (b *body) digest() uint64 {
	if b.typ == ListType {
		return b.names.digest()
	}
	return mix(b.sum + uint64(b.len()))
}

// find returns the element of that name, or nil, and its place among the names,
// or where it would be.
func (b *body) find(name string, hash uint64) (int, *block) {
	switch {
	case b == nil:
		return 0, nil
	case b.typ == ZSetType && !b.wide:
		return b.ranks.scan(0, name, false)
	case b.typ == HashType && !b.wide:
		return b.names.scan(hash, name, true)
	}
	return b.names.find(hash, name)
}

// elemDigest is what one element adds to its body's sum.
func (b *body) elemDigest(hash uint64, e *block) uint64 {
	if b.typ == SetType {
		return mix(hash)
	}
	return uint64(rowDigest(hash, e.elemBytes()))
}

// insert, remove and replace are the only ways that a tree changes.
func (b *body) insert(p *pen, w which, at int, key uint64, e *block) {
	b.tree(w).insert(p, at, key, e)
	p.note(step{b: b, which: w, did: inserted, at: at})
}

func (b *body) remove(p *pen, w which, at int, key uint64, e *block) {
	b.tree(w).remove(p, at, 1)
	p.note(step{b: b, which: w, did: removed, at: at, key: key, block: e})
}

func (b *body) replace(p *pen, at int, oldKey, key uint64, old, e *block) {
	p.note(step{b: b, did: replaced, at: at, key: oldKey, block: old})
	b.names.set(p, at, key, e)
}

// begin notes what the body adds up to before a change.
func (b *body) begin(p *pen) {
	p.note(step{b: b, did: counted, key: b.sum, at: int(b.bytes)})
}

// exchange puts other names in place of those that there are.
func (b *body) exchange(p *pen, t tree, wide bool) {
	if p.keeps {
		was := *b
		p.note(step{b: b, did: exchanged, was: &was})
	}
	b.names, b.wide = t, wide
}

// put sets the element of e's name, in place of the one that had it. rank is
// its key in the order of a sorted set, or a field's deadline, 0 for none.
func (b *body) put(p *pen, e *block, rank uint64) {
	name := e.name()
	hash := keyHash(name)
	b.grow(p, hash, e)
	at, old := b.find(name, hash)
	b.count(hash, old, e)
	switch b.typ {
	case ZSetType:
		b.putRanked(p, at, hash, old, e, rank)
		return
	case HashType:
		b.putDeadline(p, old, e, rank)
	}
	switch {
	case old != nil:
		b.replace(p, at, hash, hash, old, e)
	default:
		b.insert(p, names, at, hash, e)
	}
}

// count brings the sums up to date.
func (b *body) count(hash uint64, old, e *block) {
	if old != nil {
		b.sum -= b.elemDigest(hash, old)
		b.bytes -= old.weight()
	}
	if e != nil {
		b.sum += b.elemDigest(hash, e)
		b.bytes += e.weight()
	}
}

func (b *body) putRanked(p *pen, at int, hash uint64, old, e *block, rank uint64) {
	if old != nil {
		key := scoreKey(old.score())
		place, _ := b.ranks.find(key, old.name())
		b.remove(p, ranks, place, key, old)
	}
	b.insert(p, ranks, b.ranks.search(rank, e.name(), byName), rank, e)
	if !b.wide {
		return
	}
	if old != nil {
		b.replace(p, at, hash, hash, old, e)
	} else {
		b.insert(p, names, at, hash, e)
	}
}

// putDeadline keeps the order of the fields that have a deadline.
func (b *body) putDeadline(p *pen, old, e *block, at uint64) {
	if old != nil && old.deadline() != 0 {
		b.dropDeadline(p, old)
	}
	if at != 0 {
		b.insert(p, ranks, b.ranks.search(at, e.name(), byName), at, e)
	}
}

func (b *body) dropDeadline(p *pen, old *block) {
	key := uint64(old.deadline())
	place, _ := b.ranks.find(key, old.name())
	b.remove(p, ranks, place, key, old)
}

// delete removes the element of a name, and reports whether it was there.
func (b *body) delete(p *pen, name string) bool {
	hash := keyHash(name)
	at, old := b.find(name, hash)
	if old == nil {
		return false
	}
	b.count(hash, old, nil)
	switch {
	case b.typ == ZSetType:
		key := scoreKey(old.score())
		place, _ := b.ranks.find(key, name)
		b.remove(p, ranks, place, key, old)
		if !b.wide {
			return true
		}
	case b.typ == HashType && old.deadline() != 0:
		b.dropDeadline(p, old)
	}
	b.remove(p, names, at, hash, old)
	return true
}

// grow makes the body wide if it is to be with e.
func (b *body) grow(p *pen, hash uint64, e *block) {
	if b.wide {
		return
	}
	// room reports whether there may be so many elements when e is there.
	room := func(most int) bool {
		if b.len() < most {
			return true
		}
		_, old := b.find(e.name(), hash)
		return old != nil
	}
	switch b.typ {
	case SetType:
		if isInt(e.name()) && room(narrowIntset) {
			return
		}
		p.note(step{b: b, did: widened}) // sets are in order of their hashes from the first
		b.wide = true
	case HashType:
		if len(e.name()) <= narrowBytes && len(e.field()) <= narrowBytes && room(narrowFields) {
			return
		}
		b.widen(p, b.names)
	case ZSetType:
		if len(e.name()) <= narrowBytes && room(narrowScored) {
			return
		}
		b.widen(p, b.ranks)
	}
}

// widen fills the names, in order of their hashes, from another tree.
func (b *body) widen(p *pen, from tree) {
	var t tree
	from.each(0, func(_ uint64, e *block) bool {
		hash := keyHash(e.name())
		t.insert(p, t.search(hash, e.name(), byName), hash, e)
		return true
	})
	b.exchange(p, t, true)
}

// insertItem puts an item into a list.
func (b *body) insertItem(p *pen, at int, e *block) {
	b.bytes += e.weight()
	b.insert(p, names, at, keyHash(e.name()), e)
}

// setItem replaces an item of a list.
func (b *body) setItem(p *pen, at int, e *block) {
	key, old := b.names.at(at)
	b.bytes += e.weight() - old.weight()
	b.replace(p, at, key, keyHash(e.name()), old, e)
}

// removeItems takes a run of items out of a list. A run is cut out of the tree
// without looking at each, so what there was is kept for who undoes it.
func (b *body) removeItems(p *pen, at, count int) {
	if count == 1 {
		key, e := b.names.at(at)
		b.bytes -= e.weight()
		b.remove(p, names, at, key, e)
		return
	}
	left := count
	b.names.each(at, func(_ uint64, e *block) bool {
		b.bytes -= e.weight()
		left--
		return left > 0
	})
	if p.keeps {
		p.fresh()
		b.gen = p.gen
		b.exchange(p, b.names, b.wide)
	}
	b.names.remove(p, at, count)
}

// scoreKey orders scores: less for less, and the same for both zeros.
func scoreKey(score float64) uint64 {
	if score == 0 {
		return 1 << 63
	}
	bits := math.Float64bits(score)
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// check recounts the body from its elements.
func (b *body) check() error {
	if err := b.names.check(b.typ == ListType || b.typ == HashType && !b.wide); err != nil {
		return fmt.Errorf("names: %w", err)
	}
	if err := b.ranks.check(false); err != nil {
		return fmt.Errorf("ranks: %w", err)
	}
	return b.recount()
}

// check reports how a tree is not what it should be.
func (t *tree) check(loose bool) error {
	if t.root == nil {
		return nil
	}
	var lastKey uint64
	lastName, first, n := "", true, 0
	var err error
	t.each(0, func(key uint64, e *block) bool {
		n++
		if !loose && !first && (key < lastKey || key == lastKey && e.name() <= lastName) {
			err = fmt.Errorf("element %d, %.64q, is out of order", n-1, e.name())
			return false
		}
		first, lastKey, lastName = false, key, e.name()
		return true
	})
	if err == nil && n != t.root.n {
		err = fmt.Errorf("%d elements; the tree counts %d", n, t.root.n)
	}
	return err
}

// recount compares the body's sums with those of its elements.
func (b *body) recount() error {
	c := body{typ: b.typ}
	elems, timed := &b.names, 0
	poly, power := uint64(0), uint64(1)
	if b.typ == ZSetType {
		elems = &b.ranks
	}
	var err error
	elems.each(0, func(key uint64, e *block) bool {
		hash := keyHash(e.name())
		c.count(hash, nil, e)
		if b.typ == HashType && e.deadline() != 0 {
			timed++
			if _, other := b.ranks.find(uint64(e.deadline()), e.name()); other != e {
				err = fmt.Errorf("field %.64q is not among the deadlines", e.name())
			}
		}
		if b.typ == ZSetType && key != scoreKey(e.score()) {
			err = fmt.Errorf("member %.64q stands at another score", e.name())
		}
		if b.typ == ListType {
			poly, power = poly+power*keyHash(e.name()), power*oddBase
		} else if _, other := b.find(e.name(), hash); other != e {
			err = fmt.Errorf("element %.64q can't be found by its name", e.name())
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case b.typ == ListType && b.names.root != nil && b.names.root.sum != poly:
		return fmt.Errorf("items add up to %x; the list says %x", poly, b.names.root.sum)
	case b.typ == HashType && timed != b.ranks.len(), b.typ == ZSetType && b.wide && b.names.len() != b.ranks.len():
		return fmt.Errorf("%d and %d elements in the two orders", b.names.len(), b.ranks.len())
	case b.bytes != c.bytes || b.typ != ListType && b.sum != c.sum:
		return fmt.Errorf("%d bytes and sum %x; %d and %x were kept", c.bytes, c.sum, b.bytes, b.sum)
	}
	return nil
}
