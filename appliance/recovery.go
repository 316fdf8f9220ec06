package appliance

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ledge/appliance/report"
	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay"
	"ledge/replay/snapshot"
)

// isDamage reports whether err says that what is on the disk is not to be
// trusted. That the node is set to fewer databases than the journal concerns doesn't.
func isDamage(err error) bool {
	return errors.Is(err, journal.ErrDamage) || fault.Of(err) == fault.Fatal && !errors.Is(err, replay.ErrDatabases)
}

// tell logs what was not as it should be and is made good.
func tell(d *directory, log *slog.Logger) {
	for _, note := range d.notes {
		log.Warn(note)
	}
	d.notes = nil
}

// checkSnapshots reads the snapshots that were not needed, so that a damaged one
// is heard of before it is.
func checkSnapshots(ctx context.Context, n *Node) {
	list, damaged := snapshot.List(n.dir.snapshotPath())
	for _, info := range list {
		if info.Path == n.recovered.Load().Snapshot.Path || ctx.Err() != nil {
			continue
		}
		_, err := snapshot.Verify(ctx, info.Path)
		if errors.As(err, new(*snapshot.Damage)) {
			damaged = errors.Join(damaged, err)
		}
	}
	if damaged != nil && ctx.Err() == nil {
		n.cfg.Logger.Warn("a snapshot is damaged that is not needed now; the next two that are taken make up for it",
			"cause", report.Line(damaged))
	}
}

// lost says what the last repair that cost something has lost; "" is none.
func (id identity) lost() string {
	r := id.Repaired
	switch {
	case r == nil:
		return ""
	case r.Last < r.First:
		return fmt.Sprintf("unknown after %d at %s, see %s", r.First-1, r.At.Format(time.RFC3339), r.Aside)
	}
	return fmt.Sprintf("%d-%d at %s, see %s", r.First, r.Last, r.At.Format(time.RFC3339), r.Aside)
}
