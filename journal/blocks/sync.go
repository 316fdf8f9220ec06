package blocks

import "ledge/journal/durable"

// Sync syncs the blocks from one on, and returns the last. Those before the last
// one are there as a whole.
func (s Store) Sync(from uint32) (last uint32, err error) {
	dir, ids, err := s.Blocks()
	if err != nil || len(ids) == 0 {
		return from, err
	}
	last = ids[len(ids)-1]
	for _, id := range ids {
		if id >= from || id == last {
			if err := durable.File(Path(dir, id)); err != nil {
				return from, err
			}
		}
	}
	if last != from {
		err = durable.File(dir)
	}
	return last, err
}
