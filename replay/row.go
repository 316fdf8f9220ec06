package replay

import (
	"encoding/binary"
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
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
	cursorBits = 14 + hashBits
)

// Type is the type of the value that a key holds. The numbers are stored.
type Type uint8

// The types of values.
const (
	None     Type = 0
	String   Type = 1
	ListType Type = 2
	SetType  Type = 3
	ZSetType Type = 4
	HashType Type = 5
)

var typeNames = [...]string{"none", "string", "list", "set", "zset", "hash"}

// String returns the type's name as TYPE answers it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// record is what a key holds.
type record struct {
	typ  Type
	at   int64  // deadline in Unix milliseconds; 0 is none
	val  string // of a string
	body *body  // of any other type
}

// expired reports whether the record's deadline has come, or that of all fields
// of a hash.
func (r record) expired(now int64) bool {
	if r.at != 0 && r.at <= now {
		return true
	}
	return r.body != nil && r.typ == HashType && r.body.ranks.root != nil && r.body.live(now) == 0
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
	r := record{typ: Type(v[0] &^ hasAt), val: v[1:]}
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
	typ := Type(v[0] &^ hasAt)
	return hash, pos == rowCursor(k) && typ != None && int(typ) < len(typeNames)
}

func beUint64(s string) uint64 {
	_ = s[7]
	return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
		uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
}

// rowDigest is what one row adds to its database's digest. keyHash is the
// key's hash as in appendRowKey.
func rowDigest(keyHash uint64, val string) journal.Digest {
	return journal.Digest(mix(xxhash.Sum64String(val) + bits.RotateLeft64(keyHash, 23)*0x9e3779b97f4a7c15))
}

// bodyDigest is rowDigest for a collection.
func bodyDigest(keyHash uint64, at int64, b *body) journal.Digest {
	sum := mix(b.digest() + uint64(b.typ)<<56 + mix(uint64(at)))
	return journal.Digest(mix(sum + bits.RotateLeft64(keyHash, 23)*0x9e3779b97f4a7c15))
}

// mix is the finalizer of splitmix64: each bit in changes half the bits out.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
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
