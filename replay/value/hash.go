package value

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"

	"ledge/journal"
)

// hash is the body of a hash. Its elements are fields.
type hash struct{ common }

func newHash(c common) Body { return &hash{c} }

func (h *hash) Type() Type { return HashType }

func (h *hash) Len() int {
	if h == nil {
		return 0
	}
	return h.names.len()
}

func (h *hash) Live(now int64) int {
	return h.names.len() - h.ranks.search(uint64(max(now, -1)+1), "", beforeEqual)
}

func (h *hash) Soonest() int64 {
	if h.ranks.root == nil {
		return 0
	}
	at, _ := h.ranks.at(0)
	return int64(at)
}

func (h *hash) Digest() uint64 { return h.summed(h.Len()) }

func (h *hash) Own(p *Pen) Body {
	if h.Mine(p) {
		return h
	}
	c := *h
	c.gen = p.gen
	return &c
}

func (h *hash) Apply(p *Pen, op journal.Op) error {
	switch o := op.(type) {
	case *journal.HashSet:
		if h.Len() == 0 && o.At == 0 && len(o.Pairs)/2 > narrowFields && h.fill(p, o.Pairs) {
			return nil
		}
		for i := 0; i+1 < len(o.Pairs); i += 2 {
			h.put(p, newField(o.Pairs[i], o.Pairs[i+1], o.At), o.At)
		}
		return nil
	case *journal.HashRemove:
		for _, name := range o.Fields {
			if !h.delete(p, name) {
				return fmt.Errorf("%w: %.64q", errNoElem, name)
			}
		}
		return nil
	case *journal.HashExpire:
		for _, name := range o.Fields {
			e := h.get(name, Sum(name))
			if e == nil {
				return fmt.Errorf("%w: %.64q", errNoElem, name)
			}
			h.put(p, newField(name, e.field(), o.At), o.At)
		}
		return nil
	}
	return noMeaning(HashType, op)
}

// find returns the field of that name, or nil, and its place among the names,
// or where it would be.
func (h *hash) find(name string, sum uint64) (int, *Block) {
	switch {
	case h == nil:
		return 0, nil
	case !h.wide:
		return h.names.scan(sum, name, true)
	}
	return h.names.find(sum, name)
}

// get is find without the place.
func (h *hash) get(name string, sum uint64) *Block {
	if h == nil || !h.wide {
		_, e := h.find(name, sum)
		return e
	}
	return h.names.get(sum, name)
}

// put sets a field with its deadline, in place of the one of its name.
func (h *hash) put(p *Pen, e *Block, at int64) {
	sum := Sum(e.Name())
	if !h.wide && (len(e.Name()) > narrowBytes || len(e.field()) > narrowBytes || !room(h, e, sum, narrowFields)) {
		h.widen(p, h.names)
	}
	place, old := h.find(e.Name(), sum)
	h.count(sum, old, e)
	if old != nil && old.deadline() != 0 {
		h.unrank(p, uint64(old.deadline()), old)
	}
	if at != 0 {
		h.rank(p, uint64(at), e)
	}
	h.place(p, place, sum, old, e)
}

// fill makes the hash of these fields, names and values in turn, if they are so
// many, or so long, that it is wide.
func (h *hash) fill(p *Pen, pairs []string) bool {
	es := make([]entry, 0, len(pairs)/2)
	long := false
	for i := 0; i+1 < len(pairs); i += 2 {
		es = append(es, entry{Sum(pairs[i]), newField(pairs[i], pairs[i+1], 0)})
		long = long || len(pairs[i]) > narrowBytes || len(pairs[i+1]) > narrowBytes
	}
	if es = byHash(es); !long && len(es) <= narrowFields {
		return false // the same names over and over
	}
	p.note(step{of: &h.common, did: filled})
	h.wide = true
	for _, e := range es {
		h.count(e.key, nil, e.b)
	}
	h.names.fill(p, es, filledSize)
	return true
}

// delete removes a field, and reports whether it was there.
func (h *hash) delete(p *Pen, name string) bool {
	sum := Sum(name)
	at, old := h.find(name, sum)
	if old == nil {
		return false
	}
	h.count(sum, old, nil)
	if old.deadline() != 0 {
		h.unrank(p, uint64(old.deadline()), old)
	}
	h.remove(p, names, at, sum, old)
	return true
}

