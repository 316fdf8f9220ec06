// Package rdb encodes and decodes the values in Redis's DUMP payloads: the
// type, the value as it stands in an RDB file, the format's version, and a
// checksum. It reads all that Redis up to 7.4 writes but streams and modules,
// and writes what Redis 7.0 does, for both RESTORE each other's payloads.
package rdb

import (
	"encoding/binary"
	"errors"
	"hash/crc64"
	"math"
)

// Errors of Decode.
var (
	// ErrFooter says that the version is newer than Redis 7.4's or that the
	// checksum is not that of the bytes before it.
	ErrFooter = errors.New("unknown version or wrong checksum")
	// ErrFormat says that there is no value in the payload, or one of a type
	// that is not read.
	ErrFormat = errors.New("no value that can be read")
	// ErrTooLarge says that the value would take more memory than allowed.
	ErrTooLarge = errors.New("the value takes too much memory")
)

// Type is the type of a value.
type Type uint8

// The types.
const (
	String Type = iota + 1
	List
	Set
	Hash
	ZSet
)

// Value is a value in memory. One that has been decoded shares the memory of
// the payload wherever the payload has the bytes as they are.
type Value struct {
	Type   Type
	Str    string   // of a String
	Items  []string // of a List, in order, and of a Set
	Fields []Field  // of a Hash
	Scored []Scored // of a ZSet; Append wants the lowest first
}

// Field is a field of a hash.
type Field struct {
	Name, Value string
	At          int64 // deadline in Unix milliseconds, 0 for none
}

// Scored is a member of a sorted set.
type Scored struct {
	Member string
	Score  float64
}

// Versions of the format.
const (
	version     = 10 // Redis 7.0
	withTTL     = 12 // Redis 7.4, whose hashes have deadlines of fields
	footerBytes = 2 + 8
)

// jones is the polynomial of Redis's checksum, its bits reversed.
var jones = crc64.MakeTable(0x95ac9329ac4bc9b5)

// Checksum is Redis's CRC-64. It differs from Go's by not inverting the bits
// before and after.
func Checksum(b []byte) uint64 { return ^crc64.Update(math.MaxUint64, jones, b) }

// seal adds the footer to what stands in b from start on.
func seal(b []byte, start int, version uint16) []byte {
	b = binary.LittleEndian.AppendUint16(b, version)
	return binary.LittleEndian.AppendUint64(b, Checksum(b[start:]))
}

// open returns what stands before the footer.
func open(payload string) (string, error) {
	n := len(payload) - footerBytes
	if n < 0 || le(payload[n:n+2]) > withTTL || !summed(payload[:n+2], le(payload[n+2:])) {
		return "", ErrFooter
	}
	return payload[:n], nil
}

// summed reports whether s has that checksum. It goes by a buffer, because the
// table's routine takes no string.
func summed(s string, want uint64) bool {
	var buf [4096]byte
	crc := uint64(math.MaxUint64)
	for len(s) > 0 {
		n := copy(buf[:], s)
		crc = crc64.Update(crc, jones, buf[:n])
		s = s[n:]
	}
	return ^crc == want
}

// le reads s as a little-endian number of as many bytes, 8 at most.
func le(s string) uint64 {
	var n uint64
	for i := len(s) - 1; i >= 0; i-- {
		n = n<<8 | uint64(s[i])
	}
	return n
}

// be reads s as a big-endian number of as many bytes, 8 at most.
func be(s string) uint64 {
	var n uint64
	for i := range len(s) {
		n = n<<8 | uint64(s[i])
	}
	return n
}

// signed reads s as a little-endian number in two's complement.
func signed(s string) int64 {
	shift := 64 - 8*len(s)
	return int64(le(s)<<shift) >> shift
}

// The types that stand at a value's beginning in the file.
const (
	typeString           = 0
	typeList             = 1
	typeSet              = 2
	typeZSet             = 3
	typeHash             = 4
	typeZSet2            = 5
	typeHashZipmap       = 9
	typeListZiplist      = 10
	typeSetIntset        = 11
	typeZSetZiplist      = 12
	typeHashZiplist      = 13
	typeQuicklist        = 14
	typeHashListpack     = 16
	typeZSetListpack     = 17
	typeQuicklist2       = 18
	typeSetListpack      = 20
	typeHashTTLEarly     = 22 // of Redis 7.4's release candidates
	typeListpackTTLEarly = 23 // likewise
	typeHashTTL          = 24
	typeListpackTTL      = 25
)

// Marks of a length: the two highest bits of its first byte, or all of it.
const (
	len6     = 0 << 6
	len14    = 1 << 6
	len32    = 0x80
	len64    = 0x81
	encoded  = 3 << 6
	encInt8  = encoded
	encInt16 = encoded | 1
	encInt32 = encoded | 2
	encLZF   = encoded | 3
)

// The containers of a node of a list.
const (
	nodePlain  = 1
	nodePacked = 2
)
