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
