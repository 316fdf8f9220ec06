package replay

import (
	"context"
	"io"
	"time"

	"ledge/journal"
	"ledge/replay/snapshot"
)

// ErrSnapshotRunning refuses a snapshot while another is being taken.
var ErrSnapshotRunning = errSnapshotRunning

// SlotDigest returns what the rows of a slot of database n add to its digest; false if
// that is not kept, since there is no cluster.
func (v *View) SlotDigest(n journal.DB, slot uint16) (journal.Digest, bool) {
	if sums := v.s.dbs[n].slots; sums != nil {
		return sums.digest[slot], true
	}
	return 0, false
}

// WriteSnapshot is Snapshot to anything that can be written to.
func (s *State) WriteSnapshot(ctx context.Context, w io.Writer, l journal.Lineage) (snapshot.Info, error) {
	return s.writeSnapshot(ctx, w, l, time.Now())
}

// Drift has a state hold what its digest doesn't say, as a flipped bit in memory would.
func (s *State) Drift(db journal.DB) { s.dbs[db].digest++ }

// Undrift takes Drift back.
func (s *State) Undrift(db journal.DB) { s.dbs[db].digest-- }
