package cluster

import "ledge/journal"

// Custody is which hash slots a journal's shard owns. It does not change once it is made.
type Custody struct {
	// Cluster is the id of the cluster; "" is none, and nothing is owned then.
	Cluster string
	// Owned are ranges that ascend. No two could be one, but for their epochs.
	Owned []journal.OwnedRange
}

// Owns reports whether a slot is owned.
func (c *Custody) Owns(slot uint16) bool {
	lo, hi := 0, len(c.Owned)
	for lo < hi {
		if mid := (lo + hi) / 2; c.Owned[mid].Last < slot {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(c.Owned) && c.Owned[lo].First <= slot
}
