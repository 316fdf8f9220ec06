package journal

import "fmt"

// Position is a place in the order of keys: a slot (14 bits), and the first 48 bits of the
// hash of a key.
type Position uint64

// MaxPosition is the last one.
const MaxPosition Position = 1<<positionBits - 1

const (
	positionBits = 62
	hashBits     = 48
)

// SpanClear removes every key of DB whose position is in First…Last. It clears a part of
// what RangeClear clears, of any size: however many keys a slot has, no entry need take
// long to be applied.
type SpanClear struct {
	DB          DB
	First, Last Position
}

// Kind returns KindSpanClear.
func (*SpanClear) Kind() Kind { return KindSpanClear }

func (*SpanClear) key() (DB, string) { return 0, "" }

func (o *SpanClear) fields(c *coder) {
	c.db("DB", &o.DB)
	c.position("First", &o.First)
	c.position("Last", &o.Last)
	if o.First > o.Last {
		c.fail("span %s to %s runs backwards", o.First, o.Last)
	}
}

func (c *coder) position(name string, v *Position) {
	if c.doing == showing {
		c.show(name, *v)
		return
	}
	c.uint(name, (*uint64)(v))
	if *v > MaxPosition {
		c.fail("position %d", uint64(*v))
	}
}

// Slot returns the slot that the position is in.
func (p Position) Slot() uint16 { return uint16(p >> hashBits) }

// String returns the slot and, in hex, the part of a hash.
func (p Position) String() string {
	return fmt.Sprintf("%d:%012x", p>>hashBits, uint64(p&(1<<hashBits-1)))
}

// MarshalText has JSON show a position as String does: as a number it has more digits
// than readers of JSON keep.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
