package journal

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// doing is what a coder does with the fields that it is shown.
type doing uint8

const (
	sizing  doing = iota // add up how much they may take
	writing              // append them to out
	reading              // fill them from rest
	showing              // give them to show, for people
)

// coder goes over the fields of effects. An effect lists its fields once, in
// the order in which they are stored, and that is how it is measured, written,
// read and shown, so that the four agree. It is one type that looks at what it
// is doing, not four types with one interface: every write and every effect of a
// recovery comes through here, and the processor foresees that branch.
type coder struct {
	doing doing
	size  int
	out   []byte
	// rest is what is left to be read. The first failure is kept in err, and
	// everything that is read later is zero, so callers check once.
	rest []byte
	err  string
	// newer is the kind of an effect that nobody knows here, if that was the
	// failure.
	newer Kind
	show  func(name string, val any)
}

// Upper bounds on encoded integers, for sizing.
const (
	maxVarint   = binary.MaxVarintLen64
	maxVarint32 = binary.MaxVarintLen32
)

// trusted is how many elements a count is believed to announce. Past it slices
// grow with what is really there: a count that lies can't make the decoder take
// many times the memory of the frame.
const trusted = 1024

func (c *coder) fail(format string, args ...any) {
	if c.err == "" {
		c.err = fmt.Sprintf(format, args...)
	}
	c.rest = nil
}

// at is for the database and key that most effects begin with.
func (c *coder) at(db *DB, key *string) {
	switch c.doing {
	case sizing:
		c.size += 2*maxVarint + len(*key)
	case writing:
		c.out = appendString(appendUint(c.out, uint64(*db)), *key)
	case reading:
		*db, *key = c.readDB(), c.readString()
	case showing:
		c.show("DB", *db)
		c.show("Key", *key)
	}
}

func (c *coder) db(name string, v *DB) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
	case writing:
		c.out = appendUint(c.out, uint64(*v))
	case reading:
		*v = c.readDB()
	case showing:
		c.show(name, *v)
	}
}

func (c *coder) slot(name string, v *uint16) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
	case writing:
		c.out = appendUint(c.out, uint64(*v))
	case reading:
		n := c.readUint()
		if n > MaxSlot {
			c.fail("slot %d", n)
		}
		*v = uint16(n)
	case showing:
		c.show(name, *v)
	}
}

// offset is for a position in a string. It is bounded so that an edit can't ask
// for more memory than an entry may hold.
func (c *coder) offset(name string, v *int64) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
	case writing:
		c.out = appendUint(c.out, uint64(*v))
	case reading:
		n := c.readUint()
		if n > MaxEntry {
			c.fail("offset %d", n)
			n = 0
		}
		*v = int64(n)
	case showing:
		c.show(name, *v)
	}
}

func (c *coder) uint(name string, v *uint64) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
	case writing:
		c.out = appendUint(c.out, *v)
	case reading:
		*v = c.readUint()
	case showing:
		c.show(name, *v)
	}
}

func (c *coder) int(name string, v *int64) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
	case writing:
		c.out = appendInt(c.out, *v)
	case reading:
		*v = c.readInt()
	case showing:
		c.show(name, *v)
	}
}

func (c *coder) string(name string, v *string) {
	switch c.doing {
	case sizing:
		c.size += maxVarint + len(*v)
	case writing:
		c.out = appendString(c.out, *v)
	case reading:
		*v = c.readString()
	case showing:
		c.show(name, *v)
	}
}

// side is for an end of a list, of which left is 1.
func (c *coder) side(name string, left *bool) {
	switch c.doing {
	case sizing:
		c.size++
	case writing:
		side := byte(0)
		if *left {
			side = 1
		}
		c.out = append(c.out, side)
	case reading:
		side := c.readByte()
		if side > 1 {
			c.fail("side %d of a list", side)
		}
		*left = side == 1
	case showing:
		c.show(name, *left)
	}
}

// strings is for a list of strings, of which there is one at least.
func (c *coder) strings(name string, v *[]string) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
		for _, s := range *v {
			c.size += maxVarint32 + len(s)
		}
	case writing:
		c.out = appendUint(c.out, uint64(len(*v)))
		for _, s := range *v {
			c.out = appendString(c.out, s)
		}
	case reading:
		n := c.readCount()
		*v = make([]string, 0, min(n, uint64(len(c.rest)), trusted))
		for ; n > 0 && c.err == ""; n-- {
			*v = append(*v, c.readString())
		}
	case showing:
		c.show(name, *v)
	}
}

// scored is for a list of members with their scores, of which there is one at
// least.
func (c *coder) scored(name string, v *[]Scored) {
	switch c.doing {
	case sizing:
		c.size += maxVarint
		for i := range *v {
			c.size += 8 + maxVarint32 + len((*v)[i].Member)
		}
	case writing:
		c.out = appendUint(c.out, uint64(len(*v)))
		for i := range *v {
			c.out = binary.BigEndian.AppendUint64(c.out, math.Float64bits((*v)[i].Score))
			c.out = appendString(c.out, (*v)[i].Member)
		}
	case reading:
		n := c.readCount()
		*v = make([]Scored, 0, min(n, uint64(len(c.rest)), trusted))
		for ; n > 0 && c.err == ""; n-- {
			s := Scored{Score: c.readScore()}
			s.Member = c.readString()
			*v = append(*v, s)
		}
	case showing:
		c.show(name, *v)
	}
}

// appendUint is binary.AppendUvarint, quick for the many numbers that are small.
func appendUint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

// appendInt is binary.AppendVarint, likewise.
func appendInt(b []byte, v int64) []byte { return appendUint(b, uint64(v)<<1^uint64(v>>63)) }

func appendString(b []byte, s string) []byte {
	return append(appendUint(b, uint64(len(s))), s...)
}

func (c *coder) readByte() byte {
	if len(c.rest) == 0 {
		c.fail("frame ends in the middle of an entry")
		return 0
	}
	b := c.rest[0]
	c.rest = c.rest[1:]
	return b
}

func (c *coder) readUint() uint64 {
	if len(c.rest) > 0 && c.rest[0] < 0x80 { // as most are
		v := c.rest[0]
		c.rest = c.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.fail("bad number")
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *coder) readInt() int64 {
	v := c.readUint()
	return int64(v>>1) ^ -int64(v&1)
}

func (c *coder) readDB() DB {
	n := c.readUint()
	if n > math.MaxUint16 {
		c.fail("database %d", n)
	}
	return DB(n)
}

// readString reads a string, which shares the frame's memory.
func (c *coder) readString() string {
	n := c.readUint()
	if n > uint64(len(c.rest)) {
		c.fail("a string of %d bytes where %d are left", n, len(c.rest))
		return ""
	}
	if n == 0 {
		return ""
	}
	s := unsafe.String(&c.rest[0], int(n))
	c.rest = c.rest[n:]
	return s
}

// readCount reads how many elements follow.
func (c *coder) readCount() uint64 {
	n := c.readUint()
	if n == 0 {
		c.fail("an empty list of elements")
	}
	return n
}

// readScore reads a score, which is a number.
func (c *coder) readScore() float64 {
	if len(c.rest) < 8 {
		c.fail("frame ends in the middle of a score")
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(c.rest))
	c.rest = c.rest[8:]
	if math.IsNaN(f) {
		c.fail("a score that is not a number")
	}
	return f
}
