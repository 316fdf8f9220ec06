package journal

import "fmt"

// Op is an effect: an outcome with absolute values. Replaying it needs no
// command code, no clock and no randomness. The set is sealed: each effect is a
// type of this package and a row of the table in effects.go.
type Op interface {
	// Kind returns the effect's number.
	Kind() Kind
	// key returns the key that the effect looks up first, "" if there is none
	// or many.
	key() (DB, string)
	// fields shows the effect's fields, without its kind, to c in their stored
	// order. A field is never removed or given another meaning: a changed
	// effect gets a kind of its own. FORMAT.md shows the same as tables.
	fields(c *coder)
}

// Kind numbers an effect. A number is never reused: journals outlive programs.
type Kind uint8

// DB is the index of a database, as in SELECT.
type DB uint16

// MaxSlot is the last of Redis's 16384 hash slots.
const MaxSlot = 16383

// effect is what there is to know of one kind of effect, but for what it does to
// a state, which is package replay's.
type effect struct {
	kind Kind
	name string
	// empty returns an effect of the kind without its fields.
	empty func() Op
	// gives is the type of value that the effect leaves under its key, and the
	// only one that it may find there; StringSet alone replaces any. It is None
	// for effects on keys of whatever type.
	gives Type
	// feeds says that there may be clients who wait for what the effect gives.
	feeds bool
	// samples are what the golden frames are made of: all fields different and
	// not zero, and once more where a field has a form of its own. None is ever
	// taken out or changed.
	samples []Op
}

// table finds effects by their kinds.
type table struct {
	rows   []effect
	byKind [256]*effect
}

// newTable returns a table of these effects. Two of one kind, or samples of
// another, are a bug.
func newTable(rows []effect) *table {
	t := &table{rows: rows}
	for i := range rows {
		e := &rows[i]
		if t.byKind[e.kind] != nil || e.empty().Kind() != e.kind {
			panic(fmt.Sprintf("journal: the number of effect %d, %s, is another's", e.kind, e.name))
		}
		t.byKind[e.kind] = e
	}
	return t
}

// of returns the row of an effect.
func (t *table) of(op Op) *effect { return t.byKind[op.Kind()] }

// KeyOf returns the key that an effect looks up first, "" if it is for no key,
// or for many.
func KeyOf(op Op) (DB, string) { return op.key() }

// Gives returns the type of value that an effect leaves under its key, None if
// it is for keys of whatever type, or for no key.
func Gives(op Op) Type { return effects.of(op).gives }

// Feeds reports whether an effect gives its key something that clients may wait
// for, as for the items of a list.
func Feeds(op Op) bool { return effects.of(op).feeds }
