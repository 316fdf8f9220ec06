// Package catalog holds what is few, ordered, looked up several ways and changed in
// transactions that roll back: function libraries, and whatever of that kind the
// journal says beside keys. It is part of a state: changed by applying effects
// alone, counted in the state's digest, and saved with it.
//
// A Catalog has named tables of rows, key and value, in one buntdb in memory. A Tx
// changes it, all or nothing, for Apply. An Overlay has changes over a catalog that
// only a draft sees, each of which can be taken back. All three are read the same
// way; see Reader.
package catalog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tidwall/buntdb"

	"ledge/journal"
	"ledge/journal/fault"
)

// Table describes a table. It is a definition, which does not change; the rows
// belong to a Catalog.
type Table struct {
	// Name tells the table from the others. It is letters only.
	Name string
	// Digest is what a row adds to the table's digest, which is the sum over all
	// rows and so does not depend on the order in which they came.
	Digest func(key, val string) journal.Digest
	// Share is what the table adds to the digest of everything, going by its own
	// digest: the same rows in another table have to add something else.
	Share func(journal.Digest) journal.Digest
	// Indexes are orders beside that of the keys, by name. Each is told two values
	// and reports whether the first comes earlier.
	Indexes map[string]func(a, b string) bool
}

// Version tells whether a table holds the same rows as before: those who have made
// something of the rows keep it, and compare. Each change makes another, and one
// that is taken back restores the one before it.
type Version struct{ of *byte }

func newVersion() Version { return Version{new(byte)} }

// Reader reads tables: of a Catalog, or as a Tx or an Overlay has changed them.
type Reader interface {
	// Get returns the value of a row.
	Get(t *Table, key string) (val string, ok bool)
	// Each calls fn with the rows in the order of an index, or in that of their
	// keys if index is "", until fn returns false. fn must not change the table.
	Each(t *Table, index string, fn func(key, val string) bool)
	// Version returns the table's version.
	Version(t *Table) Version
}

// Writer changes tables. An error is Fatal: only a catalog that is closed, or whose
// index can't be, refuses.
type Writer interface {
	Reader
	// Set makes val the value of a row, which need not be there.
	Set(t *Table, key, val string) error
	// Delete removes a row, which need not be there.
	Delete(t *Table, key string) error
	// Clear removes all rows.
	Clear(t *Table) error
}

// Catalog is tables with their rows. Whoever owns it sees to it that a Tx is alone:
// the methods here may be called side by side, but not while one is open.
type Catalog struct {
	db     *buntdb.DB
	tables []*held
}

// held is a table with what is kept of its rows beside them.
type held struct {
	*Table
	rows    int
	digest  journal.Digest
	version Version
}

// New returns a catalog of these tables, which are empty.
func New(tables ...*Table) (*Catalog, error) {
	db, err := buntdb.Open(":memory:")
	if err != nil {
		return nil, fault.As(fault.Fatal, "open the catalog", err)
	}
	c := &Catalog{db: db}
	for _, t := range tables {
		c.tables = append(c.tables, &held{Table: t, version: newVersion()})
		for name, less := range t.Indexes {
			if err := db.CreateIndex(t.index(name), t.prefix()+"*", less); err != nil {
				return nil, fault.As(fault.Fatal, "make an index of the catalog", errors.Join(err, db.Close()))
			}
		}
	}
	return c, nil
}

// Close lets go of the rows. It may be called twice.
func (c *Catalog) Close() error {
	if err := c.db.Close(); err != nil && !errors.Is(err, buntdb.ErrDatabaseClosed) {
		return fault.As(fault.Fatal, "close the catalog", err)
	}
	return nil
}

// Rows of all tables are in one tree, each under its table's prefix.
func (t *Table) prefix() string { return t.Name + ":" }

// end is above all keys with the prefix.
func (t *Table) end() string { return t.Name + ";" }

func (t *Table) index(name string) string { return t.Name + "." + name }

// of returns what is kept of a table.
func (c *Catalog) of(t *Table) *held {
	for _, h := range c.tables {
		if h.Table == t {
			return h
		}
	}
	panic("catalog: table " + t.Name + " is not of this catalog")
}

// Get returns the value of a row.
func (c *Catalog) Get(t *Table, key string) (val string, ok bool) {
	_ = c.db.View(func(tx *buntdb.Tx) error {
		val, ok = get(tx, t, key)
		return nil
	})
	return val, ok
}

// Each calls fn with rows in order; see Reader. The rows are few and are gathered
// first: fn may read the catalog, and a lock that is held shared twice waits for
// ever once buntdb's own goroutine asks for it in between.
func (c *Catalog) Each(t *Table, index string, fn func(key, val string) bool) {
	var rows []row
	_ = c.db.View(func(tx *buntdb.Tx) error {
		rows = gather(tx, t, index)
		return nil
	})
	tell(rows, fn)
}

// Version returns the table's version.
func (c *Catalog) Version(t *Table) Version { return c.of(t).version }

// Len returns how many rows there are in all tables.
func (c *Catalog) Len() (n int) {
	for _, h := range c.tables {
		n += h.rows
	}
	return n
}

// Digest is what all tables add to the state's digest.
func (c *Catalog) Digest() (sum journal.Digest) {
	for _, h := range c.tables {
		sum += h.Share(h.digest)
	}
	return sum
}

// Check counts everything again from the rows and compares it with what was kept.
func (c *Catalog) Check() error {
	var errs []error
	for _, h := range c.tables {
		rows, sum := 0, journal.Digest(0)
		c.Each(h.Table, "", func(key, val string) bool {
			rows, sum = rows+1, sum+h.Table.Digest(key, val)
			return true
		})
		if rows != h.rows || sum != h.digest {
			errs = append(errs, fmt.Errorf("table %s has %d rows of digest %s; %d of digest %s were kept",
				h.Name, rows, sum, h.rows, h.digest))
		}
		for name := range h.Indexes {
			n := 0
			c.Each(h.Table, name, func(string, string) bool { n++; return true })
			if n != rows {
				errs = append(errs, fmt.Errorf("index %s of table %s has %d rows of %d", name, h.Name, n, rows))
			}
		}
	}
	return errors.Join(errs...)
}

func get(tx *buntdb.Tx, t *Table, key string) (string, bool) {
	val, err := tx.Get(t.prefix() + key)
	return val, err == nil
}

// row is a row on its way to whoever reads.
type row struct{ key, val string }

func gather(tx *buntdb.Tx, t *Table, index string) (rows []row) {
	add := func(k, val string) bool {
		rows = append(rows, row{strings.TrimPrefix(k, t.prefix()), val})
		return true
	}
	if index == "" {
		_ = tx.AscendRange("", t.prefix(), t.end(), add)
	} else if err := tx.Ascend(t.index(index), add); err != nil {
		panic(fmt.Sprintf("catalog: index %s of table %s: %v", index, t.Name, err))
	}
	return rows
}

func tell(rows []row, fn func(key, val string) bool) {
	for _, r := range rows {
		if !fn(r.key, r.val) {
			return
		}
	}
}
