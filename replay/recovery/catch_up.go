package recovery

import (
	"context"
	"fmt"
	"iter"
	"math"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/progress"
	"ledge/replay"
)

// Source is where batches come from: the node's own journal, or a leader's.
type Source interface {
	// Read yields the batches from number from on.
	Read(ctx context.Context, from journal.Seq) iter.Seq2[journal.Committed, error]
}

// CatchUp applies what src has after the state's position, up to and including
// until. Silence is not trusted: if src ends before until, that is an error
// that names the number which is missing.
//
// One goroutine reads, which decodes and checks, while another applies several
// batches at a time.
func CatchUp(ctx context.Context, src Source, st *replay.State, until journal.Seq) error {
	for st.Pos().Seq < until {
		from := st.Pos().Seq
		if err := catchUpOnce(ctx, src, st, until); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		if st.Pos().Seq == from {
			return fault.As(fault.Fatal, "follow", &journal.DamageError{
				Seq: from + 1, Cause: fmt.Sprintf("missing; the journal goes up to %d", until)})
		}
	}
	return nil
}

// CatchUpAll applies all that src has after the state's position, as a recovery
// does: nobody may view the state meanwhile. Where that ends is for whoever calls to
// judge.
func CatchUpAll(ctx context.Context, src Source, st *replay.State) error {
	return st.Bulk(func() error { return catchUpOnce(ctx, src, st, math.MaxUint64) })
}

// Batches are applied in groups of about this size: a group holds up views for as
// long as it is applied, and one by one they cost more.
const (
	groupBytes   = 256 << 10
	groupBatches = 1024
)

// catchUpOnce applies what one Read of src yields. The goroutine that reads has ended
// when it returns.
func catchUpOnce(ctx context.Context, src Source, st *replay.State, until journal.Seq) error {
	shown := progress.Of(ctx)
	ctx, cancel := context.WithCancel(ctx)
	groups, failed := make(chan []journal.Committed, 4), make(chan error, 1)
	go func() {
		defer close(groups)
		failed <- readGroups(progress.Without(ctx), src, st.Pos().Seq+1, until, groups)
	}()
	var err error
	for g := range groups {
		if err = st.Apply(g...); err != nil {
			break
		}
		applied(shown, st, g)
	}
	cancel()
	for range groups { // the reader may be waiting to send
	}
	if readErr := <-failed; err == nil {
		err = readErr
	}
	return err
}

// readGroups sends what src yields until it ends, errs or has come to until.
func readGroups(
	ctx context.Context, src Source, from, until journal.Seq, to chan<- []journal.Committed,
) error {
	var group []journal.Committed
	size := 0
	send := func() bool {
		if len(group) == 0 {
			return true
		}
		select {
		case to <- group:
			group, size = nil, 0
			return true
		case <-ctx.Done():
			return false
		}
	}
	for c, err := range src.Read(ctx, from) {
		if err != nil {
			send() // what came before it is good
			return err
		}
		group, size = append(group, c), size+c.Size()
		if size >= groupBytes || len(group) >= groupBatches {
			if !send() {
				return ctx.Err()
			}
		}
		if c.Seq() >= until {
			break
		}
	}
	if !send() {
		return ctx.Err()
	}
	return nil
}
