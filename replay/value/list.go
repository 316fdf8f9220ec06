package value

import (
	"fmt"
	"iter"

	"ledge/journal"
)

// list is the body of a list. Its elements are items.
type list struct{ common }

func newList(c common) Body {
	c.names.seq = true
	return &list{c}
}

func (l *list) Type() Type { return ListType }

func (l *list) Len() int {
	if l == nil {
		return 0
	}
	return l.names.len()
}

func (l *list) Live(int64) int { return l.Len() }

func (l *list) Digest() uint64 { return l.names.digest() }

func (l *list) Own(p *Pen) Body {
	if l.Mine(p) {
		return l
	}
	c := *l
	c.gen = p.gen
	return &c
}

func (l *list) Apply(p *Pen, op journal.Op) error {
	n := uint64(l.Len())
	switch o := op.(type) {
	case *journal.ListPush:
		l.push(p, o.Items, o.Left)
		return nil
	case *journal.ListRemove:
		if o.First > n || o.Count > n-o.First || o.Count == 0 {
			return fmt.Errorf("%d items from %d on of %d", o.Count, o.First, n)
		}
		l.cut(p, int(o.First), int(o.Count))
		return nil
	case *journal.ListSet:
		if o.Index >= n {
			return fmt.Errorf("item %d of %d", o.Index, n)
		}
		l.set(p, int(o.Index), newElem(o.Item, ""))
		return nil
	case *journal.ListInsert:
		if o.Index > n {
			return fmt.Errorf("item %d of %d", o.Index, n)
		}
		l.insertItem(p, int(o.Index), newElem(o.Item, ""))
		return nil
	}
	return noMeaning(ListType, op)
}

// push adds items to an end, one after the other.
func (l *list) push(p *Pen, items []string, left bool) {
	if l.Len() == 0 && len(items) >= fillLeast {
		l.fill(p, items, left)
		return
	}
	for _, item := range items {
		at := l.Len()
		if left {
			at = 0
		}
		l.insertItem(p, at, newElem(item, ""))
	}
}

// fill makes the list of these items, in this order or backwards.
func (l *list) fill(p *Pen, items []string, backwards bool) {
	es := make([]entry, len(items))
	for i, item := range items {
		e := newElem(item, "")
		l.bytes += e.weight()
		if backwards {
			i = len(items) - 1 - i
		}
		es[i] = entry{Sum(item), e}
	}
	p.note(step{of: &l.common, did: filled})
	l.names.fill(p, es, fanout)
}

func (l *list) insertItem(p *Pen, at int, e *Block) {
	l.bytes += e.weight()
	l.insert(p, names, at, Sum(e.Name()), e)
}

func (l *list) set(p *Pen, at int, e *Block) {
	key, old := l.names.at(at)
	l.bytes += e.weight() - old.weight()
	l.replace(p, at, key, Sum(e.Name()), old, e)
}

// cut takes a run of items out. It is cut out of the tree without looking at
// each, so the tree that there was is kept for an undo.
func (l *list) cut(p *Pen, at, count int) {
	if count == 1 {
		key, e := l.names.at(at)
		l.bytes -= e.weight()
		l.remove(p, names, at, key, e)
		return
	}
	left := count
	l.names.each(at, func(_ uint64, e *Block) bool {
		l.bytes -= e.weight()
		left--
		return left > 0
	})
	if p.keeps {
		p.Fresh()
		l.gen = p.gen
		l.exchange(p, l.names, l.wide)
	}
	l.names.remove(p, at, count)
}

func (l *list) Check() error {
	if err := l.checkTrees(true); err != nil {
		return err
	}
	var bytes int64
	poly, power := uint64(0), uint64(1)
	l.names.each(0, func(_ uint64, e *Block) bool {
		bytes += e.weight()
		poly, power = poly+power*Sum(e.Name()), power*oddBase
		return true
	})
	if l.names.root != nil && l.names.root.sum != poly {
		return fmt.Errorf("items add up to %x; the list says %x", poly, l.names.root.sum)
	}
	return l.checkSums(bytes, l.sum)
}

func (l *list) Elements(fn func(*Block) bool) { l.names.every(fn) }

// AppendElement appends an item.
func (l *list) AppendElement(b []byte, e *Block) []byte { return appendName(b, e) }

func (l *list) ReadElement(p *Pen, s string) (rest string, ok bool) {
	item, s, ok := cutBytes(s, 0)
	if ok {
		l.insertItem(p, l.Len(), newElem(item, ""))
	}
	return s, ok
}

// List is a list at one moment. It stays good after the view has ended. The
// zero List is empty.
type List struct{ b *list }

// ListOf returns the list that a body is. No body is an empty list.
func ListOf(b Body) List {
	l, _ := b.(*list)
	return List{l}
}

// Len returns the number of items.
func (l List) Len() int { return l.b.Len() }

// At returns the i-th item.
func (l List) At(i int) string {
	_, e := l.b.names.at(i)
	return e.Name()
}

// From yields items towards the end, from the i-th on.
func (l List) From(i int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if l.b != nil {
			l.b.names.each(i, func(_ uint64, e *Block) bool { return yield(e.Name()) })
		}
	}
}

// Down yields items towards the first, from the i-th on.
func (l List) Down(i int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if l.b != nil {
			l.b.names.back(i, func(_ uint64, e *Block) bool { return yield(e.Name()) })
		}
	}
}
