package replay

import (
	"ledge/journal"
	"ledge/replay/catalog"
	"ledge/replay/snapshot"
)

// functions is the catalog's table of function libraries: the name of each, and
// its code. It adds to the state's digest what a database would whose number no
// database has.
var functions = &catalog.Table{
	Name:   "functions",
	Digest: snapshot.LibraryDigest,
	Share: func(d journal.Digest) journal.Digest {
		return snapshot.Numbered(d, snapshot.LibrariesNumber)
	},
}

// newCatalog returns the catalog of an empty state.
func newCatalog() (*catalog.Catalog, error) { return catalog.New(functions, slots, moves) }

// applyFunction is apply for the effects on function libraries. One that is set to
// no code is removed.
func applyFunction(s store, op journal.Op) error {
	c, err := s.catalog()
	if err != nil {
		return err
	}
	switch o := op.(type) {
	case *journal.FunctionFlush:
		return c.Clear(functions)
	case *journal.FunctionSet:
		if o.Code != "" {
			return c.Set(functions, o.Name, o.Code)
		}
		return c.Delete(functions, o.Name)
	}
	return nil
}

// Functions returns the function libraries: the name of each, and its code.
func (v *View) Functions() catalog.Rows {
	if v.over != nil {
		return catalog.RowsOf(&v.over.cat, functions)
	}
	return catalog.RowsOf(v.s.cat, functions)
}

// SetFunction makes code the function library of that name; no code removes it.
func (d *Draft) SetFunction(name, code string) error {
	if err := d.fits(len(name), len(code)); err != nil {
		return err
	}
	return d.emit(&journal.FunctionSet{Name: name, Code: code})
}

// FlushFunctions removes all function libraries.
func (d *Draft) FlushFunctions() error { return d.emit(&journal.FunctionFlush{}) }

// catalog returns the catalog as the batch changes it, which it takes the first
// effect on it to begin.
func (t *tables) catalog() (catalog.Writer, error) {
	if t.cat == nil {
		tx, err := t.s.cat.Begin()
		if err != nil {
			return nil, err
		}
		t.cat = tx
	}
	return t.cat, nil
}

func (o *overlay) catalog() (catalog.Writer, error) { return &o.cat, nil }
