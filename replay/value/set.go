package value

import (
	"fmt"
	"iter"

	"ledge/journal"
)

// set is the body of a set. Its elements are members. They are in order of their
// hashes from the first.
type set struct{ common }

func newSet(c common) Body { return &set{c} }

func (s *set) Type() Type { return SetType }

func (s *set) Len() int {
	if s == nil {
		return 0
	}
	return s.names.len()
}

func (s *set) Live(int64) int { return s.Len() }

func (s *set) Digest() uint64 { return s.summed(s.Len()) }

func (s *set) Own(p *Pen) Body {
	if s.Mine(p) {
		return s
	}
	c := *s
	c.gen = p.gen
	return &c
}

func (s *set) Apply(p *Pen, op journal.Op) error {
	switch o := op.(type) {
	case *journal.SetAdd:
		s.add(p, o.Members)
		return nil
	case *journal.SetRemove:
		for _, m := range o.Members {
			if !s.delete(p, m) {
				return fmt.Errorf("%w: %.64q", errNoElem, m)
			}
		}
		return nil
	}
	return noMeaning(SetType, op)
}

func (s *set) find(name string, sum uint64) (int, *Block) {
	if s == nil {
		return 0, nil
	}
	return s.names.find(sum, name)
}

// get is find without the place.
func (s *set) get(name string, sum uint64) *Block {
	if s == nil {
		return nil
	}
	return s.names.get(sum, name)
}

// count is common.count: a member has no value, so its hash says all.
func (s *set) count(sum uint64, old, e *Block) {
	if old != nil {
		s.sum -= Mix(sum)
		s.bytes -= old.weight()
	}
	if e != nil {
		s.sum += Mix(sum)
		s.bytes += e.weight()
	}
}

func (s *set) add(p *Pen, members []string) {
	if s.Len() == 0 && len(members) >= fillLeast {
		s.fill(p, members)
		return
	}
	for _, m := range members {
		s.put(p, newElem(m, ""))
	}
}

func (s *set) put(p *Pen, e *Block) {
	sum := Sum(e.Name())
	if !s.wide && (!isInt(e.Name()) || !room(s, e, sum, narrowIntset)) {
		p.note(step{of: &s.common, did: widened})
		s.wide = true
	}
	at, old := s.find(e.Name(), sum)
	s.count(sum, old, e)
	s.place(p, at, sum, old, e)
}

// fill makes the set of these members.
func (s *set) fill(p *Pen, members []string) {
	es := make([]entry, len(members))
	for i, m := range members {
		es[i] = entry{Sum(m), newElem(m, "")}
		s.wide = s.wide || !isInt(m)
	}
	p.note(step{of: &s.common, did: filled})
	es = byHash(es)
	for _, e := range es {
		s.count(e.key, nil, e.b)
	}
	s.wide = s.wide || len(es) > narrowIntset
	s.names.fill(p, es, filledSize)
}

// delete removes a member, and reports whether it was there.
func (s *set) delete(p *Pen, name string) bool {
	sum := Sum(name)
	at, old := s.find(name, sum)
	if old == nil {
		return false
	}
	s.count(sum, old, nil)
	s.remove(p, names, at, sum, old)
	return true
}

func (s *set) Check() error {
	if err := s.checkTrees(false); err != nil {
		return err
	}
	var again set
	var err error
	s.names.each(0, func(_ uint64, e *Block) bool {
		sum := Sum(e.Name())
		again.count(sum, nil, e)
		if s.get(e.Name(), sum) != e {
			err = notFound(e)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return s.checkSums(again.bytes, again.sum)
}

func (s *set) Elements(fn func(*Block) bool) { s.names.every(fn) }

// AppendElement appends a member.
func (s *set) AppendElement(b []byte, e *Block) []byte { return appendName(b, e) }

func (s *set) ReadElement(p *Pen, from string) (rest string, ok bool) {
	name, rest, ok := cutBytes(from, 0)
	if !ok {
		return "", false
	}
	before := s.Len()
	s.put(p, newElem(name, ""))
	return rest, s.Len() == before+1
}

// Set is a set at one moment. It stays good after the view has ended. The zero
// Set is empty.
type Set struct{ b *set }

// SetOf returns the set that a body is. No body is an empty set.
func SetOf(b Body) Set {
	s, _ := b.(*set)
	return Set{s}
}

// Len returns the number of members.
func (s Set) Len() int { return s.b.Len() }

// Has reports whether a member is there.
func (s Set) Has(member []byte) bool { return s.HasName(text(member)) }

// HasName is Has for a name that another collection gave.
func (s Set) HasName(member string) bool {
	return s.b.get(member, Sum(member)) != nil
}

// Present returns the members among those given that the set has, each once, as
// strings of their own.
func (s Set) Present(members [][]byte) []string { return present(s.b, members, anyElem) }

// At returns the i-th member, in no particular order.
func (s Set) At(i int) string {
	_, e := s.b.names.at(i)
	return e.Name()
}

// All yields the members in no particular order.
func (s Set) All() iter.Seq[string] { return s.From(0) }

// From yields the members from the i-th on, in the order of At.
func (s Set) From(i int) iter.Seq[string] {
	return func(yield func(string) bool) {
		if s.b != nil {
			s.b.names.each(i, func(_ uint64, e *Block) bool { return yield(e.Name()) })
		}
	}
}

// Scan calls fn with at least count members from cursor on and returns where to
// go on, 0 at the end.
func (s Set) Scan(cursor uint64, count int, fn func(member string)) uint64 {
	if s.b == nil {
		return 0
	}
	return scanNames(&s.b.names, cursor, count, func(e *Block) { fn(e.Name()) })
}

// Wide reports whether Redis would keep the set in a hash table rather than as
// sorted integers.
func (s Set) Wide() bool { return s.b != nil && s.b.wide }
