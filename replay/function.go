package replay

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"ledge/journal"
	"ledge/replay/value"
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
		g.digest -= libraryDigest(name, old)
		delete(g.code, name)
	}
	if code != "" {
		g.digest += libraryDigest(name, code)
		g.code[name] = code
	}
	return g
}

func libraryDigest(name, code string) journal.Digest { return value.RowDigest(value.Sum(name), code) }

// share is what the libraries add to the state's digest: that of a database
// whose number no database has.
func (f *Functions) share() journal.Digest { return numbered(f.digest, 1<<16) }

// check counts the digest again.
func (f *Functions) check() error {
	var sum journal.Digest
	for name, code := range f.code {
		sum += libraryDigest(name, code)
	}
	if sum != f.digest {
		return fmt.Errorf("digest of the functions is %s; %s was kept", sum, f.digest)
	}
	return nil
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

// functions writes a chunk for each library.
func (e *snapshotEncoder) functions(f *Functions) {
	for _, name := range f.Names() {
		e.chunk = binary.AppendUvarint(e.chunk, uint64(len(name)))
		e.chunk = append(e.chunk, name...)
		e.chunk = append(e.chunk, f.code[name]...)
		e.seal(kindFunction, 0)
	}
}

// function takes in a library. They come in order of their names.
func (s *snapshotReader) function(b []byte) error {
	size, n := binary.Uvarint(b)
	if n <= 0 || size >= uint64(len(b)-n) {
		return s.damaged("a function of %d bytes", len(b))
	}
	name, code := string(b[n:n+int(size)]), string(b[n+int(size):])
	if len(s.fns.code) > 0 && name <= s.last {
		return s.damaged("function %.64q is out of order", name)
	}
	s.last = name
	s.fns = s.fns.with(name, code)
	return nil
}
