package snapshot

import (
	"context"

	"ledge/journal"
)

// Truncate forgets what the journal has up to the oldest of the snapshots
// that are kept, and no further than hold unless that is 0. With fewer than two
// snapshots it does nothing: if the only one were found damaged, the journal
// alone would have to bring everything back.
func Truncate(ctx context.Context, log *journal.Log, kept []Info, hold journal.Seq) error {
	if len(kept) < 2 {
		return nil
	}
	oldest := kept[0].Pos.Seq
	for _, info := range kept {
		oldest = min(oldest, info.Pos.Seq)
	}
	if hold > 0 {
		oldest = min(oldest, hold)
	}
	return log.Truncate(ctx, oldest)
}
