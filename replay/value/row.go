package value

import (
	"encoding/binary"

	"ledge/journal"
)

// A key is one row of its database:
//
//	row key   'k' · slot (2) · hash (6) · key
//	row value type (1, top bit: has a deadline) · [deadline (8)] · payload
//
// Slot and hash are a position, of 62 bits. The tree has the positions in order, and the
// dict finds keys and row values. Ordering by slot and then by hash makes a SCAN cursor a
// position, a random key a random one, and a hash slot one range. Rows stand in a snapshot
// as they do in the order.
const (
	rowKey   = 'k'
	hasAt    = 0x80 // flag in the type byte
	hashBits = 48
)

// RowHead is how many bytes stand before the key in a row key.
const RowHead = 9

// Record is what a key holds.
type Record struct {
	Type Type
	At   int64  // deadline in Unix milliseconds; 0 is none
	Val  string // of a string
	Body Body   // of any other type
}

// Expired reports whether the record's deadline has come, or that of all fields
// of a hash.
func (r Record) Expired(now int64) bool {
	if r.At != 0 && r.At <= now {
		return true
	}
	return r.Body != nil && r.Body.Live(now) == 0
}

// AppendRowKey appends the row key of a key at its position to b.
func AppendRowKey(b []byte, pos uint64, key string) []byte {
	b = append(b, rowKey)
	b = binary.BigEndian.AppendUint64(b, pos)
	return append(b, key...)
}

// RowPos returns a key's position, which is its slot and the start of its hash,
// and the whole hash.
func RowPos(key string) (pos, hash uint64) {
	hash = Sum(key)
	return Position(key, hash), hash
}

// AppendRow appends the row value of r to b.
func AppendRow(b []byte, r Record) []byte {
	if r.At == 0 {
		b = append(b, byte(r.Type))
	} else {
		b = append(b, byte(r.Type)|hasAt)
		b = binary.BigEndian.AppendUint64(b, uint64(r.At))
	}
	return append(b, r.Val...)
}

// size returns the length of the record's row value.
func (r Record) size() int {
	if r.At != 0 {
		return 1 + deadlineLen + len(r.Val)
	}
	return 1 + len(r.Val)
}

// ParseRow is the inverse of AppendRow. The payload shares v's memory.
func ParseRow(v string) Record {
	r := Record{Type: Type(v[0] &^ hasAt), Val: v[1:]}
	if v[0]&hasAt != 0 {
		r.At = int64(beUint64(v[1:]))
		r.Val = v[1+deadlineLen:]
	}
	return r
}

// CheckRow reports whether k and v can be a row, before ParseRow trusts it, and
// returns the hash of its key.
func CheckRow(k, v string) (hash uint64, ok bool) {
	if len(k) < RowHead || k[0] != rowKey || len(v) == 0 {
		return 0, false
	}
	if v[0]&hasAt != 0 && len(v) < 1+deadlineLen {
		return 0, false
	}
	pos, hash := RowPos(k[RowHead:])
	return hash, pos == RowCursor(k) && RowType(v).Known()
}

// RowType returns the type that a row value says, whether there is such a type or
// not.
func RowType(v string) Type { return Type(v[0] &^ hasAt) }

// Position returns the position of a key whose hash is known.
func Position(key string, hash uint64) uint64 { return SlotBegin(int(Slot(key))) | hash>>(64-hashBits) }

// SlotBegin returns the first position of a slot. That of the slot after the last is the
// end of all.
func SlotBegin(slot int) uint64 { return uint64(slot) << hashBits }

// PositionSlot returns the slot of a position.
func PositionSlot(pos uint64) uint16 { return uint16(pos >> hashBits) }

// RecordOf returns what the key of a block holds.
func RecordOf(b *Block) Record {
	if c := b.Collection(); c != nil {
		return Record{Type: c.Body.Type(), At: c.At, Body: c.Body}
	}
	return ParseRow(b.Value())
}

// RecordBlock returns a block of key and of what it holds.
func RecordBlock(key string, r Record) *Block {
	if r.Body != nil {
		return NewCollection(key, r.At, r.Body)
	}
	b, head := MakeBlock(key, r.size())
	_ = AppendRow(head, r)
	return b
}

// BlockDigest is what the key of a block adds to its database's digest.
func BlockDigest(b *Block, hash uint64) journal.Digest {
	if c := b.Collection(); c != nil {
		return BodyDigest(hash, c.At, c.Body)
	}
	return RowDigest(hash, b.Value())
}

// RowCursor returns the position of a row.
func RowCursor(k string) uint64 { return beUint64(k[1:]) }

// PositionHash returns a key's hash as far as its position has it: its first bits.
func PositionHash(pos uint64) uint64 { return pos << (64 - hashBits) }
