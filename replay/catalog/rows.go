package catalog

import "iter"

// Rows is one table as somebody reads it.
type Rows struct {
	r Reader
	t *Table
}

// RowsOf returns a table as r reads it. It is good for as long as r is.
func RowsOf(r Reader, t *Table) Rows { return Rows{r, t} }

// Get returns the value of a row.
func (r Rows) Get(key string) (val string, ok bool) { return r.r.Get(r.t, key) }

// All yields the rows in the order of their keys.
func (r Rows) All() iter.Seq2[string, string] { return r.By("") }

// By yields the rows in the order of an index.
func (r Rows) By(index string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { r.r.Each(r.t, index, yield) }
}

// Keys returns the keys of all rows, in order.
func (r Rows) Keys() (keys []string) {
	for key := range r.All() {
		keys = append(keys, key)
	}
	return keys
}

// Version tells whether the rows are the same as before.
func (r Rows) Version() Version { return r.r.Version(r.t) }
