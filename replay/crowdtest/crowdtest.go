// Package crowdtest makes keys that nobody would have but on purpose.
package crowdtest

import (
	"encoding/binary"
	"math/bits"
)

// Key returns the i-th of any number of keys that have one slot and one hash, so that
// they all stand at one position.
//
// XXH64 takes 32 bytes at a time, of which each 8 change a number of their own. The second
// of these is i in the first 32 bytes, and in the next 32 what brings its number back.
func Key(i int) string {
	key := []byte("{crowd}.........................................................")
	binary.LittleEndian.PutUint64(key[8:], uint64(i))
	acc := bits.RotateLeft64(xxPrime2+binary.LittleEndian.Uint64(key[8:])*xxPrime2, 31) * xxPrime1
	binary.LittleEndian.PutUint64(key[40:], -acc*inverse(xxPrime2))
	return string(key)
}

// Primes of XXH64. The second one is also where the second number begins.
const (
	xxPrime1 uint64 = 0x9e3779b185ebca87
	xxPrime2 uint64 = 0xc2b2ae3d27d4eb4f
)

// inverse returns what an odd number gives 1 with, modulo 2⁶⁴.
func inverse(n uint64) uint64 {
	x := n // right in three bits; each step doubles them
	for range 5 {
		x *= 2 - n*x
	}
	return x
}
