package replay

import (
	"encoding/binary"
	"math"
	"strings"
)

// A collection is a row whose payload is flags, the number of its elements and
// the first of them. Those that don't fit follow in chunks of their own, so that
// no chunk is larger than others, however large the collection.

// rowPart is about how many bytes of elements a row begins with.
const rowPart = 64 << 10

const flagWide = 1

// appendElem appends one element to b.
func appendElem(b []byte, typ Type, e *block) []byte {
	b = binary.AppendUvarint(b, uint64(e.key))
	b = append(b, e.name()...)
	switch typ {
	case HashType:
		v := e.elemBytes()
		timed := uint64(e.val&elemTimed) / elemTimed
		b = binary.AppendUvarint(b, uint64(len(v))<<1|timed)
		b = append(b, v...)
	case ZSetType:
		b = append(b, e.elemBytes()...)
	}
	return b
}

// elems is the tree that has the elements in the order in which they are saved.
func (b *body) elems() *tree {
	if b.typ == ZSetType {
		return &b.ranks
	}
	return &b.names
}

// collection adds the row of a collection, in as many chunks as it takes.
func (e *snapshotEncoder) collection(k string, c *bodyBlock) {
	b, typ := c.body, c.body.typ
	v := appendRowValue(e.scratch[:0], record{typ: typ, at: c.at})
	flags := byte(0)
	if b.wide {
		flags = flagWide
	}
	v = binary.AppendUvarint(append(v, flags), uint64(b.len()))
	first, open := len(v), true
	b.elems().each(0, func(_ uint64, el *block) bool {
		if open && len(v)-first >= rowPart {
			open = false
			e.row(k, unsafeString(v))
			e.flush()
		}
		if open {
			v = appendElem(v, typ, el)
			return true
		}
		if e.chunk = appendElem(e.chunk, typ, el); len(e.chunk) >= chunkTarget {
			e.seal(kindElems, e.db)
		}
		return e.err == nil
	})
	if open {
		e.row(k, unsafeString(v))
	} else if len(e.chunk) > chunkHeaderSize {
		e.seal(kindElems, e.db)
	}
	e.scratch = v[:0]
}

// partial is a collection of which only a part has been read.
type partial struct {
	row  chunkRow
	left uint64 // elements to come
}

// collectionRow begins to read the row of a collection. It reports false for
// what can't be one.
func collectionRow(k, v string, hash uint64) (*partial, bool) {
	typ := Type(v[0] &^ hasAt)
	r := parseRow(v)
	p := &partial{row: chunkRow{k: strings.Clone(k), hash: hash, at: r.at, body: newBody(typ, 0)}}
	if len(r.val) < 1 || r.val[0]&^flagWide != 0 {
		return nil, false
	}
	p.row.body.wide = r.val[0] == flagWide
	n, used := binary.Uvarint([]byte(r.val[1:min(len(r.val), 1+binary.MaxVarintLen64)]))
	if used <= 0 || n == 0 {
		return nil, false
	}
	p.left = n
	return p, p.add(r.val[1+used:])
}

// add reads elements that make up all of s.
func (p *partial) add(s string) bool {
	b := p.row.body
	ink := pen{}
	for s != "" && p.left > 0 {
		var e *block
		var rank uint64
		var ok bool
		if e, rank, s, ok = cutElem(s, b.typ); !ok {
			return false
		}
		n := b.len()
		if b.typ == ListType {
			b.insertItem(&ink, n, e)
		} else {
			b.put(&ink, e, rank)
		}
		if p.left--; b.len() != n+1 {
			return false // twice the same
		}
	}
	return s == ""
}

// cutElem reads the element that s begins with. It shares no memory with s.
func cutElem(s string, typ Type) (e *block, rank uint64, rest string, ok bool) {
	name, s, ok := cutBytes(s, 0)
	if !ok {
		return nil, 0, "", false
	}
	switch typ {
	case HashType:
		n, used := uvarint(s)
		v, s, ok := cutBytes(s, 1)
		if !ok || used <= 0 {
			return nil, 0, "", false
		}
		if n&1 == 0 {
			return newElem(name, v), 0, s, true
		}
		if len(v) < atLen || beUint64(v) == 0 || beUint64(v) > math.MaxInt64 {
			return nil, 0, "", false
		}
		at := beUint64(v)
		return newField(name, v[atLen:], int64(at)), at, s, true
	case ZSetType:
		if len(s) < scoreLen {
			return nil, 0, "", false
		}
		score := math.Float64frombits(beUint64(s))
		return newScored(name, score), scoreKey(score), s[scoreLen:], !math.IsNaN(score)
	}
	return newElem(name, ""), 0, s, true
}

// cutBytes reads a length, whose lowest bits mean something else, and so many
// bytes.
func cutBytes(s string, shift int) (val, rest string, ok bool) {
	n, used := uvarint(s)
	n >>= shift
	if used <= 0 || n > uint64(len(s)-used) {
		return "", "", false
	}
	return s[used : used+int(n)], s[used+int(n):], true
}

func uvarint(s string) (uint64, int) {
	var b [binary.MaxVarintLen64]byte
	return binary.Uvarint(b[:copy(b[:], s)])
}
