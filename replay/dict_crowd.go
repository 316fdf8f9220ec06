package replay

import (
	"github.com/tidwall/btree"

	"ledge/replay/value"
)

// Whoever wants to can make any number of keys that have one hash, and so one tag: each would
// be compared with all others. Such keys stand in a tree instead, beside the table, where many
// are found as fast as few.

// crowdFrom is how many keys of one tag are too many.
const crowdFrom = 8

// crowd is the keys of tags that too many have.
type crowd struct {
	tags map[uint64]int // how many keys each has
	tree *btree.BTreeG[crowded]
}

// crowded is a key of a crowd, with its position.
type crowded struct {
	rowAt
	b *value.Block
}

func newCrowd() *crowd {
	less := func(a, b crowded) bool { return a.before(b.rowAt) }
	return &crowd{tags: make(map[uint64]int), tree: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

// whole is the shard and the tag of a hash.
func whole(h uint64) uint64 { return h>>(64-shardBits)<<32 | uint64(tag(h)) }

// has reports whether keys of a hash are in the crowd. Nearly always there is none.
func (c *crowd) has(h uint64) bool { return c != nil && c.tags[whole(h)] > 0 }

// placeOf returns where a key stands.
func placeOf(key string) crowded {
	pos, _ := value.RowPos(key)
	return crowded{rowAt: rowAt{pos, key}}
}

func (c *crowd) get(key string) *value.Block {
	x, _ := c.tree.Get(placeOf(key))
	return x.b
}

// put sets the block of a key of that hash and returns the one that was there, or nil.
func (c *crowd) put(key string, h uint64, b *value.Block) (old *value.Block) {
	x := placeOf(key)
	x.key, x.b = b.Name(), b
	had, replaced := c.tree.Set(x)
	if !replaced {
		c.tags[whole(h)]++
	}
	return had.b
}

// del removes a key of that hash and returns its block, or nil.
func (c *crowd) del(key string, h uint64) *value.Block {
	x, ok := c.tree.Delete(placeOf(key))
	if !ok {
		return nil
	}
	if of := whole(h); c.tags[of] == 1 {
		delete(c.tags, of)
	} else {
		c.tags[of]--
	}
	return x.b
}

// at appends the blocks of the keys at a position, in their order.
func (c *crowd) at(blocks []*value.Block, pos uint64) []*value.Block {
	c.tree.Ascend(crowded{rowAt: rowAt{pos: pos}}, func(x crowded) bool {
		if x.pos == pos {
			blocks = append(blocks, x.b)
		}
		return x.pos == pos
	})
	return blocks
}

// gather moves the keys of a hash's tag from their shard into the crowd.
func (d *dict) gather(s *shard, h uint64) {
	if d.crowd == nil {
		d.crowd = newCrowd()
	}
	t := tag(h)
	for i := s.home(t); s.tags[i] != 0; {
		if s.tags[i] != t {
			i = s.next(i)
			continue
		}
		b := s.slots[i]
		d.crowd.put(b.Name(), h, b)
		s.remove(i) // what comes after may be here now
	}
}
