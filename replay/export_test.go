package replay

import (
	"context"
	"io"
	"time"

	"ledge/journal"
	"ledge/replay/snapshot"
)

// WriteSnapshot is Snapshot to anything that can be written to.
func (s *State) WriteSnapshot(ctx context.Context, w io.Writer, l journal.Lineage) (snapshot.Info, error) {
	return s.writeSnapshot(ctx, w, l, time.Now())
}

// Drift has a state hold what its digest doesn't say, as a flipped bit in memory would.
func (s *State) Drift(db journal.DB) { s.dbs[db].digest++ }

// Undrift takes Drift back.
func (s *State) Undrift(db journal.DB) { s.dbs[db].digest-- }
