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
	if db.slots != nil && !c.slots.same(db.slots) {
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
	var blocks []*value.Block
	db.ordered().Scan(func(pos uint64) bool {
		if blocks = db.dict.at(blocks[:0], pos); len(blocks) == 0 {
			c.err = fmt.Errorf("position %x stands in the tree alone", pos)
		}
		for _, b := range blocks {
			if c.err == nil {
				c.err = c.row(pos, b)
			}
		}
		return c.err == nil
	})
	return c
}

// row counts one of the rows that the dict has at a position of the tree.
func (c *counts) row(pos uint64, b *value.Block) error {
	r, key := value.RecordOf(b), b.Name()
	hash := value.Sum(key)
	if r.Body == nil {
		if _, ok := value.CheckRow(unsafeString(value.AppendRowKey(nil, pos, key)), b.Value()); !ok {
			return fmt.Errorf("row %.64q is not a row", key)
		}
	} else if err := r.Body.Check(); err != nil {
		return fmt.Errorf("%s %.64q: %w", r.Type, key, err)
	} else if r.Body.Len() == 0 {
		return fmt.Errorf("%s %.64q is empty", r.Type, key)
	}
	c.keys++
	c.digest += value.BlockDigest(b, hash)
	if c.slots != nil {
		c.slots.add(value.Slot(b.Name()), 1, value.BlockDigest(b, hash))
		c.slots.time(b.Name(), 1, r.At)
	}
	if r.At != 0 {
		c.dead.add(r.At, key)
	}
	if r.Body != nil {
		c.fields.exchange(0, r.Body.Soonest(), key)
	}
	return nil
}
