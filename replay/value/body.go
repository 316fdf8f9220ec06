package value

import (
	"fmt"

	"ledge/journal"
)

// Body is what a key of a collection type holds. Once the batch that made it is
// applied it does not change any more.
type Body interface {
	// Type returns the type of the key that holds the body.
	Type() Type
	// Len returns the number of elements, of those too that have expired and
	// are not removed yet; Live returns how many have not.
	Len() int
	Live(now int64) int
	// Soonest returns the first deadline of an element in Unix milliseconds, 0
	// for none.
	Soonest() int64
	// Bytes returns how long names and values are in all.
	Bytes() int64
	// Digest stands for all that the body holds.
	Digest() uint64
	// Check recounts the body from its elements.
	Check() error

	// Own returns a body that the pen may change: this one if the pen has made
	// it, which Mine reports, and a copy otherwise.
	Own(p *Pen) Body
	Mine(p *Pen) bool
	// Share says that another key holds the body as well from here on.
	Share()
	// Begin notes what the body adds up to before a change.
	Begin(p *Pen)
	// Apply does to the body what an effect means. The effect must be one of
	// the body's type.
	Apply(p *Pen, op journal.Op) error

	// Wide reports whether the collection has outgrown what Redis keeps in one
	// piece. It stays so.
	Wide() bool
	// Elements calls fn with the elements in the order in which they are saved,
	// until it returns false.
	Elements(fn func(*Block) bool)
	// AppendElement appends an element to b as it is saved. ReadElement reads
	// one from the start of s into the body, after those that it has, and
	// returns the rest; it is false for what can't be one, or is there already.
	AppendElement(b []byte, e *Block) []byte
	ReadElement(p *Pen, s string) (rest string, ok bool)
}

// bodyTable makes the bodies of each type of collection, which is its index.
// What is to be made of the common part is a body that has no elements yet.
type bodyTable []func(common) Body

var bodies = bodyTable{
	ListType: newList,
	SetType:  newSet,
	ZSetType: newZSet,
	HashType: newHash,
}

// NewBody returns an empty body of a type for a pen to fill. A wide one is so
// from the first, as it was when it was saved.
func NewBody(t Type, p *Pen, wide bool) Body { return bodies.body(t, p, wide) }

func (bs bodyTable) body(t Type, p *Pen, wide bool) Body {
	return bs[t](common{gen: p.gen, wide: wide})
}

// noMeaning ends a program whose tables of effects and bodies differ.
func noMeaning(t Type, op journal.Op) error {
	panic(fmt.Sprintf("value: effect %d means nothing to a %s", op.Kind(), t))
}
