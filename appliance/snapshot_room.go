package appliance

import (
	"context"
	"fmt"
	"math"

	"ledge/appliance/process"
	"ledge/journal/durable"
	"ledge/journal/progress"
)

// noRoom says of a snapshot for which there is no room how much it needs, and what is
// free, if err is about that.
func (b backend) noRoom(ctx context.Context, err error) error {
	if !durable.Full(err) {
		return err
	}
	free, inodes, ferr := freeRoom(b.n.dir.path)
	if ferr != nil {
		return err
	}
	need := b.n.dir.newestSnapshot().Bytes
	if s := progress.Of(ctx).Look(); s.Step == progress.StepSave && s.Done > 0 { // so much of it had room
		need = max(need, int64(float64(free)/float64(s.Done)*float64(s.Total)))
	}
	if need == 0 { // there was none before, and nothing of this one was written
		need = process.ReadUsage().Live
	}
	return shortOf(err, need, free, inodes, b.n.dir.path)
}

// shortOf words that there is no room in a directory for a snapshot that needs about so many
// bytes, while so many are free. The need is an estimate, and not all that is free need be
// the node's: a quota may end before the disk does.
func shortOf(err error, need, free int64, inodes bool, dir string) error {
	why, left := "", mebibytes(free)+" are"
	switch {
	case free == math.MaxInt64:
		left = "it is not known how many are"
	case !inodes:
		why = ", and next to no inodes (df -i)"
	case need <= free:
		why = ", and yet it is full: a snapshot may need more than that, a quota may end before the disk does, or something else takes the room"
	}
	return fmt.Errorf("a snapshot needs about %s, and %s free on the disk of %s%s; make room there, "+
		"or delete keys, which are taken when the disk is full, and try again: %w", mebibytes(need), left, dir, why, err)
}
