package move

import (
	"ledge/journal"
	"ledge/replay/value"
)

// row is a key and what it holds, at some number.
type row struct {
	pos uint64
	key string
	rec value.Record
}

// weight is about how many bytes a row takes in a piece.
func (r *row) weight() int {
	n := opRoom + len(r.key) + len(r.rec.Val)
	if r.rec.Body != nil {
		n += int(r.rec.Body.Bytes()) + elementRoom*r.rec.Body.Len()
	}
	return n
}

// large reports whether a row is too large for a piece with others.
func (r *row) large(whole int) bool { return r.rec.Body != nil && r.weight() > whole }

// rowWriter makes effects that make a row, some at a time.
type rowWriter struct {
	row
	over  bool // something may stand under the key
	begun bool
	next  int // the element that comes next
}

// elementsLeft returns how many elements are still to come.
func (w *rowWriter) elementsLeft() int {
	if w.rec.Body == nil {
		return 0
	}
	switch w.rec.Type {
	case value.HashType:
		return value.HashOf(w.rec.Body, 0).Len() - w.next
	case value.ListType:
		return value.ListOf(w.rec.Body).Len() - w.next
	case value.SetType:
		return value.SetOf(w.rec.Body).Len() - w.next
	case value.ZSetType:
		return value.ZSetOf(w.rec.Body).Len() - w.next
	}
	panic("move: " + w.rec.Type.String() + " is no type that moves")
}

// append appends effects that take about most bytes, and reports whether the row is
// complete. What may stand under the key is removed first.
func (w *rowWriter) append(ops []journal.Op, most int) ([]journal.Op, bool) {
	if !w.begun {
		w.begun = true
		if w.over {
			ops = append(ops, &journal.KeyDelete{Key: w.key})
		}
		if w.rec.Type == value.String {
			return append(ops, &journal.StringSet{Key: w.key, Value: w.rec.Val, At: w.rec.At}), true
		}
	}
	for size := 0; w.elementsLeft() > 0; {
		op, n := w.some(most - size)
		ops, size = append(ops, op), size+n
		if size >= most && w.elementsLeft() > 0 {
			return ops, false
		}
	}
	if w.rec.At != 0 {
		ops = append(ops, &journal.KeyExpire{Key: w.key, At: w.rec.At})
	}
	return ops, true
}

// opRoom is about what an effect takes beside its elements, elementRoom what an element
// takes beside its bytes: less in a piece, and as much or more in memory. A target has a
// client's write wait for as long as a piece takes it, and that goes by the elements where they are short.
const (
	opRoom      = 32
	elementRoom = 48
)

// some returns the effect that adds the next elements, of which there is one at least, and
// about how many bytes it takes. It walks what holds the elements, as looking each up by its
// index takes longer than sending it does; the walk lets clients in at times.
func (w *rowWriter) some(most int) (op journal.Op, size int) {
	size = opRoom + len(w.key)
	take := func(n int) (more bool) {
		size += n + elementRoom
		w.next++
		return size < most
	}
	switch w.rec.Type {
	case value.HashType:
		return w.fields(take), size
	case value.ListType:
		o := &journal.ListPush{Key: w.key}
		for item := range value.ListOf(w.rec.Body).From(w.next) {
			if o.Items = append(o.Items, item); !take(len(item)) {
				break
			}
		}
		return o, size
	case value.SetType:
		o := &journal.SetAdd{Key: w.key}
		for member := range value.SetOf(w.rec.Body).From(w.next) {
			if o.Members = append(o.Members, member); !take(len(member)) {
				break
			}
		}
		return o, size
	}
	o := &journal.ZSetAdd{Key: w.key}
	for member, score := range value.ZSetOf(w.rec.Body).From(w.next) {
		if o.Members = append(o.Members, journal.Scored{Score: score, Member: member}); !take(len(member) + 8) {
			break
		}
	}
	return o, size
}

// fields is some for a hash: fields that have one deadline.
func (w *rowWriter) fields(take func(n int) (more bool)) journal.Op {
	o := &journal.HashSet{Key: w.key}
	for f := range value.HashOf(w.rec.Body, 0).From(w.next) {
		if len(o.Pairs) > 0 && f.Deadline != o.At {
			break
		}
		o.At, o.Pairs = f.Deadline, append(o.Pairs, f.Name, f.Value)
		if !take(len(f.Name) + len(f.Value)) {
			break
		}
	}
	return o
}
