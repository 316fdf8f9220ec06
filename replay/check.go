package replay

import (
	"errors"
	"fmt"

	"github.com/tidwall/buntdb"

	"ledge/journal"
	"ledge/journal/fault"
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
	if got := s.digestLocked(); got != s.pos.Digest {
		errs = append(errs, fmt.Errorf("digest of all databases is %s; the position says %s", got, s.pos.Digest))
	}
	return fault.As(fault.Fatal, "replay.Check", errors.Join(errs...))
}

func checkDatabase(db *database) error {
	keys, digest, dead, err := recount(db)
	errs := []error{err}
	if keys != db.dict.n {
		errs = append(errs, fmt.Errorf("%d keys in order; %d can be found", keys, db.dict.n))
	}
	if digest != db.digest {
		errs = append(errs, fmt.Errorf("digest is %s; %s was kept", digest, db.digest))
	}
	if dead.len() != db.dead.len() || dead.sum != db.dead.sum {
		errs = append(errs, fmt.Errorf("%d deadlines adding up to %d; the index has %d adding up to %d",
			dead.len(), dead.sum, db.dead.len(), db.dead.sum))
	}
	return errors.Join(errs...)
}

// recount derives a database's fields from its rows.
func recount(db *database) (keys int, digest journal.Digest, dead deadlines, err error) {
	err = db.ordered().View(func(tx *buntdb.Tx) error {
		var bad error
		_ = tx.AscendGreaterOrEqual("", "", func(k, _ string) bool {
			b := db.dict.get(k[min(rowHead, len(k)):], keyHash(k[min(rowHead, len(k)):]))
			if b == nil {
				bad = fmt.Errorf("row %.64q stands in the tree alone", k)
				return false
			}
			v := b.value()
			hash, ok := checkRow(k, v)
			if !ok {
				bad = fmt.Errorf("row %.64q is not a row", k)
				return false
			}
			keys++
			digest += rowDigest(hash, v)
			if r := parseRow(v); r.at != 0 {
				dead.add(r.at, k[rowHead:])
			}
			return true
		})
		return bad
	})
	return keys, digest, dead, err
}
