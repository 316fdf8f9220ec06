package hlls

import (
	"encoding/binary"
	"math/bits"
)

// murmur is MurmurHash64A with the seed that Redis uses, on every machine as on
// a little-endian one.
func murmur(b []byte) uint64 {
	const (
		seed  = 0xadc83b19
		mul   = 0xc6a4a7935bd1e995
		shift = 47
	)
	h := seed ^ uint64(len(b))*mul
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * mul
		k ^= k >> shift
		h ^= k * mul
		h *= mul
	}
	if len(b) > 0 {
		for i, c := range b {
			h ^= uint64(c) << (8 * i)
		}
		h *= mul
	}
	h ^= h >> shift
	h *= mul
	h ^= h >> shift
	return h
}

// rank is the place of the first set bit in what is left of a hash, from 1 on.
func rank(rest uint64) uint8 {
	return uint8(bits.TrailingZeros64(rest|1<<restBits)) + 1
}
