package replay

import (
	"ledge/journal"
	"ledge/replay/value"
)

// ZSet returns what key holds. A key that is not there is empty.
func (v *View) ZSet(key []byte) (value.ZSet, error) {
	b, err := v.bodyOf(key, value.ZSetType)
	return value.ZSetOf(b), err
}

// SetScores gives members of a sorted set these scores. Those that have them
// already should not be among them. Whether 0 has a sign is up to the caller.
func (d *Draft) SetScores(key []byte, members []value.Scored) error {
	if len(members) == 0 {
		return nil
	}
	op := &journal.ZSetAdd{DB: d.db, Key: d.text.copyOf(key), Members: make([]journal.Scored, len(members))}
	for i, m := range members {
		if err := d.fits(len(key), len(m.Member)); err != nil {
			return err
		}
		op.Members[i] = journal.Scored{Score: m.Score, Member: d.text.copyOf(m.Member)}
	}
	if _, err := d.fresh(key, value.ZSetType); err != nil {
		return err
	}
	return d.emit(op)
}

// ReplaceZSet makes key a sorted set of these members, each named once, whatever
// it was; with none it deletes the key. The members are kept.
func (d *Draft) ReplaceZSet(key []byte, members []journal.Scored) error {
	for i := range members {
		if err := d.fits(len(key), len(members[i].Member)); err != nil {
			return err
		}
	}
	value.KeptScores(members)
	if _, err := d.Delete(key); err != nil || len(members) == 0 {
		return err
	}
	if _, err := d.fresh(key, value.ZSetType); err != nil {
		return err
	}
	return d.emit(&journal.ZSetAdd{DB: d.db, Key: d.text.copyOf(key), Members: members})
}

// RemoveScored removes members of a sorted set and returns how many were there.
func (d *Draft) RemoveScored(key []byte, members [][]byte) (int, error) {
	z, err := d.ZSet(key)
	if err != nil {
		return 0, err
	}
	gone := z.Present(members)
	switch len(gone) {
	case 0:
		return 0, nil
	case z.Len():
		return len(gone), d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return len(gone), d.emit(&journal.ZSetRemove{DB: d.db, Key: d.text.copyOf(key), Members: gone})
}

// RemoveRanks removes count members of a sorted set, which must be there, from
// a rank on.
func (d *Draft) RemoveRanks(key []byte, first, count int) error {
	z, err := d.ZSet(key)
	switch {
	case err != nil || count == 0:
		return err
	case count == z.Len():
		return d.emit(&journal.KeyDelete{DB: d.db, Key: d.text.copyOf(key)})
	}
	return d.emit(&journal.ZSetRemoveRange{DB: d.db, Key: d.text.copyOf(key),
		First: uint64(first), Count: uint64(count)})
}
