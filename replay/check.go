package replay

import (
	"errors"
	"fmt"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/value"
)

// Check counts everything again from the rows alone and compares it with what
// Apply kept rolling. It holds up writes while it runs.
func (s *State) Check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var errs []error
	for i, db := range s.dbs {
		if err := checkDatabase(db); err != nil {
			errs = append(errs, fmt.Errorf("database %d: %w", i, err))
		}
	}
	if err := s.cat.Check(); err != nil {
		errs = append(errs, err)
	}
	if got := s.digestLocked(); got != s.pos.Digest {
		errs = append(errs, fmt.Errorf("digest of all databases is %s; the position says %s", got, s.pos.Digest))
	}
	return fault.As(fault.Fatal, "check the state", errors.Join(errs...))
}

func checkDatabase(db *database) error {
	c := recount(db)
	errs := []error{c.err}
	if c.keys != db.dict.n {
		errs = append(errs, fmt.Errorf("%d keys in order; %d can be found", c.keys, db.dict.n))
	}
	if c.digest != db.digest {
		errs = append(errs, fmt.Errorf("digest is %s; %s was kept", c.digest, db.digest))
	}
	if !c.dead.same(&db.dead) {
		errs = append(errs, fmt.Errorf("%d deadlines adding up to %d; the index has %d adding up to %d",
			c.dead.len(), c.dead.sum, db.dead.len(), db.dead.sum))
	}
	if !c.fields.same(&db.fields) {
		errs = append(errs, fmt.Errorf("%d hashes with deadlines adding up to %d; the index has %d adding up to %d",
			c.fields.len(), c.fields.sum, db.fields.len(), db.fields.sum))
	}
	if db.slots != nil && *c.slots != *db.slots {
		errs = append(errs, errors.New("keys, deadlines and digests of slots are not as they were kept"))
	}
	return errors.Join(errs...)
}

// same reports whether two indexes have as many deadlines with the same sum.
func (d *deadlines) same(e *deadlines) bool { return d.len() == e.len() && d.sum == e.sum }

// counts is what a database's rows add up to.
type counts struct {
	keys         int
	digest       journal.Digest
	dead, fields deadlines
	slots        *slotSums // nil outside of a cluster
	err          error
}

// recount derives a database's fields from its rows.
func recount(db *database) (c counts) {
	if db.slots != nil {
		c.slots = newSums(db.slots.shown)
	}
	db.ordered().Scan(func(k string) bool {
		b := db.dict.get(k[min(value.RowHead, len(k)):], value.Sum(k[min(value.RowHead, len(k)):]))
		if b == nil {
			c.err = fmt.Errorf("row %.64q stands in the tree alone", k)
			return false
		}
		c.err = c.row(k, b)
		return c.err == nil
	})
	return c
}

// row counts one row of the tree with what the dict has for it.
func (c *counts) row(k string, b *value.Block) error {
	r := value.RecordOf(b)
	hash := value.Sum(k[value.RowHead:])
	if r.Body == nil {
		if _, ok := value.CheckRow(k, b.Value()); !ok {
			return fmt.Errorf("row %.64q is not a row", k)
		}
	} else if err := r.Body.Check(); err != nil {
		return fmt.Errorf("%s %.64q: %w", r.Type, k[value.RowHead:], err)
	} else if r.Body.Len() == 0 {
		return fmt.Errorf("%s %.64q is empty", r.Type, k[value.RowHead:])
	}
	c.keys++
	c.digest += value.BlockDigest(b, hash)
	if c.slots != nil {
		c.slots.add(value.Slot(b.Name()), 1, value.BlockDigest(b, hash))
		c.slots.time(b.Name(), 1, r.At)
	}
	if r.At != 0 {
		c.dead.add(r.At, k[value.RowHead:])
	}
	if r.Body != nil {
		c.fields.exchange(0, r.Body.Soonest(), k[value.RowHead:])
	}
	return nil
}
