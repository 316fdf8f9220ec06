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
		return sums.at(slot).digest, true
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

// MostPassed is how many hidden keys the sweeper passes in one step.
const MostPassed = mostPassed

// Due reports whether the sweeper finds anything to do.
func (s *State) Due(now time.Time) bool { return s.due(now) }

// Passed returns the deadline up to which the sweeper has found hidden keys alone.
func (s *State) Passed(n journal.DB) int64 {
	if to := s.dbs[n].passedDead.to.Load(); to != nil {
		return to.at
	}
	return 0
}

// RestFrom is how many keys have to go for those that stay to be put elsewhere.
const RestFrom = restFrom

// PrepareRows is how many keys have to stay for what stays to be prepared.
const PrepareRows = prepareRows

// Prepares reports whether what stays is prepared before batches are applied.
func (s *State) Prepares(cs ...journal.Committed) bool { return s.prepareRest(cs) != nil }

// ApplyUnprepared is Apply without that.
func (s *State) ApplyUnprepared(cs ...journal.Committed) error { return s.applyPrepared(cs, nil, nil) }

// Emit adds an effect that a draft's other methods may refuse.
func (d *Draft) Emit(op journal.Op) error { return d.emit(op) }
