package journal

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// A frame is a header of fixed size and then the entries; FORMAT.md has
// the table. The checksum covers everything that follows it, so a flipped bit
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

// Checksum is the checksum of frames, snapshots and what replicas fetch: CRC-32C
// over the parts, as if they were one.
func Checksum(parts ...[]byte) uint32 {
	sum := uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return sum
}

// EntryOverhead bounds what an entry takes in a frame beside its effects.
const EntryOverhead = 2 * maxVarint

// Sizer tells how much effects take. Its zero value is ready; it belongs to one
// goroutine, which asks it once for each effect that it writes: so it has its
// coder with it, for which there would be an allocation each time.
type Sizer struct{ c coder }

// Size returns an upper bound on what one effect takes in an entry.
func (s *Sizer) Size(op Op) int {
	s.c.size = 1 // the kind
	op.fields(&s.c)
	return s.c.size
}

// encodeFrame appends the frame of b, to be stored as number seq of lineage l,
// to dst. What the coder did before does not matter: its owner has one for all
// frames, because it would be an allocation for each.
func (c *coder) encodeFrame(dst []byte, l Lineage, seq Seq, b Batch) []byte {
	start := len(dst)
	*c = coder{doing: writing, out: append(dst, make([]byte, headerSize)...)}
	for _, e := range b.Entries {
		c.out = appendUint(appendInt(c.out, e.At.UnixMilli()), uint64(len(e.Ops)))
		for _, op := range e.Ops {
			c.out = append(c.out, byte(op.Kind()))
			op.fields(c)
		}
	}
	dst, c.out = c.out, nil
	f := dst[start:]
	copy(f, magic)
	binary.BigEndian.PutUint64(f[offSeq:], uint64(seq))
	binary.BigEndian.PutUint64(f[offEpoch:], b.Epoch)
	binary.BigEndian.PutUint64(f[offPrev:], uint64(b.Prev))
	binary.BigEndian.PutUint64(f[offLineage:], uint64(l))
	binary.BigEndian.PutUint32(f[offCount:], uint32(len(b.Entries)))
	binary.BigEndian.PutUint32(f[offCRC:], Checksum(f[offSeq:]))
	return dst
}

// CheckFrame tells whether f is, bit for bit, a frame that was encoded as number
// seq of lineage l. Drivers use it to tell a frame from what is left of one.
func CheckFrame(f []byte, l Lineage, seq Seq) error {
	if len(f) < headerSize {
		return Damaged(seq, "a frame of %d bytes; the header alone has %d", len(f), headerSize)
	}
	if newerFrame(f) {
		return Newer("number %d is a frame of format %s; this program knows %s", seq, f[:offCRC], magic)
	}
	if string(f[:offCRC]) != magic {
		return Damaged(seq, "frame begins with %q; want %q", f[:offCRC], magic)
	}
	if got, want := Checksum(f[offSeq:]), binary.BigEndian.Uint32(f[offCRC:]); got != want {
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

// newerFrame reports whether f is a frame of a format that comes after ours. All
// formats have the letters, their own number and the checksum where ours has them,
// and from the second on the checksum covers the magic, too: so that no flipped bit
// makes one of ours look like one.
func newerFrame(f []byte) bool {
	const digit = offCRC - 1
	return string(f[:digit]) == magic[:digit] && f[digit] > magic[digit] &&
		Checksum(f[:offCRC], f[offSeq:]) == binary.BigEndian.Uint32(f[offCRC:])
}

// LineageOf returns the lineage that a frame says it is of; false if it is no
// whole frame.
func LineageOf(f []byte) (Lineage, bool) {
	if len(f) < headerSize || string(f[:offCRC]) != magic ||
		Checksum(f[offSeq:]) != binary.BigEndian.Uint32(f[offCRC:]) {
		return 0, false
	}
	return Lineage(binary.BigEndian.Uint64(f[offLineage:])), true
}

// decodeFrame reads the frame that a driver keeps under number seq. The
// batch's strings share f's memory, so f must not change afterwards. The coder is
// its caller's for all frames, as with encodeFrame.
func (c *coder) decodeFrame(t *table, f []byte, l Lineage, seq Seq) (Batch, error) {
	if err := CheckFrame(f, l, seq); err != nil {
		return Batch{}, err
	}
	b := Batch{
		Epoch: binary.BigEndian.Uint64(f[offEpoch:]),
		Prev:  Digest(binary.BigEndian.Uint64(f[offPrev:])),
	}
	*c = coder{doing: reading, rest: f[headerSize:]}
	b.Entries = c.entries(t, binary.BigEndian.Uint32(f[offCount:]))
	if c.err == "" && len(c.rest) > 0 {
		c.fail("%d bytes behind the last entry", len(c.rest))
	}
	switch {
	case c.newer != 0:
		return Batch{}, Newer("number %d has effect %d, which this program does not know", seq, c.newer)
	case c.err != "":
		return Batch{}, Damaged(seq, "%s", c.err)
	}
	return b, nil
}

func (c *coder) entries(t *table, n uint32) []Entry {
	es := make([]Entry, 0, min(int(min(n, trusted)), len(c.rest)))
	for range n {
		if c.err != "" {
			return nil
		}
		es = append(es, c.entry(t))
	}
	return es
}

func (c *coder) entry(t *table) Entry {
	e := Entry{At: time.UnixMilli(c.readInt())}
	n := c.readUint()
	e.Ops = make([]Op, 0, min(n, uint64(len(c.rest)), trusted))
	for range n {
		if c.err != "" {
			return Entry{}
		}
		k := Kind(c.readByte())
		row := t.byKind[k]
		if row == nil {
			c.newer = k // the frame's checksum is right; 0 is nobody's
			c.fail("unknown effect %d", k)
			return Entry{}
		}
		op := row.empty()
		op.fields(c)
		e.Ops = append(e.Ops, op)
	}
	return e
}
