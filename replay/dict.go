package replay

import (
	"encoding/binary"
	"strings"
	"unsafe"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
)

// dict finds a key's record by its hash. The tree beside it has the same keys
// in order; the records stand here, because a look-up in a tree of strings
// costs a cache miss or two for each of its comparisons (3.4 µs among 100,000
// keys where this takes 0.3 µs).
//
// It is an open table in shards that grow one by one, so that no single write
// pays for moving everything. A slot is 32 bits of hash and a pointer to a
// block that holds key and value: the collector has nothing to follow in it.
//
// Readers may run side by side; a writer runs alone.
type dict struct {
	shards *[shardCount]shard // nil until the first key
	n      int
}

const (
	shardBits  = 8
	shardCount = 1 << shardBits
	firstSlots = 8
)

type shard struct {
	tags  []uint32 // 0 is an empty slot
	slots []*block
	n     int
}

// block is the start of a key's memory: its two lengths. Key and value follow,
// unless val has bodyFlag: then it is the start of a bodyBlock. The elements of
// collections are blocks too; see elem.go.
type block struct {
	key, val uint32
}

// bodyBlock is what a key of a collection type has in place of a value.
type bodyBlock struct {
	block
	at   int64
	key  string
	body *body
}

const (
	blockHead = int(unsafe.Sizeof(block{}))
	bodyFlag  = 1 << 31
	elemTimed = 1 << 30 // of an element: its value begins with a deadline
	lenMask   = elemTimed - 1
)

// newBlock returns a block of key and of the value that r's parts make.
func newBlock(key string, r record) *block {
	if r.body != nil {
		b := &bodyBlock{block: block{val: bodyFlag}, at: r.at, key: strings.Clone(key), body: r.body}
		return &b.block
	}
	b, head := makeBlock(key, r.size())
	_ = appendRowValue(head, r)
	return b
}

// blockOf returns a block of key and of a row value.
func blockOf(key, value string) *block {
	b, head := makeBlock(key, len(value))
	_ = append(head, value...)
	return b
}

// makeBlock returns a block with its key, and its bytes up to the value, with
// room for val more.
func makeBlock(key string, val int) (*block, []byte) {
	n := blockHead + len(key)
	b := make([]byte, n+val)
	binary.NativeEndian.PutUint32(b, uint32(len(key)))
	binary.NativeEndian.PutUint32(b[4:], uint32(val))
	copy(b[blockHead:], key)
	return (*block)(unsafe.Pointer(unsafe.SliceData(b))), b[:n]
}

// collection returns the bodyBlock that b is the start of, or nil.
func (b *block) collection() *bodyBlock {
	if b.val&bodyFlag == 0 {
		return nil
	}
	return (*bodyBlock)(unsafe.Pointer(b))
}

// record returns what the key holds.
func (b *block) record() record {
	if c := b.collection(); c != nil {
		return record{typ: c.body.typ, at: c.at, body: c.body}
	}
	return parseRow(b.value())
}

// digest is what the key adds to its database's digest.
func (b *block) digest(hash uint64) journal.Digest {
	if c := b.collection(); c != nil {
		return bodyDigest(hash, c.at, c.body)
	}
	return rowDigest(hash, b.value())
}

// name returns the block's key, which shares its memory.
func (b *block) name() string {
	if c := b.collection(); c != nil {
		return c.key
	}
	return b.part(blockHead, int(b.key))
}

// part returns the n bytes of the block from at on. Of none it has no pointer:
// that could be one past the block's end, into memory that may be free, which
// the collector takes for damage.
func (b *block) part(at, n int) string {
	if n == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(b), at)), n)
}

// keepsake returns the block's key for who may hold it longer than the block
// stands: it does not hold on to a value of any size.
func (b *block) keepsake() string {
	if b.val > smallValue && b.collection() == nil {
		return strings.Clone(b.name())
	}
	return b.name()
}

// smallValue is what is cheaper to hold on to than to copy the key for.
const smallValue = 128

// value returns the block's row value, which shares its memory.
func (b *block) value() string {
	return b.part(blockHead+int(b.key), int(b.val&lenMask))
}

// tag is the part of a hash that a slot keeps; never 0. A key's first slot comes
// from it alone, so a shard grows and closes gaps without looking at its keys,
// each of which would be a cache miss.
func tag(h uint64) uint32 { return max(uint32(h), 1) }

// home is where the search for a tag begins. A shard has any length, so that it
// can grow by half and stay well filled.
func (s *shard) home(t uint32) int { return int(uint64(t) * uint64(len(s.tags)) >> 32) }

// next is the slot behind i.
func (s *shard) next(i int) int {
	if i++; i == len(s.tags) {
		return 0
	}
	return i
}

// from returns how many slots behind i j is.
func (s *shard) from(i, j int) int {
	if j < i {
		return j - i + len(s.tags)
	}
	return j - i
}

// get returns key's block, or nil.
func (d *dict) get(key string, h uint64) *block {
	if d.shards == nil {
		return nil
	}
	s := &d.shards[h>>(64-shardBits)]
	if i := s.find(key, h); i >= 0 {
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
			return s.slots[i].val
		}
	}
	return 0
}

// find returns the slot of key, or -1.
func (s *shard) find(key string, h uint64) int {
	if s.n == 0 {
		return -1
	}
	t := tag(h)
	for i := s.home(t); s.tags[i] != 0; i = s.next(i) {
		if s.tags[i] == t && s.slots[i].name() == key {
			return i
		}
	}
	return -1
}

// put sets key's block and returns the one that was there, or nil.
func (d *dict) put(key string, h uint64, b *block) (old *block) {
	if d.shards == nil {
		d.shards = new([shardCount]shard)
	}
	s := &d.shards[h>>(64-shardBits)]
	if i := s.find(key, h); i >= 0 {
		old, s.slots[i] = s.slots[i], b
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
		d.shards[i] = shard{tags: make([]uint32, size), slots: make([]*block, size)}
	}
}

func (s *shard) insert(t uint32, b *block) {
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
	*s = shard{tags: make([]uint32, size), slots: make([]*block, size)}
	for i, t := range old.tags {
		if t != 0 {
			s.insert(t, old.slots[i])
		}
	}
}

// del removes key and returns the block that was there, or nil.
func (d *dict) del(key string, h uint64) *block {
	if d.shards == nil {
		return nil
	}
	s := &d.shards[h>>(64-shardBits)]
	i := s.find(key, h)
	if i < 0 {
		return nil
	}
	b := s.slots[i]
	s.remove(i)
	d.n--
	return b
}

// remove empties a slot and moves up what had been pushed behind it, so that
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

// keyHash is the hash that finds a key, orders it within its slot, and stands
// for it in the digest.
func keyHash(key string) uint64 { return xxhash.Sum64String(key) }
