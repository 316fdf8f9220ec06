package snapshot

import (
	"encoding/binary"
	"strings"

	"ledge/replay/value"
)

// A collection is a row whose payload is flags, the number of its elements and
// the first of them. Those that don't fit follow in chunks of their own, so that
// no chunk is larger than others, however large the collection.

// rowPart is about how many bytes of elements a row begins with.
const rowPart = 64 << 10

const flagWide = 1

// collection adds the row of a collection, in as many chunks as it takes.
func (e *Writer) collection(k string, c *value.Collection) {
	b := c.Body
	v := value.AppendRow(e.scratch[:0], value.Record{Type: b.Type(), At: c.At})
	flags := byte(0)
	if b.Wide() {
		flags = flagWide
	}
	v = binary.AppendUvarint(append(v, flags), uint64(b.Len()))
	first, open := len(v), true
	b.Elements(func(el *value.Block) bool {
		if open && len(v)-first >= rowPart {
			open = false
			e.row(k, text(v))
			e.flush()
		}
		if open {
			v = b.AppendElement(v, el)
			return true
		}
		if e.chunk = b.AppendElement(e.chunk, el); len(e.chunk) >= chunkTarget {
			e.seal(kindElems, e.db)
		}
		return e.err == nil
	})
	if open {
		e.row(k, text(v))
	} else if len(e.chunk) > chunkHeaderSize {
		e.seal(kindElems, e.db)
	}
	e.scratch = v[:0]
}

// partial is a collection of which only a part has been read.
type partial struct {
	row  Row
	left uint64 // elements to come
}

// collectionRow begins to read the row of a collection. It reports false for
// what can't be one.
func collectionRow(k, v string, hash uint64) (*partial, bool) {
	r := value.ParseRow(v)
	if len(r.Val) < 1 || r.Val[0]&^flagWide != 0 {
		return nil, false
	}
	n, used := binary.Uvarint([]byte(r.Val[1:min(len(r.Val), 1+binary.MaxVarintLen64)]))
	if used <= 0 || n == 0 {
		return nil, false
	}
	body := value.NewBody(r.Type, &value.Pen{}, r.Val[0] == flagWide)
	p := &partial{row: Row{k: strings.Clone(k), hash: hash, at: r.At, body: body}, left: n}
	return p, p.add(r.Val[1+used:])
}

// add reads elements that make up all of s. What is read shares no memory with s.
func (p *partial) add(s string) (ok bool) {
	var ink value.Pen
	for ; s != "" && p.left > 0; p.left-- {
		if s, ok = p.row.body.ReadElement(&ink, s); !ok {
			return false
		}
	}
	return s == ""
}