func (h *hash) Check() error {
	if err := h.checkTrees(!h.wide); err != nil {
		return err
	}
	var again common
	var err error
	timed := 0
	h.names.each(0, func(_ uint64, e *Block) bool {
		sum := Sum(e.Name())
		again.count(sum, nil, e)
		if e.deadline() != 0 {
			timed++
			if h.ranks.get(uint64(e.deadline()), e.Name()) != e {
				err = fmt.Errorf("field %.64q is not among the deadlines", e.Name())
			}
		}
		if h.get(e.Name(), sum) != e {
			err = notFound(e)
		}
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case timed != h.ranks.len():
		return fmt.Errorf("%d fields with a deadline; %d among the deadlines", timed, h.ranks.len())
	}
	return h.checkSums(again.bytes, again.sum)
}

func (h *hash) Elements(fn func(*Block) bool) { h.names.every(fn) }

// AppendElement appends a field's name, then twice its value's length, odd if
// the value begins with a deadline, then the value.
func (h *hash) AppendElement(b []byte, e *Block) []byte {
	v := e.elemBytes()
	timed := uint64(e.val&elemTimed) / elemTimed
	b = binary.AppendUvarint(appendName(b, e), uint64(len(v))<<1|timed)
	return append(b, v...)
}

func (h *hash) ReadElement(p *Pen, s string) (rest string, ok bool) {
	name, s, ok := cutBytes(s, 0)
	if !ok {
		return "", false
	}
	n, used := uvarint(s)
	v, s, ok := cutBytes(s, 1)
	if !ok || used <= 0 {
		return "", false
	}
	e, at, before := newElem(name, v), uint64(0), h.Len()
	if n&1 != 0 {
		if len(v) < deadlineLen || beUint64(v) == 0 || beUint64(v) > math.MaxInt64 {
			return "", false
		}
		at = beUint64(v)
		e = newField(name, v[deadlineLen:], int64(at))
	}
	h.put(p, e, int64(at))
	return s, h.Len() == before+1
}

// Hash is a hash at one moment. It stays good after the view has ended, and
// shows no fields that had expired by then. The zero Hash is empty.
type Hash struct {
	b   *hash
	now int64
}

// HashOf returns the hash that a body is, at a time in Unix milliseconds. No
// body is an empty hash.
func HashOf(b Body, now int64) Hash {
	h, _ := b.(*hash)
	return Hash{h, now}
}

// Len returns the number of fields.
func (h Hash) Len() int {
	if h.b == nil {
		return 0
	}
	if h.b.ranks.root == nil {
		return h.b.names.len()
	}
	return h.b.Live(h.now)
}

// shows reports whether a field is there and has not expired.
func (h Hash) shows(e *Block) bool {
	return e != nil && (e.val&elemTimed == 0 || e.deadline() > h.now)
}

func (h Hash) get(field []byte) *Block {
	e := h.b.get(text(field), Sum(text(field)))
	if !h.shows(e) {
		return nil
	}
	return e
}

// Get returns a field's value.
func (h Hash) Get(field []byte) (string, bool) {
	if e := h.get(field); e != nil {
		return e.field(), true
	}
	return "", false
}

// Present returns the names among those given that the hash has, each once, as
// strings of their own.
func (h Hash) Present(fields [][]byte) []string { return present(h.b, fields, h.shows) }

// Expired returns up to most fields whose deadline has come, and whether those
// are all the fields.
func (h Hash) Expired(most int) (fields []string, all bool) {
	if h.b == nil {
		return nil, false
	}
	h.b.ranks.each(0, func(at uint64, e *Block) bool {
		if int64(at) > h.now || len(fields) == most {
			return false
		}
		fields = append(fields, e.Name())
		return true
	})
	return fields, len(fields) == h.b.names.len()
}

// Deadline returns a field's deadline in Unix milliseconds, 0 for none, and
// whether the field is there.
func (h Hash) Deadline(field []byte) (at int64, ok bool) {
	if e := h.get(field); e != nil {
		return e.deadline(), true
	}
	return 0, false
}

// Direct reports whether At finds a field without looking at those before it:
// none has expired that is not removed yet.
func (h Hash) Direct() bool { return h.b == nil || h.Len() == h.b.names.len() }

// Timed reports whether any field has a deadline.
func (h Hash) Timed() bool { return h.b != nil && h.b.ranks.root != nil }

// At returns the i-th field and its value.
func (h Hash) At(i int) (field, value string) {
	if h.Direct() {
		_, e := h.b.names.at(i)
		return e.Name(), e.field()
	}
	for f, v := range h.All() {
		if i == 0 {
			return f, v
		}
		i--
	}
	panic("value: hash field out of range")
}

// All yields fields and values: as they were added while the hash is small, in
// no particular order once it is wide.
func (h Hash) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if h.b == nil {
			return
		}
		h.b.names.each(0, func(_ uint64, e *Block) bool {
			return !h.shows(e) || yield(e.Name(), e.field())
		})
	}
}

// Field is a field of a hash. Deadline is in Unix milliseconds, and 0 is none.
type Field struct {
	Name, Value string
	Deadline    int64
}

// From yields the fields from the i-th on, in the order of At, and expired ones with them.
func (h Hash) From(i int) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		if h.b != nil {
			h.b.names.each(i, func(_ uint64, e *Block) bool { return yield(Field{e.Name(), e.field(), e.deadline()}) })
		}
	}
}

// Scan calls fn with at least count fields from cursor on and returns where to go
// on, 0 at the end. A small hash comes whole.
func (h Hash) Scan(cursor uint64, count int, fn func(field, value string)) uint64 {
	show := func(e *Block) {
		if h.shows(e) {
			fn(e.Name(), e.field())
		}
	}
	switch {
	case h.b == nil:
		return 0
	case h.b.wide:
		return scanNames(&h.b.names, cursor, count, show)
	}
	h.b.names.each(0, func(_ uint64, e *Block) bool { show(e); return true })
	return 0
}

// Wide reports whether Redis would keep the hash in a hash table.
func (h Hash) Wide() bool { return h.b != nil && h.b.wide }
