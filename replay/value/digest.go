package value

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"ledge/journal"
)

// Sum returns the hash of a key's or an element's name. It decides where the
// name stands, and snapshots depend on it.
func Sum(name string) uint64 { return xxhash.Sum64String(name) }

// RowDigest is what a value adds to a digest under a name of that hash.
func RowDigest(hash uint64, val string) journal.Digest {
	return journal.Digest(Mix(xxhash.Sum64String(val) + bits.RotateLeft64(hash, 23)*oddBase))
}

// BodyDigest is RowDigest for a collection under a key of that hash, with a
// deadline.
func BodyDigest(hash uint64, at int64, b Body) journal.Digest {
	sum := Mix(b.Digest() + uint64(b.Type())<<56 + Mix(uint64(at)))
	return journal.Digest(Mix(sum + bits.RotateLeft64(hash, 23)*oddBase))
}

// Mix is the finalizer of splitmix64: each bit in changes half the bits out.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
