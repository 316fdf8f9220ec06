package replay

import (
	"fmt"
	"maps"
	"slices"

	"ledge/journal"
	"ledge/replay/snapshot"
)

// Functions are the function libraries, name and code of each. They are never
// changed: another set of libraries is another Functions, so that whoever has
// compiled them can tell by the pointer whether they are still the same.
type Functions struct {
	code   map[string]string
	digest journal.Digest // sum over the libraries
}

func noFunctions() *Functions { return &Functions{} }

// Code returns the code of the library of that name.
func (f *Functions) Code(name string) (string, bool) {
	code, ok := f.code[name]
	return code, ok
}

// Names returns the names of all libraries, in order.
func (f *Functions) Names() []string { return slices.Sorted(maps.Keys(f.code)) }

// with returns f with one library changed, or removed if it has no code.
func (f *Functions) with(name, code string) *Functions {
	g := &Functions{code: maps.Clone(f.code), digest: f.digest}
	if g.code == nil {
		g.code = make(map[string]string)
	}
	if old, ok := g.code[name]; ok {
		g.digest -= snapshot.LibraryDigest(name, old)
		delete(g.code, name)
	}
	if code != "" {
		g.digest += snapshot.LibraryDigest(name, code)
		g.code[name] = code
	}
	return g
}

// share is what the libraries add to the state's digest: that of a database
// whose number no database has.
func (f *Functions) share() journal.Digest {
	return snapshot.Numbered(f.digest, snapshot.LibrariesNumber)
}

// check counts the digest again.
func (f *Functions) check() error {
	var sum journal.Digest
	for name, code := range f.code {
		sum += snapshot.LibraryDigest(name, code)
	}
	if sum != f.digest {
		return fmt.Errorf("digest of the functions is %s; %s was kept", sum, f.digest)
	}
	return nil
}

// libraries are the libraries as a snapshot has them.
func (f *Functions) libraries() []snapshot.Library {
	var out []snapshot.Library
	for _, name := range f.Names() {
		out = append(out, snapshot.Library{Name: name, Code: f.code[name]})
	}
	return out
}

// Functions returns the function libraries.
func (v *View) Functions() *Functions {
	if v.over != nil {
		return v.over.functions()
	}
	return v.s.fns
}

// SetFunction makes code the function library of that name.
func (d *Draft) SetFunction(name, code string) error {
	if err := d.fits(len(name), len(code)); err != nil {
		return err
	}
	return d.emit(&journal.FunctionSet{Name: name, Code: code})
}

// DeleteFunction removes the function library of that name.
func (d *Draft) DeleteFunction(name string) error {
	return d.emit(&journal.FunctionSet{Name: name})
}

// FlushFunctions removes all function libraries.
func (d *Draft) FlushFunctions() error { return d.emit(&journal.FunctionFlush{}) }

func (t *tables) functions() *Functions { return t.s.fns }

func (t *tables) setFunctions(f *Functions) {
	old := t.s.fns
	t.s.fns = f
	t.undo = append(t.undo, func() { t.s.fns = old })
}

func (o *overlay) functions() *Functions {
	if o.fns != nil {
		return o.fns
	}
	return o.base.s.fns
}

func (o *overlay) setFunctions(f *Functions) { o.fns = f }
