package value

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"ledge/journal"
)

// bag is a type of collection that there is not: a set that counts what it was
// given. Like any type it is a body, an effect of its own, and a row.
type bag struct{ set }

const bagType = HashType + 1

func newBag(c common) Body { return &bag{set{c}} }

func (b *bag) Type() Type { return bagType }

func (b *bag) Own(p *Pen) Body {
	if b.Mine(p) {
		return b
	}
	c := *b
	c.gen = p.gen
	return &c
}

func (b *bag) Apply(p *Pen, op journal.Op) error {
	if o, ok := op.(*bagAdd); ok {
		b.add(p, o.Members)
		return nil
	}
	return noMeaning(bagType, op)
}

// bagAdd is SetAdd under another number.
type bagAdd struct{ *journal.SetAdd }

func (bagAdd) Kind() journal.Kind { return 201 }

// A type of collection is one file with its body, and one row: it is changed,
// taken back, shared between versions, saved and read like the others.
func TestOneMoreBody(t *testing.T) {
	scratch := append(slices.Clone(bodies), newBag)
	var gens atomic.Uint64
	var pen Pen
	pen.Begin(&gens, new(Pool))
	first := scratch.body(bagType, &pen, false)
	add := func(b Body, from, to int) {
		t.Helper()
		op := &bagAdd{new(journal.SetAdd)}
		for i := from; i < to; i++ {
			op.Members = append(op.Members, fmt.Sprint(i))
		}
		b.Begin(&pen)
		if err := b.Apply(&pen, op); err != nil {
			t.Fatal(err)
		}
	}
	add(first, 0, 1000)
	mark, digest := pen.Mark(), first.Digest()
	add(first, 1000, 1100)
	pen.Revert(mark)
	if first.Len() != 1000 || first.Digest() != digest {
		t.Errorf("undone it has %d elements, digest %x; want 1000, %x", first.Len(), first.Digest(), digest)
	}
	pen.Fresh()
	second := first.Own(&pen)
	add(second, 1000, 1100)
	if first.Len() != 1000 || second.Len() != 1100 || second.Type() != bagType {
		t.Errorf("versions have %d and %d elements of type %d; want 1000 and 1100 of %d",
			first.Len(), second.Len(), second.Type(), bagType)
	}
	var saved []byte
	second.Elements(func(e *Block) bool { saved = second.AppendElement(saved, e); return true })
	loaded := scratch.body(bagType, &pen, second.Wide())
	for rest, ok := string(saved), true; rest != ""; {
		if rest, ok = loaded.ReadElement(&pen, rest); !ok {
			t.Fatal("an element that was saved can't be read")
		}
	}
	for _, b := range []Body{first, second, loaded} {
		if err := b.Check(); err != nil {
			t.Error(err)
		}
	}
	if loaded.Digest() != second.Digest() {
		t.Errorf("loaded it has digest %x; want %x", loaded.Digest(), second.Digest())
	}
}

// Each type that a collection can have makes a body that says so, and nothing
// else does.
func TestEveryTypeHasBody(t *testing.T) {
	var gens atomic.Uint64
	pen := NewPen(&gens)
	for typ := range Type(255) {
		collection := typ.Known() && typ != String
		if has := int(typ) < len(bodies) && bodies[typ] != nil; has != collection {
			t.Errorf("type %d, %s, has a body: %v; want %v", typ, typ, has, collection)
		} else if has {
			if got := NewBody(typ, &pen, false).Type(); got != typ {
				t.Errorf("the body of a %s is a %s", typ, got)
			}
		}
	}
}
