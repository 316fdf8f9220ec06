package replay

import (
	"iter"
	"slices"
	"strings"

	"ledge/replay/value"
)

// dict finds a key's record by its hash. The tree beside it has where these
// stand in order; they themselves are here, because a look-up in a tree of strings
// costs a cache miss or two for each of its comparisons (3.4 µs among 100,000
// keys where this takes 0.3 µs).
//
// The tree has positions alone; by these, too, keys are found here.
//
// It is an open table in shards that grow one by one, so that no single write
// pays for moving everything. A slot is 32 bits of hash and a pointer to a
// block that holds key and value: the collector has nothing to follow in it.
//
// Readers may run side by side; a writer runs alone.
type dict struct {
	shards *[shardCount]shard // nil until the first key
	n      int
	crowd  *crowd // nil until too many keys share a tag
}

const (
	shardBits  = 8
	shardCount = 1 << shardBits
	firstSlots = 8
)

type shard struct {
	tags  []uint32 // 0 is an empty slot
	slots []*value.Block
	n     int
}

// tag is the part of a hash that a slot keeps; never 0. A key's first slot comes
// from it alone, so a shard grows and closes gaps without looking at its keys,
// each of which would be a cache miss.
//
// It is a part of the hash that a position has, too, so that a key is found by that.
func tag(h uint64) uint32 { return max(uint32(h>>16), 1) }

// home is where the search for a tag begins. A shard has any length, so that it
// can grow by half and stay well filled.
func (s *shard) home(t uint32) int { return int(uint64(t) * uint64(len(s.tags)) >> 32) }

// next is the slot after i.
func (s *shard) next(i int) int {
	if i++; i == len(s.tags) {
		return 0
	}
	return i
}

// from returns how many slots after i j is.
func (s *shard) from(i, j int) int {
	if j < i {
		return j - i + len(s.tags)
	}
	return j - i
}

// get returns key's block, or nil.
func (d *dict) get(key string, h uint64) *value.Block {
	if d.shards == nil {
		return nil
	}
	if d.crowd.has(h) {
		return d.crowd.get(key)
	}
	s := &d.shards[h>>(64-shardBits)]
	if i, _ := s.find(key, h); i >= 0 {
		return s.slots[i]
	}
	return nil
}

// warm has the processor fetch what get will look at. Look-ups wait for each
// other's cache misses, since each depends on what it compares; a row of calls
// of warm does not.
func (d *dict) warm(h uint64) uint32 {
	if d.shards == nil {
		return 0
	}
	s := &d.shards[h>>(64-shardBits)]
	if s.n == 0 {
		return 0
	}
	t := tag(h)
	for i := s.home(t); s.tags[i] != 0; i = s.next(i) {
		if s.tags[i] == t {
			return s.slots[i].Head()
		}
	}
	return 0
}

// find returns the slot of key, or -1, and how many other keys of its tag were met.
func (s *shard) find(key string, h uint64) (at, others int) {
	if s.n == 0 {
		return -1, 0
	}
	t := tag(h)
	for i := s.home(t); s.tags[i] != 0; i = s.next(i) {
		if s.tags[i] == t {
			if s.slots[i].Name() == key {
				return i, others
			}
			others++
		}
	}
	return -1, others
}

// at appends the blocks of the keys at a position, in the order of the keys. Nearly always
// there is one at most.
func (d *dict) at(blocks []*value.Block, pos uint64) []*value.Block {
	if d.shards == nil {
		return blocks
	}
	h := value.PositionHash(pos)
	if d.crowd.has(h) {
		return d.crowd.at(blocks, pos)
	}
	s := &d.shards[h>>(64-shardBits)]
	if s.n == 0 {
		return blocks
	}
	t, first := tag(h), len(blocks)
	for i := s.home(t); s.tags[i] != 0; i = s.next(i) {
		if s.tags[i] != t {
			continue
		}
		if at, _ := value.RowPos(s.slots[i].Name()); at == pos {
			blocks = append(blocks, s.slots[i])
		}
	}
	if len(blocks)-first > 1 {
		slices.SortFunc(blocks[first:], func(a, b *value.Block) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return blocks
}

// put sets key's block and returns the one that was there, or nil.
func (d *dict) put(key string, h uint64, b *value.Block) (old *value.Block) {
	if d.shards == nil {
		d.shards = new([shardCount]shard)
	}
	s := &d.shards[h>>(64-shardBits)]
	in := d.crowd.has(h)
	if !in {
		i, others := s.find(key, h)
		if i >= 0 {
			old, s.slots[i] = s.slots[i], b
			return old
		}
		if in = others >= crowdFrom; in {
			d.gather(s, h)
		}
	}
	if in {
		if old = d.crowd.put(key, h, b); old == nil {
			d.n++
		}
		return old
	}
	if 8*(s.n+1) > 7*len(s.tags) {
		s.grow()
	}
	s.insert(tag(h), b)
	d.n++
	return nil
}

// reserve makes room for n keys in an empty dict.
func (d *dict) reserve(n int) {
	// The shards differ a little in how many keys they get.
	size := max(firstSlots, (n/shardCount+n/shardCount/16+1)*8/7+1)
	d.shards = new([shardCount]shard)
	for i := range d.shards {
		d.shards[i] = shard{tags: make([]uint32, size), slots: make([]*value.Block, size)}
	}
}

func (s *shard) insert(t uint32, b *value.Block) {
	i := s.home(t)
	for s.tags[i] != 0 {
		i = s.next(i)
	}
	s.tags[i], s.slots[i] = t, b
	s.n++
}

func (s *shard) grow() {
	old := *s
	size := max(firstSlots, len(old.tags)+len(old.tags)/2)
	*s = shard{tags: make([]uint32, size), slots: make([]*value.Block, size)}
	for i, t := range old.tags {
		if t != 0 {
			s.insert(t, old.slots[i])
		}
	}
}

// del removes key and returns the block that was there, or nil.
func (d *dict) del(key string, h uint64) *value.Block {
	if d.shards == nil {
		return nil
	}
	if d.crowd.has(h) {
		b := d.crowd.del(key, h)
		if b != nil {
			d.n--
		}
		return b
	}
	s := &d.shards[h>>(64-shardBits)]
	i, _ := s.find(key, h)
	if i < 0 {
		return nil
	}
	b := s.slots[i]
	s.remove(i)
	d.n--
	return b
}

// remove empties a slot and moves up what had been pushed past it, so that
// no search ends early.
func (s *shard) remove(i int) {
	for j := s.next(i); s.tags[j] != 0; j = s.next(j) {
		if s.from(s.home(s.tags[j]), j) >= s.from(i, j) {
			s.tags[i], s.slots[i] = s.tags[j], s.slots[j]
			i = j
		}
	}
	s.tags[i], s.slots[i] = 0, nil
	s.n--
}

// all yields all blocks, in no order.
func (d *dict) all() iter.Seq[*value.Block] {
	return func(yield func(*value.Block) bool) {
		if d.shards == nil {
			return
		}
		for i := range d.shards {
			for _, b := range d.shards[i].slots {
				if b != nil && !yield(b) {
					return
				}
			}
		}
		if d.crowd != nil {
			d.crowd.tree.Scan(func(x crowded) bool { return yield(x.b) })
		}
	}
}
