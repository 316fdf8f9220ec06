package catalog

import (
	"errors"
	"fmt"

	"github.com/tidwall/buntdb"

	"ledge/journal/fault"
)

// Tx changes a catalog. What it has done stands once Commit returns nil, and is
// gone without a trace after Rollback. Digest and Version of the catalog show what
// it has done so far; its rows are read through the Tx alone until it ends.
type Tx struct {
	c   *Catalog
	tx  *buntdb.Tx
	was []held // what was kept of the tables before
}

// Begin begins a change.
func (c *Catalog) Begin() (*Tx, error) {
	tx, err := c.db.Begin(true)
	if err != nil {
		return nil, fault.As(fault.Fatal, "change the catalog", err)
	}
	x := &Tx{c: c, tx: tx}
	for _, h := range c.tables {
		x.was = append(x.was, *h)
	}
	return x, nil
}

// Commit makes the change stand.
func (x *Tx) Commit() error {
	return fault.As(fault.Fatal, "commit a change of the catalog", x.tx.Commit())
}

// Rollback takes the change back.
func (x *Tx) Rollback() {
	_ = x.tx.Rollback() // it only fails once the Tx has ended
	for i, h := range x.c.tables {
		*h = x.was[i]
	}
}

// Get returns the value of a row.
func (x *Tx) Get(t *Table, key string) (string, bool) { return get(x.tx, t, key) }

// Each calls fn with rows in order; see Reader.
func (x *Tx) Each(t *Table, index string, fn func(key, val string) bool) {
	tell(gather(x.tx, t, index), fn)
}

// Version returns the table's version.
func (x *Tx) Version(t *Table) Version { return x.c.Version(t) }

// Set makes val the value of a row.
func (x *Tx) Set(t *Table, key, val string) error {
	h := x.c.of(t)
	old, had, err := x.tx.Set(t.prefix()+key, val, nil)
	if err != nil {
		return fault.As(fault.Fatal, fmt.Sprintf("set %.64q in table %s", key, t.Name), err)
	}
	if had {
		h.rows, h.digest = h.rows-1, h.digest-t.Digest(key, old)
	}
	h.rows, h.digest, h.version = h.rows+1, h.digest+t.Digest(key, val), newVersion()
	return nil
}

// Delete removes a row.
func (x *Tx) Delete(t *Table, key string) error {
	h := x.c.of(t)
	old, err := x.tx.Delete(t.prefix() + key)
	if errors.Is(err, buntdb.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fault.As(fault.Fatal, fmt.Sprintf("remove %.64q from table %s", key, t.Name), err)
	}
	h.rows, h.digest, h.version = h.rows-1, h.digest-t.Digest(key, old), newVersion()
	return nil
}

// Clear removes all rows.
func (x *Tx) Clear(t *Table) error {
	var keys []string
	x.Each(t, "", func(key, _ string) bool {
		keys = append(keys, key)
		return true
	})
	for _, key := range keys {
		if err := x.Delete(t, key); err != nil {
			return err
		}
	}
	return nil
}
