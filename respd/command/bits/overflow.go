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
		over, under = signedBeyond(base, by, lo, hi, op.width == 64)
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

// signedBeyond reports whether the sum is above hi or below lo, as Redis finds
// it. The room that it compares with wraps when base is far out of range: then
// a base far below lo counts as above hi, unless the field is full, of 64 bits.
func signedBeyond(base, by, lo, hi int64, full bool) (over, under bool) {
	above, below := hi-base, lo-base
	switch {
	case base > hi, !full && by > above, base >= 0 && by > 0 && by > above:
		return true, false
	case base < lo, !full && by < below, base < 0 && by < 0 && by < below:
		return false, true
	}
	return false, false
}
