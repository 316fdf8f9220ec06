package bits

import "math"

// overflow says what becomes of a number that doesn't fit its field.
type overflow uint8

const (
	wrap     overflow = iota // it loses its high bits
	saturate                 // it is the largest or least that fits
	fail                     // the operation isn't done
)

// sum returns base+by as the field will hold it, and false when it must stay as
// it is. Unsigned fields take base as its 64 bits.
func (op fieldOp) sum(base, by int64) (int64, bool) {
	all := uint64(math.MaxUint64) >> (64 - op.width)
	over, under := unsignedBeyond(base, by, all)
	lo, hi := int64(0), int64(all)
	if op.signed {
		hi = math.MaxInt64 >> (64 - op.width)
		lo = -hi - 1
		over, under = signedBeyond(base, by, lo, hi)
	}
	if !over && !under {
		return base + by, true
	}
	switch {
	case op.full == fail:
		return 0, false
	case op.full == wrap:
		return op.extend(uint64(base+by) & all), true
	case over:
		return hi, true
	}
	return lo, true
}

// unsignedBeyond reports whether the sum is above top or below zero.
func unsignedBeyond(base, by int64, top uint64) (over, under bool) {
	u := uint64(base)
	switch {
	case u > top, by > 0 && uint64(by) > top-u:
		return true, false
	case by < 0 && uint64(-by) > u:
		return false, true
	}
	return false, false
}

// signedBeyond reports whether the sum is above hi or below lo. A base that is
// out of range goes the same way, whatever is added.
func signedBeyond(base, by, lo, hi int64) (over, under bool) {
	switch {
	case base > hi:
		return true, false
	case base < lo:
		return false, true
	case by > 0 && uint64(by) > uint64(hi)-uint64(base):
		return true, false
	case by < 0 && uint64(-by) > uint64(base)-uint64(lo):
		return false, true
	}
	return false, false
}
