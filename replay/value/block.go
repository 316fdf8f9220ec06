package value

import (
	"encoding/binary"
	"strings"
	"unsafe"
)

// Block is the start of a key's memory, or an element's: its two lengths. Name
// and value follow, unless val has bodyFlag: then it is the start of a
// Collection. The collector has nothing to follow in a block.
type Block struct {
	key, val uint32
}

// Collection is what a key has whose value is a body.
type Collection struct {
	Block
	At   int64 // deadline in Unix milliseconds; 0 is none
	key  string
	Body Body
}

const (
	blockHead  = int(unsafe.Sizeof(Block{}))
	blockAlign = int(unsafe.Alignof(Block{}))
	bodyFlag   = 1 << 31
	elemTimed  = 1 << 30 // of an element: its value begins with a deadline
	lenMask    = elemTimed - 1
)

// NewBlock returns a block with a name and a value.
func NewBlock(name, value string) *Block {
	b, head := MakeBlock(name, len(value))
	_ = append(head, value...)
	return b
}

// MakeBlock returns a block with its name, and its bytes up to the value, to
// which n are to be appended: the value.
//
// The memory is a multiple of what a Block's address must be divided by: the
// runtime packs allocations of less than 16 bytes side by side, and aligns only
// those whose size asks for it. No block gets larger by it, since two don't fit
// into one such piece.
func MakeBlock(name string, n int) (*Block, []byte) {
	at := blockHead + len(name)
	b := make([]byte, at+n, (at+n+blockAlign-1)&^(blockAlign-1))
	binary.NativeEndian.PutUint32(b, uint32(len(name)))
	binary.NativeEndian.PutUint32(b[4:], uint32(n))
	copy(b[blockHead:], name)
	return (*Block)(unsafe.Pointer(unsafe.SliceData(b))), b[:at]
}

// NewCollection returns the block of a key that holds a body.
func NewCollection(key string, at int64, body Body) *Block {
	c := &Collection{Block: Block{val: bodyFlag}, At: at, key: strings.Clone(key), Body: body}
	return &c.Block
}

// Collection returns the Collection that b is the start of, or nil.
func (b *Block) Collection() *Collection {
	if b.val&bodyFlag == 0 {
		return nil
	}
	return (*Collection)(unsafe.Pointer(b))
}

// Name returns the block's name, which shares its memory.
func (b *Block) Name() string {
	if c := b.Collection(); c != nil {
		return c.key
	}
	return b.part(blockHead, int(b.key))
}

// Value returns a string's value with its row's head, or an element's, which
// shares the block's memory.
func (b *Block) Value() string {
	return b.part(blockHead+int(b.key), int(b.val&lenMask))
}

// part returns the n bytes of the block from at on. Of none it has no pointer:
// that could be one past the block's end, into memory that may be free, which
// the collector takes for damage.
func (b *Block) part(at, n int) string {
	if n == 0 {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(b), at)), n)
}

// Head returns a part of the block's head, for a caller who only wants the
// processor to fetch it.
func (b *Block) Head() uint32 { return b.val }

func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}
