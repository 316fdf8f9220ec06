package replay

import (
	"encoding/binary"
	"math"
)

// An element of a collection is a block of its own: the name is a field, a
// member or an item, the value a field's value, with its deadline in front if
// it has one, or a member's score.

const scoreLen = 8

// newElem returns an element with a value.
func newElem(name, value string) *block { return blockOf(name, value) }

// newField returns a hash field; a deadline of 0 is none.
func newField(name, value string, at int64) *block {
	if at == 0 {
		return blockOf(name, value)
	}
	b, head := makeBlock(name, atLen+len(value))
	head = binary.BigEndian.AppendUint64(head, uint64(at))
	_ = append(head, value...)
	b.val |= elemTimed
	return b
}

// newScored returns a member of a sorted set.
func newScored(name string, score float64) *block {
	b, head := makeBlock(name, scoreLen)
	_ = binary.BigEndian.AppendUint64(head, math.Float64bits(score))
	return b
}

// elemBytes returns all that stands behind the name.
func (b *block) elemBytes() string { return b.value() }

// field returns a field's value.
func (b *block) field() string {
	if b.val&elemTimed != 0 {
		return b.value()[atLen:]
	}
	return b.value()
}

// deadline returns a field's deadline, 0 for none.
func (b *block) deadline() int64 {
	if b.val&elemTimed == 0 {
		return 0
	}
	return int64(beUint64(b.value()))
}

// score returns a member's score.
func (b *block) score() float64 { return math.Float64frombits(beUint64(b.value())) }

// weight is how many bytes the element has.
func (b *block) weight() int64 { return int64(b.key) + int64(b.val&lenMask) }

// isInt reports whether a member is an integer in the form that Redis's intsets
// have.
func isInt(s string) bool {
	if s == "0" {
		return true
	}
	digits := s
	if len(s) > 1 && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] < '1' || digits[0] > '9' {
		return false
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return false
		}
	}
	const most = "9223372036854775807"
	return len(digits) < len(most) || digits <= most || s == "-9223372036854775808"
}
