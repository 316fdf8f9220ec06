package replay

import (
	"encoding/binary"
	"strings"

	"ledge/journal"
	"ledge/replay/value"
)

// A key is one row of its database:
//
//	row key   'k' · slot (2) · hash (6) · key
//	row value type (1, top bit: has a deadline) · [deadline (8)] · payload
//
// The tree has the row keys in order, the dict finds the row values. Ordering
// by slot and then by hash makes a SCAN cursor a position (slot and hash are 62
// bits), a random key a random pivot, and a hash slot one range.
const (
	rowKey     = 'k'
	rowHead    = 9    // bytes before the key in a row key
	hasAt      = 0x80 // flag in the type byte
	atLen      = 8
	hashBits   = 48
	cursorBits = value.CursorBits // of the slot and of the hash
)

// record is what a key holds.
type record struct {
	typ  value.Type
	at   int64      // deadline in Unix milliseconds; 0 is none
	val  string     // of a string
	body value.Body // of any other type
}

// expired reports whether the record's deadline has come, or that of all fields
// of a hash.
func (r record) expired(now int64) bool {
	if r.at != 0 && r.at <= now {
		return true
	}
	return r.body != nil && r.body.Live(now) == 0
}

// appendRowKey appends the row key of key to b and returns key's hash.
func appendRowKey(b []byte, key string) ([]byte, uint64) {
	pos, h := rowPos(key)
	b = append(b, rowKey)
	b = binary.BigEndian.AppendUint64(b, pos)
	return append(b, key...), h
}

// rowPos returns a key's position, which is its slot and the start of its hash,
// and the whole hash.
func rowPos(key string) (pos, hash uint64) {
	hash = keyHash(key)
	return uint64(Slot(key))<<hashBits | hash>>(64-hashBits), hash
}

// appendRowValue appends the row value of r to b.
func appendRowValue(b []byte, r record) []byte {
	if r.at == 0 {
		b = append(b, byte(r.typ))
	} else {
		b = append(b, byte(r.typ)|hasAt)
		b = binary.BigEndian.AppendUint64(b, uint64(r.at))
	}
	return append(b, r.val...)
}

// size returns the length of the record's row value.
func (r record) size() int {
	if r.at != 0 {
		return 1 + atLen + len(r.val)
	}
	return 1 + len(r.val)
}

// parseRow is the inverse of appendRowValue. The payload shares v's memory.
func parseRow(v string) record {
	r := record{typ: value.Type(v[0] &^ hasAt), val: v[1:]}
	if v[0]&hasAt != 0 {
		r.at = int64(beUint64(v[1:]))
		r.val = v[1+atLen:]
	}
	return r
}

// checkRow reports whether k and v can be a row, before parseRow trusts it, and
// returns the hash of its key.
func checkRow(k, v string) (hash uint64, ok bool) {
	if len(k) < rowHead || k[0] != rowKey || len(v) == 0 {
		return 0, false
	}
	if v[0]&hasAt != 0 && len(v) < 1+atLen {
		return 0, false
	}
	pos, hash := rowPos(k[rowHead:])
	typ := value.Type(v[0] &^ hasAt)
	return hash, pos == rowCursor(k) && typ.Known()
}

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// keyHash is the hash that finds a key, orders it within its slot, and stands
// for it in the digest.
func keyHash(key string) uint64 { return value.Sum(key) }

// recordOf returns what the key of a block holds.
func recordOf(b *value.Block) record {
	if c := b.Collection(); c != nil {
		return record{typ: c.Body.Type(), at: c.At, body: c.Body}
	}
	return parseRow(b.Value())
}

// blockOf returns a block of key and of what it holds.
func blockOf(key string, r record) *value.Block {
	if r.body != nil {
		return value.NewCollection(key, r.at, r.body)
	}
	b, head := value.MakeBlock(key, r.size())
	_ = appendRowValue(head, r)
	return b
}

// digestOf is what the key of a block adds to its database's digest.
func digestOf(b *value.Block, hash uint64) journal.Digest {
	if c := b.Collection(); c != nil {
		return journal.Digest(value.BodyDigest(hash, c.At, c.Body))
	}
	return rowDigest(hash, b.Value())
}

// rowDigest is what one row adds to its database's digest, under a key of that
// hash.
func rowDigest(hash uint64, val string) journal.Digest {
	return journal.Digest(value.RowDigest(hash, val))
}

// Slot returns the cluster slot of a key: CRC16 of the key, or of the part
// between its first braces when that is not empty, as Redis computes it.
func Slot(key string) uint16 {
	if i := strings.IndexByte(key, '{'); i >= 0 {
		if j := strings.IndexByte(key[i+1:], '}'); j > 0 {
			key = key[i+1 : i+1+j]
		}
	}
	var crc uint16
	for i := range len(key) {
		crc = crc<<8 ^ crcTable[byte(crc>>8)^key[i]]
	}
	return crc & journal.MaxSlot
}

// crcTable is CRC16-XMODEM's: polynomial 0x1021, no reflection.
var crcTable = func() (t [256]uint16) {
	for i := range t {
		c := uint16(i) << 8
		for range 8 {
			if c&0x8000 != 0 {
				c = c<<1 ^ 0x1021
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()
