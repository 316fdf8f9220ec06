package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
	"unsafe"
)

// A frame is a header of fixed size and the entries behind it; FORMAT.md has
// the table. The checksum covers everything behind itself, so a flipped bit
// anywhere in a frame shows.
const (
	magic      = "LDG1"
	headerSize = 44

	offCRC     = 4
	offSeq     = 8
	offEpoch   = 16
	offPrev    = 24
	offLineage = 32
	offCount   = 40
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// EntrySize returns an upper bound on what an entry with these effects takes
// in a frame.
func EntrySize(ops []Op) int {
	n := 2 * maxVarint
	for _, op := range ops {
		n += OpSize(op)
	}
	return n
}

// OpSize returns an upper bound on what one effect takes in an entry.
func OpSize(op Op) int { return 1 + op.size() }

// encodeFrame appends the frame of b, to be stored as number seq of lineage l,
// to dst.
func encodeFrame(dst []byte, l Lineage, seq Seq, b Batch) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	for _, e := range b.Entries {
		dst = binary.AppendVarint(dst, e.At.UnixMilli())
		dst = binary.AppendUvarint(dst, uint64(len(e.Ops)))
		for _, op := range e.Ops {
			dst = append(dst, byte(op.Kind()))
			dst = op.append(dst)
		}
	}
	f := dst[start:]
	copy(f, magic)
	binary.BigEndian.PutUint64(f[offSeq:], uint64(seq))
	binary.BigEndian.PutUint64(f[offEpoch:], b.Epoch)
	binary.BigEndian.PutUint64(f[offPrev:], uint64(b.Prev))
	binary.BigEndian.PutUint64(f[offLineage:], uint64(l))
	binary.BigEndian.PutUint32(f[offCount:], uint32(len(b.Entries)))
	binary.BigEndian.PutUint32(f[offCRC:], crc32.Checksum(f[offSeq:], castagnoli))
	return dst
}

// CheckFrame tells whether f is, bit for bit, a frame that was encoded as number
// seq of lineage l. Drivers use it to tell a frame from what is left of one.
func CheckFrame(f []byte, l Lineage, seq Seq) error {
	if len(f) < headerSize {
		return Damaged(seq, "a frame of %d bytes; the header alone has %d", len(f), headerSize)
	}
	if string(f[:offCRC]) != magic {
		return Damaged(seq, "frame begins with %q; want %q", f[:offCRC], magic)
	}
	if got, want := crc32.Checksum(f[offSeq:], castagnoli), binary.BigEndian.Uint32(f[offCRC:]); got != want {
		return Damaged(seq, "checksum is %08x; the frame says %08x", got, want)
	}
	if got := Seq(binary.BigEndian.Uint64(f[offSeq:])); got != seq {
		return Damaged(seq, "the frame says it is number %d", got)
	}
	if got := Lineage(binary.BigEndian.Uint64(f[offLineage:])); got != l {
		return Damaged(seq, "the frame is of lineage %s; this journal is %s", got, l)
	}
	return nil
}

// LineageOf returns the lineage that a frame says it is of; false if it is no
// whole frame.
func LineageOf(f []byte) (Lineage, bool) {
	if len(f) < headerSize || string(f[:offCRC]) != magic ||
		crc32.Checksum(f[offSeq:], castagnoli) != binary.BigEndian.Uint32(f[offCRC:]) {
		return 0, false
	}
	return Lineage(binary.BigEndian.Uint64(f[offLineage:])), true
}

// decodeFrame reads the frame that a driver keeps under number seq. The
// batch's strings share f's memory, so f must not change afterwards.
func decodeFrame(f []byte, l Lineage, seq Seq) (Batch, error) {
	if err := CheckFrame(f, l, seq); err != nil {
		return Batch{}, err
	}
	b := Batch{
		Epoch: binary.BigEndian.Uint64(f[offEpoch:]),
		Prev:  Digest(binary.BigEndian.Uint64(f[offPrev:])),
	}
	d := decoder{rest: f[headerSize:]}
	b.Entries = d.entries(binary.BigEndian.Uint32(f[offCount:]))
	if d.err == "" && len(d.rest) > 0 {
		d.fail("%d bytes behind the last entry", len(d.rest))
	}
	if d.err != "" {
		return Batch{}, Damaged(seq, "%s", d.err)
	}
	return b, nil
}

// decoder reads fields off the front of rest. The first failure is kept and
// every later read returns zero, so callers check once.
type decoder struct {
	rest []byte
	err  string
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == "" {
		d.err = fmt.Sprintf(format, args...)
	}
	d.rest = nil
}

// trusted is how many elements a count is believed to announce. Past it slices
// grow with what is really there: a count that lies can't make the decoder take
// many times the memory of the frame.
const trusted = 1024

func (d *decoder) entries(n uint32) []Entry {
	es := make([]Entry, 0, min(int(min(n, trusted)), len(d.rest)))
	for range n {
		if d.err != "" {
			return nil
		}
		es = append(es, d.entry())
	}
	return es
}

func (d *decoder) entry() Entry {
	e := Entry{At: time.UnixMilli(d.varint())}
	n := d.uvarint()
	e.Ops = make([]Op, 0, min(n, uint64(len(d.rest)), trusted))
	for range n {
		if d.err != "" {
			return Entry{}
		}
		k := Kind(d.byte())
		op := newOp(k)
		if op == nil {
			d.fail("unknown effect %d", k)
			return Entry{}
		}
		op.decode(d)
		e.Ops = append(e.Ops, op)
	}
	return e
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("frame ends in the middle of an entry")
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.fail("a string of %d bytes where %d are left", n, len(d.rest))
		return ""
	}
	if n == 0 {
		return ""
	}
	s := unsafe.String(&d.rest[0], int(n))
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) db() DB {
	v := d.uvarint()
	if v > 0xffff {
		d.fail("database %d", v)
	}
	return DB(v)
}

func (d *decoder) slot() uint16 {
	v := d.uvarint()
	if v > MaxSlot {
		d.fail("slot %d", v)
	}
	return uint16(v)
}

// offset reads a position in a string. It is bounded so that an edit can't ask
// for more memory than an entry may hold.
func (d *decoder) offset() int64 {
	v := d.uvarint()
	if v > MaxEntry {
		d.fail("offset %d", v)
		return 0
	}
	return int64(v)
}
