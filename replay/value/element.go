package value

import (
	"encoding/binary"
	"math"
)

// An element of a collection is a block of its own: the name is a field, a
// member or an item, the value a field's value, with its deadline before it if
// it has one, or a member's score.

const (
	scoreLen    = 8
	deadlineLen = 8
)

// newElem returns an element with a value.
func newElem(name, value string) *Block { return NewBlock(name, value) }

// newField returns a hash field; a deadline of 0 is none.
func newField(name, value string, at int64) *Block {
	if at == 0 {
		return NewBlock(name, value)
	}
	b, head := MakeBlock(name, deadlineLen+len(value))
	head = binary.BigEndian.AppendUint64(head, uint64(at))
	_ = append(head, value...)
	b.val |= elemTimed
	return b
}

// newScored returns a member of a sorted set.
func newScored(name string, score float64) *Block {
	b, head := MakeBlock(name, scoreLen)
	_ = binary.BigEndian.AppendUint64(head, math.Float64bits(score))
	return b
}

// elemBytes returns all that stands after the name.
func (b *Block) elemBytes() string { return b.Value() }

// field returns a field's value.
func (b *Block) field() string {
	if b.val&elemTimed != 0 {
		return b.Value()[deadlineLen:]
	}
	return b.Value()
}

// deadline returns a field's deadline, 0 for none.
func (b *Block) deadline() int64 {
	if b.val&elemTimed == 0 {
		return 0
	}
	return int64(beUint64(b.Value()))
}

// score returns a member's score.
func (b *Block) score() float64 { return math.Float64frombits(beUint64(b.Value())) }

// weight is how many bytes the element has.
func (b *Block) weight() int64 { return int64(b.key) + int64(b.val&lenMask) }

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
