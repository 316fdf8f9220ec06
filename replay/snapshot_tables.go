package replay

import (
	"fmt"

	"ledge/replay/catalog"
	"ledge/replay/snapshot"
)

// savedTables are the catalog's tables that a snapshot has beside the libraries, in the
// order of their names.
var savedTables = []*catalog.Table{moves, slots}

// savedCatalog is the catalog as a snapshot has it.
type savedCatalog struct {
	libraries []snapshot.Library
	rows      []snapshot.TableRow
}

// savedCatalog returns what a snapshot has of the catalog.
func (s *State) savedCatalog() (c savedCatalog) {
	for name, code := range catalog.RowsOf(s.cat, functions).All() {
		c.libraries = append(c.libraries, snapshot.Library{Name: name, Code: code})
	}
	for _, t := range savedTables {
		for key, val := range catalog.RowsOf(s.cat, t).All() {
			c.rows = append(c.rows, snapshot.TableRow{Table: t.Name, Key: key, Val: val})
		}
	}
	return c
}

// write writes it, after the header.
func (c savedCatalog) write(enc *snapshot.Writer) {
	for _, l := range c.libraries {
		enc.Library(l)
	}
	for _, r := range c.rows {
		enc.TableRow(r)
	}
}

// loadCatalog puts what a snapshot had into an empty catalog. An error says which row
// can't be one.
func (s *State) loadCatalog(c savedCatalog) error {
	tx, err := s.cat.Begin()
	if err != nil {
		return err
	}
	for _, l := range c.libraries {
		if err == nil {
			err = tx.Set(functions, l.Name, l.Code)
		}
	}
	for _, r := range c.rows {
		for _, t := range savedTables {
			if err == nil && t.Name == r.Table {
				err = tx.Set(t, r.Key, r.Val)
			}
		}
	}
	if err == nil {
		_, err = custodyOf(tx)
	}
	if err == nil {
		_, err = movesOf(tx)
	}
	if err != nil {
		tx.Rollback()
		return fmt.Errorf("tables: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.settleCustody()
	return nil
}
